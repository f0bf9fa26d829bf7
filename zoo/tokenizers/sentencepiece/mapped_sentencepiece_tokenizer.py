"""SentencePiece models whose pieces are numbered by a vocabulary of their own, as in Marian's translation models."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import sentencepiece
import tensorflow as tf

from zoo.errors import UserError
from zoo.tokenizers.added_tokens.added_token import AddedToken, AddedTokens
from zoo.tokenizers.clean_text import clean_text
from zoo.tokenizers.clean_up_spaces import clean_up_spaces
from zoo.tokenizers.sentencepiece.sentencepiece_tokenizer import (
    MODEL_FILE,
    LastingSentencepiece,
    SentencePieceTokenizer,
)
from zoo.tokenizers.tokenizer import ADDED_TOKENS, Tokenizer, read_asset, read_options

VOCABULARY_FILE = "vocabulary.json"
_BLANK = "\u2581"
# What str.strip of Python takes away, in RE2's spelling.
_PYTHON_BLANKS = r"[\t-\r\x1c-\x1f\x{85}\pZ]+"
# The same for added tokens.
_BLANKS = "9-d 1c-20 85 a0 1680 2000-200a 2028-2029 202f 205f 3000"
_OPTIONS = ("unk_token", "eos_token", "pad_token", "language_prefix", "clean_up_spaces")


class MappedSentencePieceTokenizer(Tokenizer):
    """Pieces of a SentencePiece model, looked up in a vocabulary that was made apart from it.

    Ids and texts are those of MarianTokenizer in transformers. Marian trains one vocabulary over two models, that of
    the source language and that of the target; a piece, or a run of characters that the model does not know, is the
    vocabulary's entry of the same spelling if there is one, else unknown. Text is not normalised beyond what the model
    itself does: the punctuation that OPUS-MT's training scripts unified with Moses is left as it is, here as there.

    A text that begins with `>>fra<<` begins with that one token, which tells a model of several target languages which
    is meant. Else text never yields a special token: "</s>" in it is four characters (transformers takes it for the
    end), unless `special_tokens_in_text` names it.

    Added tokens are found as MarianTokenizer does, which looks for all of them in the text as it is.

    Attributes:
        model: The serialised SentencePiece model.
        vocabulary: The entries by id.
        unk_token, eos_token, pad_token, language_prefix, clean_up_spaces: As given.

    Source: Junczys-Dowmunt et al. 2018, https://arxiv.org/abs/1804.00344 (Marian).

    Example:
        >>> tokenizer = MappedSentencePieceTokenizer.from_files("source.spm", "vocab.json")  # doctest: +SKIP
        >>> tokenizer.encode([">>fra<< Good morning."])  # doctest: +SKIP
        <tf.RaggedTensor [[58050, 2187, 8312, 3]]>
    """

    def __init__(
        self,
        model: bytes,
        vocabulary: Sequence[str],
        unk_token: str = "<unk>",
        eos_token: str = "</s>",
        pad_token: str = "<pad>",
        language_prefix: bool = True,
        clean_up_spaces: bool = False,
        added_tokens: Iterable[AddedToken] = (),
        special_tokens_in_text: Iterable[str] = (),
    ):
        """Creates the tokenizer.

        Args:
            model: The bytes of a SentencePiece model file.
            vocabulary: The entries by id.
            unk_token, eos_token, pad_token: Spellings of the special tokens, which must be in the vocabulary.
            language_prefix: Whether `>>...<<` at the start of a text is one token.
            clean_up_spaces: Whether decoding takes away blanks before punctuation and English contractions, as
                transformers' `clean_up_tokenization_spaces` does.
            added_tokens: `AddedToken` that are single tokens wherever they stand in a text: entries of the vocabulary,
                or with the ids that follow it. What is between two of them is split as a text of its own.
            special_tokens_in_text: Special tokens that text may hold.

        Raises:
            UserError: for bytes that are no SentencePiece model, a vocabulary with repeated entries or without a
                special token, and impossible added tokens.
        """
        super().__init__(name="mapped_sentence_piece_tokenizer")
        # Refuses what is no model.
        self.model = SentencePieceTokenizer(model).model
        vocabulary = tuple(vocabulary)
        self.unk_token, self.eos_token, self.pad_token = unk_token, eos_token, pad_token
        self.language_prefix, self.clean_up_spaces = language_prefix, clean_up_spaces
        self._size = len(vocabulary)
        ids = {token: token_id for token_id, token in enumerate(vocabulary)}
        if len(ids) != self._size:
            raise UserError("the vocabulary holds an entry twice")
        special = (unk_token, eos_token, pad_token)
        for token in special:
            if token not in ids:
                raise UserError(f"the vocabulary has no {token!r}, which is a special token")
        self.unk_id, self.eos_id, self.pad_id = (ids[token] for token in special)
        self.bos_id = None
        added = AddedTokens(added_tokens, ids, self._size, tuple(dict.fromkeys(special)), special_tokens_in_text)
        for token in added.read:
            if token.single_word:
                raise UserError(f"single_word of added token {token.content!r} is not supported for Marian")
        self._add_tokens(added, [replace(token, normalized=False) for token in added.read], blanks=_BLANKS)
        self.vocabulary = (*vocabulary, *added.ids)
        self.vocabulary_size = len(self.vocabulary)
        # A run of characters that the model does not know could spell a special token.
        readable = {token: token_id for token, token_id in ids.items() if token not in special}
        # Tables belong to no single trace, even if the tokenizer is made inside a tf.function.
        with tf.init_scope():
            self._piece_splitter = LastingSentencepiece(model=self.model, out_type=tf.string)
            entries = tf.lookup.KeyValueTensorInitializer(
                tf.constant(list(readable), tf.string), tf.constant(list(readable.values()), tf.int32)
            )
            self._table = tf.lookup.StaticHashTable(entries, default_value=self.unk_id)
            apart = {*special, *added.special}
            self._surfaces = tf.constant(_surfaces(self.model, self.vocabulary, apart), tf.string)

    @classmethod
    def from_files(
        cls, model_file: str | Path, vocabulary_file: str | Path, **options: Any
    ) -> "MappedSentencePieceTokenizer":
        """The tokenizer of files as transformers has them.

        Args:
            model_file: A SentencePiece model, such as source.spm.
            vocabulary_file: JSON, an object from entry to id.
            **options: Of the constructor.

        Raises:
            UserError: for a missing or damaged file, naming it.
        """
        content = []
        for path in map(Path, (model_file, vocabulary_file)):
            try:
                content.append(path.read_bytes())
            except OSError as error:
                raise UserError(f"{path} cannot be read: {error.strerror}") from None
        vocabulary = _numbered(content[1], vocabulary_file)
        try:
            return cls(content[0], vocabulary, **options)
        except UserError as error:
            raise UserError(f"{model_file} and {vocabulary_file}: {error}") from None

    def _rebuilt(self, added_tokens, special_tokens_in_text):
        options = {
            **self._options(),
            ADDED_TOKENS: added_tokens,
            "special_tokens_in_text": special_tokens_in_text,
        }
        return type(self)(self.model, self.vocabulary[: self._size], **options)

    def _encode(self, texts):
        texts = clean_text(texts)
        if not self.language_prefix:
            return self._ids(texts)
        has_code = tf.strings.regex_full_match(texts, r"(?s)>>.*?<<.*")
        codes = tf.where(has_code, tf.strings.regex_replace(texts, r"(?s)^(>>.*?<<).*$", r"\1"), "")
        codes = tf.RaggedTensor.from_row_lengths(tf.boolean_mask(codes, has_code), tf.cast(has_code, tf.int64))
        rest = tf.where(has_code, tf.strings.regex_replace(texts, r"(?s)^>>.*?<<", ""), texts)
        return tf.concat([codes.with_values(self._table.lookup(codes.values)), self._ids(rest)], axis=1)

    def _ids(self, texts):
        pieces = self._piece_splitter.tokenize(texts)
        return pieces.with_values(self._table.lookup(pieces.values))

    def decode(self, token_ids: Any) -> tf.Tensor:
        """The text of each row of token ids; see `Tokenizer.decode`. Blanks at its ends are left out."""
        if isinstance(token_ids, (list, tuple)):
            token_ids = tf.ragged.constant(token_ids, tf.int32, ragged_rank=1)
        elif not isinstance(token_ids, tf.RaggedTensor):
            token_ids = tf.convert_to_tensor(token_ids)
        # On CPU, the only place for strings, gathering refuses an id outside the table with InvalidArgument.
        texts = tf.strings.reduce_join(tf.gather(self._surfaces, token_ids), axis=-1)
        # Only whole texts are looked at as UTF-8: single byte pieces are fragments of characters.
        texts = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", errors="replace")
        texts = tf.strings.regex_replace(texts, _BLANK, " ")
        texts = tf.strings.regex_replace(texts, f"^{_PYTHON_BLANKS}|{_PYTHON_BLANKS}$", "")
        return clean_up_spaces(texts) if self.clean_up_spaces else texts

    def _spellings(self, ids):
        vocabulary = self.vocabulary
        return [vocabulary[token_id] for token_id in ids]

    def token_to_id(self, token: str) -> int:
        """The id of an entry; KeyError if the vocabulary has none of this spelling."""
        try:
            return self.vocabulary.index(token)
        except ValueError:
            raise KeyError(token) from None

    def _options(self):
        options = {name: getattr(self, name) for name in _OPTIONS}
        if self.added_tokens or self.special_tokens_in_text:
            options[ADDED_TOKENS] = self._added.options()
            options["special_tokens_in_text"] = list(self.special_tokens_in_text)
        return options

    def _assets(self):
        entries = json.dumps(self.vocabulary[: self._size], ensure_ascii=False, indent=0) + "\n"
        return {MODEL_FILE: self.model, VOCABULARY_FILE: entries.encode()}

    @classmethod
    def _from_assets(cls, directory, config):
        model = read_asset(directory / MODEL_FILE, config)
        vocabulary = json.loads(read_asset(directory / VOCABULARY_FILE, config))
        options = read_options(directory, config, _OPTIONS)
        try:
            return cls(model, vocabulary, **options)
        except UserError as error:
            raise UserError(f"{directory}: {error}") from None


def _surfaces(model, vocabulary, special):
    """The bytes that each entry stands for in text, U+2581 still standing for a blank."""
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    found = []
    for token in vocabulary:
        piece_id = processor.piece_to_id(token)
        if token in special or processor.is_control(piece_id):
            found.append(b"")
        elif processor.is_byte(piece_id):
            found.append(bytes([int(token[3:-1], 16)]))  # spelled <0xE2>
        else:
            found.append(token.encode())
    return found


def _numbered(content, path):
    """The entries by id of a JSON object from entry to id."""
    try:
        entries = json.loads(content)
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}); copy it again") from None
    if not isinstance(entries, dict) or sorted(entries.values()) != list(range(len(entries))):
        raise UserError(f"{path} does not number its entries from 0 without gaps")
    return sorted(entries, key=entries.__getitem__)
