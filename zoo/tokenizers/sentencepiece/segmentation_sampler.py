"""Random segmentations by a SentencePiece model, from a generator of our own.

From sentencepiece 0.2.2 on, the package's own generator begins elsewhere in each process, whatever seed it is given.
The distributions here are the package's (those of 0.2.3, where versions differ).
"""

import math
from bisect import bisect
from functools import lru_cache
from heapq import heappop, heappush
from itertools import accumulate
from operator import add

import numpy as np
from sentencepiece import sentencepiece_model_pb2

from zoo.errors import UserError

_KINDS = sentencepiece_model_pb2.ModelProto.SentencePiece
_MODELS = sentencepiece_model_pb2.TrainerSpec
# How much less an unknown character is worth than the least probable piece.
_UNKNOWN_PENALTY = 10.0
# What is known of this many parts of texts is kept, if they are no longer than this.
_KEPT_PARTS = 2**14
_LONGEST_KEPT = 32
_DRAWN_AT_ONCE = 1024


class SegmentationSampler:
    """Draws segmentations of texts: a function of the model, the texts, `alpha` and the seed alone.

    Unigram models: a segmentation's probability is proportional to that of its pieces to the power of `alpha` (Kudo
    2018, https://arxiv.org/abs/1804.10959). BPE: each merge is left out with probability `alpha` (Provilkov et al.
    2020, https://arxiv.org/abs/1910.13267).
    """

    def __init__(self, processor):
        """Reads the model.

        Args:
            processor: `sentencepiece.SentencePieceProcessor`.

        Raises:
            UserError: for models that are neither unigram nor BPE.
        """
        proto = sentencepiece_model_pb2.ModelProto.FromString(processor.serialized_model_proto())
        kind = proto.trainer_spec.model_type
        if kind not in (_MODELS.UNIGRAM, _MODELS.BPE):
            name = _MODELS.ModelType.Name(kind).lower()
            raise UserError(f"segmentations can be drawn from unigram and BPE models only, and this is a {name} model")
        self._normalize = processor.normalize
        self._pieces = _Pieces(proto)
        self._method = (_Merges if kind == _MODELS.BPE else _Lattices)(self._pieces)

    def sample(self, texts, alpha, seed) -> list[np.ndarray]:
        """Draws a segmentation of each text.

        Args:
            texts: list of valid Unicode str, not normalised.
            alpha: At least 0; at most 1 for BPE.
            seed: int >= 0.

        Returns:
            list of int32 arrays.
        """
        draw = self._method.drawing(alpha, _uniform(seed))
        found = []
        for text in self._normalize(list(texts)):
            ids = [token_id for part in self._pieces.parts(text) for token_id in draw(part)]
            found.append(np.array(self._pieces.without_unknown_runs(ids), np.int32))
        return found


def _uniform(seed):
    """Endless numbers in [0, 1). The bit generator is named because NumPy's default may change."""
    generator = np.random.Generator(np.random.PCG64(seed))
    while True:
        yield from generator.random(_DRAWN_AT_ONCE).tolist()


