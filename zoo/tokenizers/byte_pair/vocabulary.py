"""Vocabularies of byte-level BPE tokenizers: entries, merges, special tokens, and what text can become of them."""

from collections.abc import Iterable, Mapping, Sequence

from zoo.errors import UserError
from zoo.tokenizers.byte_pair.alphabet import ALPHABET, spelled_bytes
from zoo.tokenizers.byte_pair.merging import NO_ENTRY, UNMADE, finishing_merges

# What the models of this kind call their special tokens, by the part that each plays.
KNOWN_SPECIAL_TOKENS = {
    "bos": ("<s>", "<|startoftext|>", "<|endoftext|>"),
    "eos": ("</s>", "<|endoftext|>"),
    "pad": ("<pad>", "<|pad|>"),
    "unk": ("<unk>",),
    "mask": ("<mask>",),
}


class BytePairVocabulary:
    """A checked vocabulary.

    An object of its own because TensorFlow looks through every list, tuple and dict that a module holds, entry by entry
    and many times, whenever the module is saved.

    Attributes:
        tokens: The entries by id, bytes spelled in `ALPHABET`, special tokens as they are.
        ids: The ids by entry.
        merges: Pairs of entries, by rank.
        special: The ids of special tokens by token, in the order of their ids.
        token_bytes: The bytes of each entry; none for special tokens and others that are set apart.
        missing_bytes: The bytes that are no entries.
        finishing: int64 [V], the rank of the merge that finishes each entry; see `finishing_merges`.
    """

    def __init__(
        self,
        vocabulary: Mapping[str, int] | Sequence[str],
        merges: Iterable[tuple[str, str]],
        special_tokens: Mapping[str, int] | Iterable[str] | None,
        apart: Iterable[str] = (),
        drop_missing_bytes: bool = False,
    ):
        """Checks and stores a vocabulary; for the other arguments see `BytePairTokenizer`.

        Args:
            apart: Further tokens that are found in texts as a whole; those that no merge makes or takes need not be
                spelled in `ALPHABET`.

        Raises:
            UserError: naming the entry or merge at fault.
        """
        ids = checked_ids(vocabulary)
        merges = merge_pairs(merges)
        special = special_ids(special_tokens, ids, merges)
        self.ids = {token: token_id for token_id, token in entries_by_id({**ids, **special})}
        self.tokens = tuple(self.ids)
        self.special = {token: token_id for token, token_id in self.ids.items() if token in special}
        merged = {part for left, right in merges for part in (left, right, left + right)}
        self._apart = {*special, *(token for token in apart if token not in merged and token not in ALPHABET)}
        self.token_bytes = tuple(b"" if token in self._apart else _token_bytes(token) for token in self.tokens)
        byte_ids = [self.ids.get(character) for character in ALPHABET]
        missing = [byte for byte, token_id in enumerate(byte_ids) if token_id is None or ALPHABET[byte] in special]
        for byte in missing if not drop_missing_bytes else ():
            raise UserError(
                f"the vocabulary has no ordinary entry {ALPHABET[byte]!r}, byte 0x{byte:02X}; all 256 must be there"
            )
        self.missing_bytes = bytes(missing)
        self.merges = merges
        known = [
            NO_ENTRY if token_id is None or byte in self.missing_bytes else token_id
            for byte, token_id in enumerate(byte_ids)
        ]
        spellings = [[known[byte] for byte in content] for content in self.token_bytes]
        self.finishing = finishing_merges(spellings, merge_ids(merges, self.ids, self.special))

    def is_made(self, token_id: int) -> bool:
        """Whether the entry's own bytes, as a word of text, become this one token."""
        return len(self.token_bytes[token_id]) == 1 or self.finishing[token_id] != UNMADE


def merge_ids(merges, ids, apart) -> list[tuple[int, int, int]]:
    """Merges as ids of left part, right part and whole.

    Args:
        merges: By rank.
        ids: The ids of entries.
        apart: Entries that are no part of a text.

    Raises:
        UserError: naming the merge at fault.
    """
    known, result = {}, []
    for rank, pair in enumerate(merges):
        left, right = pair
        for token in (left, right, left + right):
            if token not in ids:
                raise UserError(f"merge {rank + 1}, {left!r} and {right!r}: the vocabulary has no entry {token!r}")
            if token in apart:
                raise UserError(f"merge {rank + 1}, {left!r} and {right!r}: {token!r} is a special token")
        if pair in known:
            raise UserError(f"merge {rank + 1}, {left!r} and {right!r}, repeats merge {known[pair]}")
        known[pair] = rank + 1
        result.append((ids[left], ids[right], ids[left + right]))
    return result


