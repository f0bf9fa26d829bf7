"""Which tokens a masked language model has to predict, and what it sees in their place."""

from typing import Any, NamedTuple

import numpy as np

from zoo.errors import UserError
from zoo.ranges import check_range

_MASK_SHARE, _RANDOM_SHARE = 0.8, 0.1


class MaskedRows(NamedTuple):
    """B rows of S positions with M places for predictions.

    Attributes:
        token_ids: int32 [B, S], what the model sees.
        positions: int32 [B, M], ascending; 0 in places not needed.
        labels: int32 [B, M], what stood there; 0 in places not needed.
        weights: float32 [B, M], 0 in places not needed and 1 in all others.
    """

    token_ids: np.ndarray
    positions: np.ndarray
    labels: np.ndarray
    weights: np.ndarray


class TokenMasking:
    """BERT's masking: of the tokens drawn, 80% become [MASK], 10% a random token and 10% stay.

    Of each row, the given share of its tokens is drawn, rounded, at least one. Words are drawn in random order until
    that number is reached; a word of more tokens than are left is passed over. Special tokens, [UNK] among them, are
    never drawn and never a random token.

    Args:
        mask_id: Id of [MASK].
        special_ids: Ids of all special tokens.
        vocabulary_size: Random tokens are below this.
        share: Share of the tokens that is drawn.
        whole_words: Whether all tokens of a word are drawn together; a word cut by the edge of its row never is. Else
            each token is drawn by itself.

    Source: Devlin et al. 2019, https://arxiv.org/abs/1810.04805, section 3.1; whole words as in the reference
    implementation of 2019.
    """

    def __init__(
        self, *, mask_id: int, special_ids: Any, vocabulary_size: int, share: float = 0.15, whole_words: bool = True
    ):
        check_range("the share of masked tokens", share, above=0, below=1)
        self._mask_id, self._share, self._whole_words = mask_id, share, whole_words
        self._special_ids = np.array(sorted(special_ids), np.int32)
        self._random_ids = np.setdiff1d(np.arange(vocabulary_size, dtype=np.int32), self._special_ids)
        if not len(self._random_ids):
            raise UserError("the vocabulary has only special tokens")

    def num_predictions(self, sequence_length: int) -> int:
        """M, the most predictions of a row of that many positions, [CLS] and [SEP] included."""
        return self._drawn(sequence_length - 2)

    def _drawn(self, tokens):
        return np.maximum(np.rint(self._share * tokens), 1).astype(np.int64)

    def __call__(self, rows: Any, rng: Any) -> Any:
        """Masks rows.

        Args:
            rows: `TextRows`.
            rng: numpy `Generator`.

        Returns:
            `MaskedRows`.
        """
        drawn = self._draw(rows, rng)
        count, width = drawn.shape
        places = int(self.num_predictions(width))
        # Drawn positions first, in their order.
        positions = np.argsort(~drawn, axis=1, kind="stable")[:, :places].astype(np.int32)
        lines = np.arange(count)[:, None]
        needed = drawn[lines, positions]
        labels = np.where(needed, rows.token_ids[lines, positions], 0)
        fate = rng.random(positions.shape)
        random_ids = rng.choice(self._random_ids, positions.shape)
        others = np.where(fate < _MASK_SHARE + _RANDOM_SHARE, random_ids, labels)
        seen = np.where(fate < _MASK_SHARE, self._mask_id, others)
        token_ids = rows.token_ids.copy()
        token_ids[np.broadcast_to(lines, needed.shape)[needed], positions[needed]] = seen[needed]
        return MaskedRows(token_ids, np.where(needed, positions, 0), labels.astype(np.int32), needed.astype(np.float32))

    def _draw(self, rows, rng):
        """bool [B, S], the tokens to predict."""
        count, width = rows.token_ids.shape
        lines = np.arange(count)
        real = np.arange(width) < rows.lengths[:, None]
        possible = real & ~np.isin(rows.token_ids, self._special_ids)
        wanted = np.minimum(self._drawn(possible.sum(axis=1)), possible.sum(axis=1))
        starts = rows.word_starts if self._whole_words else np.ones_like(possible)
        words = np.cumsum(starts, axis=1) - 1
        cells = (lines[:, None] * width + words).ravel()
        sizes = np.bincount(cells, minlength=count * width)
        # A word with a token that is not possible, or that is a special token's by `TextRows`, is none.
        sizes[np.bincount(cells, ~possible.ravel(), minlength=count * width) > 0] = 0
        sizes = sizes.reshape(count, width)
        order = np.argsort(np.where(sizes > 0, rng.random((count, width)), 2.0), axis=1)
        taken = np.zeros((count, width), bool)
        total = np.zeros(count, np.int64)
        for rank in range(int((sizes > 0).sum(axis=1).max(initial=0))):
            word = order[:, rank]
            size = sizes[lines, word]
            fits = (size > 0) & (total + size <= wanted)
            taken[lines, word] = fits
            total += size * fits
            if (total == wanted).all():
                break
        return taken[lines[:, None], words] & possible