class _Pieces:
    """The vocabulary.

    Attributes:
        scores: By spelling; without control tokens, bytes and the unknown token.
        unused: Spellings that may arise between merges, but not stay.
        symbols: User-defined symbols.
        least: Score of the least probable ordinary piece.
    """

    def __init__(self, proto):
        entries = [
            (piece, number)
            for number, piece in enumerate(proto.pieces)
            if piece.type in (_KINDS.NORMAL, _KINDS.USER_DEFINED, _KINDS.UNUSED)
        ]
        self.scores = {piece.piece: piece.score for piece, _ in entries}
        self.unused = {piece.piece for piece, _ in entries if piece.type == _KINDS.UNUSED}
        self.symbols = [piece.piece for piece, _ in entries if piece.type == _KINDS.USER_DEFINED]
        self.least = min((piece.score for piece, _ in entries if piece.type == _KINDS.NORMAL), default=0.0)
        self._ids = {piece.piece: (number,) for piece, number in entries}
        unknown = [number for number, piece in enumerate(proto.pieces) if piece.type == _KINDS.UNKNOWN]
        self._unknown = unknown[0] if unknown else None
        self._bytes = None
        if proto.trainer_spec.byte_fallback:
            numbers = {piece.piece: number for number, piece in enumerate(proto.pieces) if piece.type == _KINDS.BYTE}
            self._bytes = [numbers[f"<0x{byte:02X}>"] for byte in range(256)]
        # Between two characters that are neighbours in no piece, every segmentation of a text has a border.
        self._neighbours = {pair for piece in self._ids for pair in map(add, piece, piece[1:])}

    def ids(self, spelling):
        """The ids of a piece, or of a character that is none."""
        if spelling in self._ids:
            return self._ids[spelling]
        return self.unknown_ids(spelling)

    def unknown_ids(self, spelling):
        """The ids of what is not known."""
        if self._bytes is None:
            return (self._unknown,)
        return tuple(self._bytes[byte] for byte in spelling.encode())

    def parts(self, text):
        """Cuts a normalised text into parts whose segmentations are independent of each other."""
        if self.unused:
            # How such a piece is taken apart depends on the whole text.
            return [text] if text else []
        pairs = map(add, text, text[1:])
        cuts = [place for place, pair in enumerate(pairs, 1) if pair not in self._neighbours]
        return [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True) if end]

    def without_unknown_runs(self, ids):
        """Makes a run of unknown characters one token."""
        if self._bytes is not None or self._unknown not in ids:
            return ids
        following = zip(ids, [None, *ids], strict=False)
        return [token_id for token_id, last in following if not token_id == last == self._unknown]


class _Lattices:
    """Segmentations of unigram models, by filtering forwards and sampling backwards."""

    def __init__(self, pieces):
        self._pieces = pieces
        self._scores = {piece: score for piece, score in pieces.scores.items() if piece not in pieces.unused}
        self._scores.update({symbol: 0.1 * (len(symbol) - 1) for symbol in pieces.symbols})
        self._longest = max(map(len, self._scores), default=1)
        self._kept = lru_cache(_KEPT_PARTS)(self._lattice)

    def drawing(self, alpha, numbers):
        """The function from a part of a text to ids."""

        def draw(part):
            lattice = (self._kept if len(part) <= _LONGEST_KEPT else self._lattice)(part, alpha)
            path, end = [], len(part)
            while end:
                bounds, edges = lattice[end]
                end, ids = edges[bisect(bounds, next(numbers))] if bounds else edges[0]
                path.append(ids)
            return [token_id for ids in reversed(path) for token_id in ids]

        return draw

    def _lattice(self, part, alpha):
        """For each place, the pieces that end there: bounds of their probabilities, and their starts and ids."""
        arriving = [[] for _ in range(len(part) + 1)]
        lattice: list = [None]
        forward = 0.0
        for start in range(len(part)):
            single = False
            for end in range(start + 1, min(start + self._longest, len(part)) + 1):
                score = self._scores.get(part[start:end])
                if score is not None:
                    single = single or end == start + 1
                    arriving[end].append((forward + alpha * score, start, self._pieces.ids(part[start:end])))
            if not single:
                score = self._pieces.least - _UNKNOWN_PENALTY
                ids = self._pieces.unknown_ids(part[start])
                arriving[start + 1].append((forward + alpha * score, start, ids))
            logs = [log for log, _, _ in arriving[start + 1]]
            highest = max(logs)
            *sums, total = accumulate(math.exp(log - highest) for log in logs)
            forward = highest + math.log(total)
            lattice.append(([partial / total for partial in sums], [edge[1:] for edge in arriving[start + 1]]))
        return lattice


