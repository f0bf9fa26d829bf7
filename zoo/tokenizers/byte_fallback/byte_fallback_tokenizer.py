"""Byte-pair encoding of characters with byte fallback, as of Llama 2, Mistral and Gemma, inside a TensorFlow graph."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import tensorflow as tf

from zoo.errors import UserError
from zoo.tokenizers.added_tokens.added_token import AddedToken, AddedTokens
from zoo.tokenizers.byte_fallback.tokenizer_json import read_byte_fallback_json
from zoo.tokenizers.byte_fallback.vocabulary import BLANK, ByteFallbackVocabulary
from zoo.tokenizers.byte_pair.files import VOCABULARY_FILE, parse_json, read_file, vocabulary_content
from zoo.tokenizers.clean_text import clean_text
from zoo.tokenizers.merging_tokenizer import MergingTokenizer
from zoo.tokenizers.sentencepiece.resource import LastingSentencepiece
from zoo.tokenizers.text_parts import whole_texts
from zoo.tokenizers.tokenizer import ADDED_TOKENS, CONFIG_FILE, DEVICE, read_asset, read_options

PREFIXES = ("none", "every", "never", "first", "missing")
"""Where a blank is put before a text, and when.

Before added tokens that are `normalized` are looked for, and so in them too: none: nowhere, as Gemma; every: before
each text and what follows an added token, blank or not, as Llama 2. After that: never: nowhere; first: before what a
text begins with, unless that is a blank or an added token, as Mistral; missing: also before what follows an added
token, unless that is a blank.
"""
# A byte that no UTF-8 text holds, so that regular expressions do not match it.
_BOUNDARY = b"\xff"
# JSON, because entries may hold line breaks.
MERGES_FILE = "merges.json"
_ROLES = ("bos", "eos", "pad", "unk")
_OPTIONS = ("roles", "prefix", "split_words", "strip_blanks", "special_tokens_in_text")


class ByteFallbackTokenizer(MergingTokenizer):
    """Merges of characters (Sennrich et al., 2016), and the UTF-8 bytes of characters that the vocabulary lacks.

    That is how the SentencePiece models of Llama 2, Mistral and Gemma look in a tokenizer.json; ids and texts are those
    of the `tokenizers` package. Texts are not split into words, unless asked: merges may join several. The graph uses
    TensorFlow's own operations and SentencepieceTokenizeOp, which stock TensorFlow Serving binaries hold.

    Text never yields a control token, unless `special_tokens_in_text` names it.

    Attributes:
        prefix, split_words, strip_blanks: As given.
        bos_id, eos_id, unk_id: Ids of the tokens that begin and end a text, and of that for unknown characters, which
            no text needs; None if there are none.
        pad_id: Id of the padding token, or of the end token if there is none.
    """

    def __init__(
        self,
        vocabulary: Mapping[str, int] | Sequence[str],
        merges: Iterable[tuple[str, str]],
        *,
        roles: Mapping[str, str] | None = None,
        prefix: str = "first",
        split_words: bool = False,
        strip_blanks: int = 0,
        added_tokens: Iterable[AddedToken] = (),
        special_tokens_in_text: Iterable[str] = (),
    ):
        """Creates the tokenizer of a vocabulary.

        Args:
            vocabulary: The entries with their ids, or the entries by id. A blank is U+2581, and all of "<0x00>" to
                "<0xFF>" must be there.
            merges: Pairs of entries to join, by rank.
            roles: The tokens that are "bos", "eos", "pad" and "unk". They are control tokens.
            prefix: One of `PREFIXES`: where a blank is put before a text.
            split_words: Whether merges are only within words, each of which begins with a blank.
            strip_blanks: How many blanks decoding takes away from the beginning of a text, if there are as many.
            added_tokens: `AddedToken` that are single tokens wherever they stand in a text: entries of the vocabulary,
                or with the ids that follow it.
            special_tokens_in_text: Control tokens that text may hold.

        Raises:
            UserError: for a vocabulary with missing bytes, entries or ids, for merges of what is no entry, and for
                impossible options.
        """
        super().__init__(name="byte_fallback_tokenizer")
        if prefix not in PREFIXES:
            raise UserError(f"prefix is {prefix!r}; use one of {', '.join(PREFIXES)}")
        if not isinstance(split_words, bool):
            raise UserError(f"split_words is {split_words!r}; use True or False")
        if isinstance(strip_blanks, bool) or not isinstance(strip_blanks, int) or strip_blanks < 0:
            raise UserError(f"strip_blanks is {strip_blanks!r}; use 0 or a positive number")
        self.prefix, self.split_words, self.strip_blanks = prefix, split_words, strip_blanks
        roles = {} if roles is None else roles
        if not isinstance(roles, Mapping) or not set(roles) <= set(_ROLES):
            raise UserError(f"roles is {roles!r}; use a dict with some of {', '.join(_ROLES)}")
        self._roles = tuple(roles.items())
        added_tokens = list(added_tokens)
        apart = {*roles.values(), *(token.content for token in map(_token, added_tokens) if token.control)}
        self._vocabulary = ByteFallbackVocabulary(vocabulary, merges, apart)
        ids, size = self._vocabulary.ids, len(self._vocabulary.tokens)
        control = [token for token in dict.fromkeys(roles.values()) if token in ids]
        added = AddedTokens(added_tokens, ids, size, control, special_tokens_in_text)
        self._normalize = {"none": _with_blanks, "every": _every_prefixed}.get(prefix)
        self._add_tokens(added, normalize=self._normalize)
        self.vocabulary_size = size + len(added.beyond)
        for role in _ROLES:
            token = roles.get(role)
            if token is not None and token not in {**ids, **added.ids}:
                raise UserError(f"the vocabulary has no {token!r}, the {role} token")
            setattr(self, f"{role}_id", None if token is None else self.token_to_id(token))
        if self.pad_id is None:
            self.pad_id = self.eos_id
        model, piece_ids = self._vocabulary.merging_model()
        skipped = {*added.control, *added.special}
        tokens = self.vocabulary
        # Resources and tables belong to no single trace, even if the tokenizer is made inside a tf.function.
        with tf.init_scope():
            self._merger = LastingSentencepiece(model=model, out_type=tf.int32)
            self._piece_ids = tf.constant(piece_ids, tf.int32)
            self._surfaces = tf.constant(self.token_bytes, tf.string)
            self._is_byte = tf.constant(
                [*(byte is not None for byte in self._vocabulary.bytes_of), *[False] * len(added.beyond)]
            )
            self._is_skipped = tf.constant([token in skipped for token in tokens])

    @classmethod
    def from_tokenizer_json(
        cls, path: Any, special_tokens_in_text: Iterable[str] = (), roles: Mapping[str, str] | None = None
    ) -> "ByteFallbackTokenizer":
        """The tokenizer of a tokenizer.json of Hugging Face, of type BPE with `byte_fallback`.

        Its special tokens are control tokens, which unlike there are not read from text unless `special_tokens_in_text`
        names them.

        Args:
            path: The file.
            special_tokens_in_text, roles: As of the constructor.

        Raises:
            UserError: for a missing or damaged file, and for each setting in it that would give other tokens or texts,
                by its name.
        """
        arguments = read_byte_fallback_json(parse_json(read_file(path), path), path)
        arguments["added_tokens"] = [replace(token, control=token.special) for token in arguments["added_tokens"]]
        try:
            return cls(**arguments, special_tokens_in_text=special_tokens_in_text, roles=roles)
        except UserError as error:
            raise UserError(f"{path}: {error}") from None

    @property
    def token_bytes(self) -> tuple[bytes, ...]:
        """The bytes that each id adds to a text, often parts of characters; none for special tokens."""
        skipped = {*self._added.control, *self._added.special}
        # Normalised tokens are written as normalisation leaves them, in the package too.
        prefixed = {token.content for token in self.added_tokens if token.normalized and self.prefix == "every"}
        beyond = [None] * len(self._added.beyond)
        return tuple(
            b""
            if token in skipped
            else (" " * (token in prefixed) + token.replace(BLANK, " ")).encode()
            if byte is None
            else bytes([byte])
            for token, byte in zip(self.vocabulary, (*self._vocabulary.bytes_of, *beyond), strict=True)
        )

    def _encode(self, texts):
        texts = clean_text(texts)
        return self._encode_parts(whole_texts(self._normalize(texts) if self._normalize else texts))

    def _encode_parts(self, parts):
        texts = parts.texts if self._normalize else _with_blanks(parts.texts)
        if self.prefix in ("first", "missing"):
            without = tf.strings.regex_full_match(texts, f"(?s)[^{BLANK}].*")
            if self.prefix == "first":
                without &= parts.starts == 0
            texts = tf.where(without, BLANK + texts, texts)
        if self.split_words:
            return self._of_words(texts)
        pieces = self._merger.tokenize(texts)
        return pieces.with_values(tf.gather(self._piece_ids, pieces.values))

    def _of_words(self, texts):
        bounded = tf.strings.regex_replace(texts, BLANK, _BOUNDARY + BLANK.encode())
        split = tf.raw_ops.StringSplit(input=bounded, delimiter=_BOUNDARY, skip_empty=True)
        pieces = self._merger.tokenize(split.values)
        lengths = tf.math.unsorted_segment_sum(pieces.row_lengths(), split.indices[:, 0], tf.size(texts))
        return tf.RaggedTensor.from_row_lengths(tf.gather(self._piece_ids, pieces.values), lengths, validate=False)

    def decode(self, token_ids: Any) -> tf.Tensor:
        """The text of each row of token ids; see `Tokenizer.decode`.

        Special tokens are left out. If bytes in a row are not all valid UTF-8, each of them becomes U+FFFD.
        """
        if isinstance(token_ids, (list, tuple)):
            token_ids = tf.ragged.constant(token_ids, tf.int32, ragged_rank=1)
        elif not isinstance(token_ids, tf.RaggedTensor):
            token_ids = tf.RaggedTensor.from_tensor(tf.convert_to_tensor(token_ids))
        # On CPU, the only place for strings, gathering refuses an id outside the table with InvalidArgument.
        with tf.device(DEVICE):
            kept = ~tf.gather(self._is_skipped, token_ids.flat_values)
            ids = tf.boolean_mask(token_ids.flat_values, kept)
            rows = tf.boolean_mask(token_ids.value_rowids(), kept)
            surfaces, is_byte = tf.gather(self._surfaces, ids), tf.gather(self._is_byte, ids)
            # Bytes next to each other are read together.
            continues = is_byte[1:] & is_byte[:-1] & (rows[1:] == rows[:-1])
            begins = tf.concat([[True], ~continues], 0)[: tf.size(ids)]
            runs = tf.cumsum(tf.cast(begins, tf.int32)) - 1
            joined = tf.strings.unsorted_segment_join(surfaces, runs, tf.reduce_sum(tf.cast(begins, tf.int32)))
            broken = tf.strings.unicode_transcode(joined, "UTF-8", "UTF-8", errors="replace") != joined
            surfaces = tf.where(tf.gather(broken, runs), "\ufffd", surfaces)
            texts = tf.strings.unsorted_segment_join(surfaces, rows, token_ids.nrows())
            if self.strip_blanks:
                texts = tf.strings.regex_replace(texts, f"^ {{1,{self.strip_blanks}}}", "", replace_global=False)
            return texts

    def settled_bytes(self, token_ids: tf.RaggedTensor) -> tf.Tensor:
        """See `Tokenizer.settled_bytes`. Bytes next to each other wait for the last of them."""
        with tf.device(DEVICE):
            ids, rows = token_ids.flat_values, token_ids.value_rowids()
            is_text = ~(tf.gather(self._is_byte, ids) | tf.gather(self._is_skipped, ids))
            places = tf.range(tf.size(ids, tf.int64)) + 1 - tf.gather(token_ids.row_starts(), rows)
            counts = tf.math.unsorted_segment_max(tf.where(is_text, places, 0), rows, token_ids.nrows())
            # Of a row without tokens the maximum is the least integer.
            counts = tf.maximum(counts, 0)
            kept = tf.boolean_mask(ids, places <= tf.gather(counts, rows))
            return tf.strings.length(self.decode(tf.RaggedTensor.from_row_lengths(kept, counts)))

    def decode_stream(self, token_ids: Iterable[int]) -> Iterator[str]:
        """The text of ids as they come, in parts that together are what `decode` gives.

        A part is given as soon as nothing that follows can change it: never half a character, and of bytes next to each
        other nothing before the last has come.

        Args:
            token_ids: Any iterable of ints.

        Yields:
            Parts of the text, never empty.

        Raises:
            IndexError: for an id outside the vocabulary.
        """
        surfaces, skipped = self.token_bytes, {*self._added.control, *self._added.special}
        run, to_strip = b"", self.strip_blanks

        def stripped(text):
            nonlocal to_strip
            while to_strip and text.startswith(" "):
                text, to_strip = text[1:], to_strip - 1
            if text:
                to_strip = 0
                yield text

        for number in token_ids:
            number = int(number)
            (token,) = self.id_to_token([number])
            if token in skipped:
                continue
            is_byte = number < len(self._vocabulary.bytes_of) and self._vocabulary.bytes_of[number] is not None
            if not is_byte and run:
                yield from stripped(_read_together(run))
                run = b""
            if is_byte:
                run += surfaces[number]
            else:
                yield from stripped(surfaces[number].decode())
        yield from stripped(_read_together(run))

    def _options(self):
        return {
            "roles": self.roles,
            "prefix": self.prefix,
            "split_words": self.split_words,
            "strip_blanks": self.strip_blanks,
            "special_tokens_in_text": list(self.special_tokens_in_text),
            ADDED_TOKENS: self._added.options(),
        }

    def _assets(self):
        merges = json.dumps({"merges": self.merges}, ensure_ascii=False, indent=0) + "\n"
        return {VOCABULARY_FILE: vocabulary_content(self._vocabulary.tokens), MERGES_FILE: merges.encode()}

    @classmethod
    def _from_assets(cls, directory, config):
        vocabulary_path, merges_path = directory / VOCABULARY_FILE, directory / MERGES_FILE
        vocabulary = parse_json(read_asset(vocabulary_path, config), vocabulary_path)
        merges = parse_json(read_asset(merges_path, config), merges_path)["merges"]
        options = read_options(directory, config, _OPTIONS)
        try:
            return cls(vocabulary, merges, **options)
        except UserError as error:
            raise UserError(f"{directory / CONFIG_FILE}: {error}") from None


def _with_blanks(texts):
    """Blanks as vocabularies have them."""
    return tf.strings.regex_replace(texts, " ", BLANK)


def _every_prefixed(texts):
    """Blanks as vocabularies have them, and one more before each text with something in it."""
    texts = _with_blanks(texts)
    return tf.where(texts == "", "", BLANK + texts)


def _read_together(run):
    try:
        return run.decode()
    except UnicodeDecodeError:
        return "\ufffd" * len(run)


def _token(given):
    return AddedToken(**given) if isinstance(given, Mapping) else given