def checked_ids(vocabulary) -> dict:
    """The ids of the entries of a dict or a list; UserError for something else and for an entry that is there twice."""
    if isinstance(vocabulary, (str, bytes)):
        raise UserError("vocabulary must be a dict or a list of entries; BytePairTokenizer.from_files reads files")
    if isinstance(vocabulary, Mapping):
        return dict(vocabulary)
    ids = {}
    for token_id, token in enumerate(vocabulary):
        if token in ids:
            raise UserError(f"vocabulary entry {token_id}, {token!r}, repeats entry {ids[token]}, counted from 0")
        ids[token] = token_id
    return ids


def merge_pairs(merges) -> tuple[tuple[str, str], ...]:
    """Merges, each a pair of entries; UserError naming the first that is none."""
    if isinstance(merges, (str, bytes)):
        raise UserError("merges must be a list of pairs of entries; BytePairTokenizer.from_files reads files")
    pairs = []
    for rank, merge in enumerate(merges):
        if isinstance(merge, (str, bytes)) or len(merge) != 2 or not all(isinstance(part, str) for part in merge):
            raise UserError(f"merge {rank + 1} is {merge!r}; use a pair of entries")
        pairs.append((merge[0], merge[1]))
    return tuple(pairs)


def special_ids(special_tokens, ids, merges) -> dict:
    """Special tokens with their ids, those of mappings included that the vocabulary does not have yet."""
    if special_tokens is None:
        known = dict.fromkeys(token for spellings in KNOWN_SPECIAL_TOKENS.values() for token in spellings)
        merged = {left + right for left, right in merges}
        special_tokens = [token for token in known if token in ids and token not in merged]
    if isinstance(special_tokens, (str, bytes)) or not isinstance(special_tokens, Iterable):
        raise UserError(f"special_tokens is {special_tokens!r}; use a list of tokens, or a dict with their ids")
    special = {}
    for token in special_tokens:
        if not isinstance(token, str) or not token:
            raise UserError(f"special token {token!r} is not a string with text in it")
        if not isinstance(special_tokens, Mapping) and token not in ids:
            raise UserError(f"special token {token!r} is not in the vocabulary; add it, or give a dict with its id")
        special[token] = special_tokens[token] if isinstance(special_tokens, Mapping) else ids[token]
        if ids.get(token, special[token]) != special[token]:
            raise UserError(f"special token {token!r} has id {ids[token]} in the vocabulary, not {special[token]}")
        if any("\ud800" <= character <= "\udfff" for character in token):
            raise UserError(f"special token {token!r} holds half of a surrogate pair, which UTF-8 cannot")
    return special


def entries_by_id(ids) -> list[tuple[int, str]]:
    """The entries in the order of their ids, which must run from 0 without gaps."""
    for token, token_id in ids.items():
        if not isinstance(token, str) or not token:
            raise UserError(f"vocabulary entry {token!r} is not a string with text in it")
        if isinstance(token_id, bool) or not isinstance(token_id, int) or token_id < 0:
            raise UserError(f"vocabulary entry {token!r} has id {token_id!r}; ids are 0, 1, 2 and so on")
    entries = sorted((token_id, token) for token, token_id in ids.items())
    for place, (token_id, token) in enumerate(entries):
        if token_id < place:
            raise UserError(f"vocabulary entry {token!r} has id {token_id}, and so has {entries[place - 1][1]!r}")
        if token_id > place:
            raise UserError(f"the vocabulary has no entry with id {place}; ids must run from 0 without gaps")
    return entries


def _token_bytes(token):
    try:
        return spelled_bytes(token)
    except KeyError as error:
        raise UserError(
            f"vocabulary entry {token!r} holds {error.args[0]!r}, which stands for no byte in GPT-2's alphabet; "
            "is it a special token?"
        ) from None