class _Merges:
    """Segmentations of BPE models."""

    def __init__(self, pieces):
        self._pieces = pieces
        self._symbols = {}
        for symbol in sorted(pieces.symbols, key=len, reverse=True):
            self._symbols.setdefault(symbol[0], []).append(symbol)
        self._kept = lru_cache(_KEPT_PARTS)(self._greedy)

    def drawing(self, alpha, numbers):
        """The function from a part of a text to ids."""

        def merges_until_one_is_left_out():
            if alpha in (0.0, 1.0):
                return math.inf if alpha == 0.0 else 0.0
            return math.log(1.0 - next(numbers)) // math.log1p(-alpha)

        remaining = merges_until_one_is_left_out()

        def may_merge():
            nonlocal remaining
            if remaining >= 1.0:
                remaining -= 1.0
                return True
            remaining = merges_until_one_is_left_out()
            return False

        def draw(part):
            nonlocal remaining
            start, num_merges, ids = (self._kept if len(part) <= _LONGEST_KEPT else self._greedy)(part)
            if num_merges <= remaining:
                remaining -= num_merges
                return ids
            return self._merged(start, may_merge)

        return draw

    def _greedy(self, part):
        """The part before any merge, the number of merges if none is left out, and what they lead to."""
        start = self._start(part)
        merges = []
        ids = self._merged(start, lambda: not merges.append(None))
        return start, len(merges), ids

    def _start(self, part):
        """Spellings of the symbols to merge, places of those that stay as they are, agenda and splits.

        The agenda is a heap of merges that are possible: negative score, left and right place, length. The splits are
        the parts of unused pieces.
        """
        spellings, fixed, agenda, splits = [], set(), [], {}
        end = 0
        while end < len(part):
            symbols = self._symbols.get(part[end], ())
            symbol = next((symbol for symbol in symbols if part.startswith(symbol, end)), None)
            if symbol is not None:
                fixed.add(len(spellings))
            spellings.append(symbol or part[end])
            end += len(spellings[-1])
        for right in range(1, len(spellings)):
            self._consider(right - 1, right, (spellings, fixed, agenda, splits))
        return spellings, fixed, agenda, splits

    def _consider(self, left, right, state):
        """Puts a merge of two neighbours on the agenda if it is possible."""
        spellings, fixed, agenda, splits = state
        if left < 0 or right == len(spellings) or left in fixed or right in fixed:
            return
        piece = spellings[left] + spellings[right]
        score = self._pieces.scores.get(piece)
        if score is None:
            return
        heappush(agenda, (-score, left, right, len(piece)))
        if piece in self._pieces.unused:
            splits[piece] = spellings[left], spellings[right]

    def _merged(self, start, may_merge):
        """The ids after all merges that `may_merge` allows, which is asked once for each."""
        spellings, fixed, agenda, splits = start
        spellings, agenda, splits = [*spellings], [*agenda], {**splits}
        state = (spellings, fixed, agenda, splits)
        before, after = list(range(-1, len(spellings) - 1)), list(range(1, len(spellings) + 1))
        while agenda:
            _, left, right, length = heappop(agenda)
            # A symbol that has become part of another one is empty.
            gone = not spellings[left] or not spellings[right]
            if gone or len(spellings[left]) + len(spellings[right]) != length or not may_merge():
                continue
            spellings[left] += spellings[right]
            spellings[right] = ""
            after[left] = after[right]
            if after[right] < len(spellings):
                before[after[right]] = left
            self._consider(before[left], left, state)
            self._consider(left, after[left], state)
        return [token_id for spelling in spellings if spelling for token_id in self._final(spelling, splits)]

    def _final(self, spelling, splits):
        """The ids of a symbol that takes part in no further merge."""
        if spelling not in self._pieces.unused:
            return self._pieces.ids(spelling)
        if spelling not in splits:
            return self._pieces.unknown_ids(spelling)
        return [token_id for half in splits[spelling] for token_id in self._final(half, splits)]
