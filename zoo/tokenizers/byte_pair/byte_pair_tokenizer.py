"""Byte-level BPE tokens of GPT-2, RoBERTa and BART vocabularies, encoded and decoded inside a TensorFlow graph."""

import codecs
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import tensorflow as tf

from zoo.errors import UserError
from zoo.tokenizers.added_tokens.added_token import AddedToken, AddedTokens
from zoo.tokenizers.added_tokens.splitter import AddedTokenSplitter
from zoo.tokenizers.byte_pair.alphabet import ALPHABET, spelled_bytes
from zoo.tokenizers.byte_pair.cover import BytePairCover
from zoo.tokenizers.byte_pair.files import (
    MERGES_FILE,
    VOCABULARY_FILE,
    merges_content,
    parse_json,
    parse_merges,
    read_file,
    vocabulary_content,
)
from zoo.tokenizers.byte_pair.pre_tokenizers import DEFAULT
from zoo.tokenizers.byte_pair.tokenizer_json import read_tokenizer_json
from zoo.tokenizers.byte_pair.training import train_byte_pair
from zoo.tokenizers.byte_pair.vocabulary import KNOWN_SPECIAL_TOKENS, BytePairVocabulary
from zoo.tokenizers.byte_pair.words import BytePairWords
from zoo.tokenizers.canonical_composition import compose, compose_with_places
from zoo.tokenizers.clean_text import clean_text
from zoo.tokenizers.merging_tokenizer import MergingTokenizer
from zoo.tokenizers.tokenized_text import TokenizedText
from zoo.tokenizers.tokenizer import ADDED_TOKENS, CONFIG_FILE, DEVICE, read_asset, read_options

NORMALIZATIONS = (None, "NFC")
_OPTIONS = ("special_tokens", "roles", "add_prefix_space", "special_tokens_in_text")
# Left out where they are as they were before there was a choice.
_LATER_OPTIONS = {
    "pre_tokenizer": list(DEFAULT),
    "normalization": None,
    "ignore_merges": False,
    "drop_missing_bytes": False,
}
# What earlier versions wrote of special tokens that swallow blanks.
_FORMER_OPTION = "lstrip_tokens"


class BytePairTokenizer(MergingTokenizer):
    """GPT-2's byte-level BPE (Radford et al., 2019), equal in ids and offsets to the `tokenizers` package's.

    A text is split into words (letters, numbers or other characters with one blank before them, English contractions,
    runs of blanks), and the bytes of each word are joined by the merges, the lowest rank first. Every text can be
    encoded, and `decode(encode(x)) == x` for every valid Unicode string. The graph uses TensorFlow's own operations and
    SentencepieceTokenizeOp, which stock TensorFlow Serving binaries hold.

    Text never yields a special token, so nobody can end a text in the middle: "<|endoftext|>" in a text is some words.
    `special_tokens_in_text` lifts that for the tokens it names.

    Attributes:
        add_prefix_space, pre_tokenizer, normalization, ignore_merges, drop_missing_bytes: As given.
        bos_id, eos_id: Ids of the tokens that begin and end a text; for GPT-2 both are <|endoftext|>.
        pad_id: Id of the padding token. Where there is none, as in GPT-2's vocabulary, it is `eos_id`: padding then
            looks like the end of the text, so that only a mask can tell where that is, and `decode` leaves out both.
        unk_id, mask_id: Ids of the tokens for unknown and for hidden words; None if there are none. Text never needs
            the former.
        cls_id, sep_id: The same as `bos_id` and `eos_id`.

    Example:
        >>> tokenizer = BytePairTokenizer.train(["low lower lowest"] * 9, 262)
        >>> tokenizer.id_to_token(tokenizer.encode(["slow"]).to_list()[0])
        ['s', 'low']
    """

    def __init__(
        self,
        vocabulary: Mapping[str, int] | Sequence[str],
        merges: Iterable[tuple[str, str]],
        special_tokens: Mapping[str, int] | Iterable[str] | None = None,
        *,
        add_prefix_space: bool = False,
        special_tokens_in_text: Iterable[str] = (),
        added_tokens: Iterable[AddedToken] = (),
        roles: Mapping[str, str] | None = None,
        pre_tokenizer: Iterable[str] = DEFAULT,
        normalization: str | None = None,
        ignore_merges: bool = False,
        drop_missing_bytes: bool = False,
    ):
        """Creates the tokenizer of a vocabulary.

        Args:
            vocabulary: The entries with their ids, or the entries by id, in GPT-2's printable alphabet, in which a
                blank is "Ġ". All 256 bytes must be there.
            merges: Pairs of entries to join, by rank.
            special_tokens: The special tokens; as a mapping with their ids, which adds those that the vocabulary lacks.
                None takes what the vocabulary has of "<s>", "</s>", "<pad>", "<unk>", "<mask>" and "<|endoftext|>".
            add_prefix_space: Puts a blank before a text that does not begin with one, so that its first word is the
                same token as within a text. What follows a special token in a text counts as a text.
            special_tokens_in_text: Special tokens that text may hold: for example with ("<mask>",) that string in a
                text is the token, wherever it stands.
            added_tokens: `AddedToken` that are single tokens wherever they stand in a text, and special tokens that
                swallow blanks as RoBERTa's "<mask>" does: entries of the vocabulary, or with the ids that follow it.
            roles: The special token of "bos", "eos", "pad", "unk" or "mask" if it has another spelling than
                `byte_pair_vocabulary.KNOWN_SPECIAL_TOKENS` knows, for example {"eos": "<|end|>"}.
            pre_tokenizer: How texts are split into words: names of `pre_tokenizers.STEPS`, one step after the other,
                for example ("digits", "gpt2") as SmolLM2 does, or ("llama3",).
            normalization: "NFC" for Unicode's normal form C of texts before anything but the search for added tokens,
                as Qwen's tokenizers do; None for none.
            ignore_merges: Whether a word that is an entry is that token even if no merges make it, as of Llama 3.
            drop_missing_bytes: Allows a vocabulary that lacks some of the 256 bytes, as SmolLM2's does. In texts they
                are left out, as elsewhere, and what is beside them meets.

        Raises:
            UserError: for a vocabulary with missing bytes, entries or ids, for merges of what is no entry, for a
                special token that text can become, and for impossible options.
        """
        super().__init__(name="byte_pair_tokenizer")
        added_tokens = list(added_tokens) if isinstance(added_tokens, Iterable) else added_tokens
        for name, choice in (
            ("add_prefix_space", add_prefix_space),
            ("ignore_merges", ignore_merges),
            ("drop_missing_bytes", drop_missing_bytes),
        ):
            if not isinstance(choice, bool):
                raise UserError(f"{name} is {choice!r}; use True or False")
        if normalization not in NORMALIZATIONS:
            raise UserError(f"normalization is {normalization!r}; use one of {NORMALIZATIONS}")
        self.normalization, self.ignore_merges = normalization, ignore_merges
        self.drop_missing_bytes = drop_missing_bytes
        self._vocabulary = BytePairVocabulary(
            vocabulary, merges, special_tokens, _contents(added_tokens), drop_missing_bytes
        )
        size, ids = len(self._vocabulary.tokens), self._vocabulary.ids
        added = AddedTokens(added_tokens, ids, size, tuple(self._vocabulary.special), special_tokens_in_text)
        self._add_tokens(added, normalize=compose if normalization else None)
        self.vocabulary_size = size + len(added.beyond)
        self.add_prefix_space = add_prefix_space
        self._roles = self._checked_roles(roles)
        ids = {role: self._id_of(role) for role in KNOWN_SPECIAL_TOKENS}
        self.bos_id, self.eos_id, self.unk_id, self.mask_id = (ids[role] for role in ("bos", "eos", "unk", "mask"))
        self.pad_id = self.eos_id if ids["pad"] is None else ids["pad"]
        self.cls_id, self.sep_id = self.bos_id, self.eos_id
        self._written = _normalized_contents(added.tokens) if normalization else {}
        # What finds added tokens in normalised texts.
        written = [replace(token, content=self._written.get(token.id, token.content)) for token in added.read]
        self._splitter_of_composed = AddedTokenSplitter(written) if written and normalization else None
        self._words = BytePairWords(add_prefix_space, pre_tokenizer)
        self.pre_tokenizer = self._words.pre_tokenizer
        self._cover = BytePairCover(self._vocabulary, ignore_merges)
        # Constants belong to no single trace, even if the tokenizer is made inside a tf.function.
        with tf.init_scope():
            self._surfaces = tf.constant(self.token_bytes, tf.string)
            self._lengths = tf.constant([*map(len, self._vocabulary.token_bytes)], tf.int32)

    @property
    def token_bytes(self) -> tuple[bytes, ...]:
        """The bytes that each id adds to a text, often parts of characters; none for special tokens."""
        found = [*self._vocabulary.token_bytes, *[b""] * len(self._added.beyond)]
        for token in self.added_tokens:
            found[token.id] = b"" if token.special else _spelled(self._written.get(token.id, token.content))
        return tuple(found)

    @property
    def is_gpt2_kind(self) -> bool:
        """Whether texts become tokens as with GPT-2's vocabulary, but for the entries."""
        return self._later_options() == _LATER_OPTIONS

    def require_gpt2_kind(self, reader: str) -> None:
        """Checks that texts become tokens as with GPT-2's vocabulary, for programs that do nothing else.

        Args:
            reader: Who reads the vocabulary, for the message.

        Raises:
            UserError: naming the option of this tokenizer that the program would leave out.
        """
        for name, value in self._later_options().items():
            if value != _LATER_OPTIONS[name]:
                raise UserError(f"{reader} split texts as GPT-2 does and know no {name} {value!r}, which this has")

    def _checked_roles(self, roles):
        roles = {} if roles is None else roles
        if not isinstance(roles, Mapping) or not set(roles) <= set(KNOWN_SPECIAL_TOKENS):
            raise UserError(f"roles is {roles!r}; use a dict with some of {', '.join(KNOWN_SPECIAL_TOKENS)}")
        for token in roles.values():
            if token not in self.special_tokens:
                known = ", ".join(self.special_tokens) or "there are none"
                raise UserError(f"roles holds {token!r}, which is no special token; known: {known}")
        return tuple(roles.items())

    def _id_of(self, role):
        spellings = (self.roles[role],) if role in self.roles else KNOWN_SPECIAL_TOKENS[role]
        special = self.special_tokens
        return next((special[token] for token in spellings if token in special), None)

    @classmethod
    def from_files(
        cls, vocabulary_file: str | Path, merges_file: str | Path, special_tokens: Any = None, **options: Any
    ) -> "BytePairTokenizer":
        """The tokenizer of vocab.json and merges.txt, which GPT-2's release calls encoder.json and vocab.bpe.

        Args:
            vocabulary_file: Entries with their ids, a JSON object.
            merges_file: Merges, one a line.
            special_tokens: As of the constructor.
            **options: Of the constructor, such as `add_prefix_space=True`.

        Raises:
            UserError: for a missing or damaged file, naming it.
        """
        vocabulary = parse_json(read_file(vocabulary_file), vocabulary_file)
        merges = parse_merges(read_file(merges_file), merges_file)
        return cls(vocabulary, merges, special_tokens, **options)

    @classmethod
    def from_tokenizer_json(
        cls, path: Any, special_tokens_in_text: Iterable[str] = (), roles: Mapping[str, str] | None = None
    ) -> "BytePairTokenizer":
        """The tokenizer of a tokenizer.json of Hugging Face, of type BPE on bytes: GPT-2's, RoBERTa's, BART's.

        Of its added tokens, those that are usual special tokens (`byte_pair_vocabulary.KNOWN_SPECIAL_TOKENS`) or named
        here are control tokens, which unlike there are not read from text unless `special_tokens_in_text` names them.

        Args:
            path: The file.
            special_tokens_in_text, roles: As of the constructor.

        Raises:
            UserError: for a missing or damaged file, and for each setting in it that would give other tokens, such as a
                normaliser or another regular expression, by its name.
        """
        arguments = read_tokenizer_json(parse_json(read_file(path), path), path)
        special_tokens_in_text = list(special_tokens_in_text)
        control = {token for spellings in KNOWN_SPECIAL_TOKENS.values() for token in spellings}
        control |= {*special_tokens_in_text, *(roles or {}).values()}
        arguments["added_tokens"] = [
            replace(token, control=token.content in control) for token in arguments["added_tokens"]
        ]
        try:
            return cls(**arguments, special_tokens_in_text=special_tokens_in_text, roles=roles)
        except UserError as error:
            raise UserError(f"{path}: {error}") from None

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        vocabulary_size: int,
        special_tokens: Iterable[str] = ("<|endoftext|>",),
        min_frequency: int = 2,
        *,
        add_prefix_space: bool = False,
        roles: Mapping[str, str] | None = None,
        lower_to_fit: bool = False,
        pre_tokenizer: Iterable[str] = DEFAULT,
        normalization: str | None = None,
    ) -> "BytePairTokenizer":
        """Learns merges from text. The same texts and options give the same vocabulary on every machine.

        Args:
            texts: Sentences or lines, read once; memory holds the different words.
            vocabulary_size: Number of ids, special tokens and 256 bytes included. With nothing beyond those there are
                no merges, every byte is a token, and the texts are not looked at.
            special_tokens: The special tokens, which get the first ids.
            min_frequency: Pairs that occur less often are not joined.
            add_prefix_space, roles, pre_tokenizer, normalization: As of the constructor.
            lower_to_fit: Whether a vocabulary size that the texts cannot fill is lowered to the largest that they can.

        Returns:
            The tokenizer.

        Raises:
            UserError: for a vocabulary size that the texts cannot fill or that is below 256 and the special tokens, and
                for impossible options.
        """
        if isinstance(special_tokens, (str, bytes)):
            raise UserError(f"special_tokens is {special_tokens!r}; use a list of tokens")
        special_tokens = tuple(special_tokens)
        options = {
            "add_prefix_space": add_prefix_space,
            "pre_tokenizer": pre_tokenizer,
            "normalization": normalization,
        }
        vocabulary, merges = train_byte_pair(
            texts, vocabulary_size, special_tokens, min_frequency=min_frequency, lower_to_fit=lower_to_fit, **options
        )
        return cls(vocabulary, merges, special_tokens, roles=roles, **options)

    def _encode(self, texts):
        texts = clean_text(texts)
        return self._of_normalized(compose(texts) if self.normalization else texts)

    def _encode_parts(self, parts):
        return self._of_normalized(parts.texts)

    def _of_normalized(self, texts):
        tokens = self._cover.tokens(self._words.split(texts))
        return tf.RaggedTensor.from_row_splits(tokens.ids, tokens.row_splits, validate=False)

    def tokenize_with_offsets(self, texts: Any) -> TokenizedText:
        """Tokens of each text, and where in the text each comes from.

        Args:
            texts: string tensor of shape [B], or a list of str or bytes.

        Returns:
            The tokens. They cover the text without gaps, each the bytes that it stands for, the blank before a word
            included; so one may begin or end inside a character. An added token has the blanks that it swallows too. A
            blank that `add_prefix_space` adds has no place in the text: a token that is nothing but
            that is empty. Of letters and accents that normalisation joins, each token that has part of it has all.

        Raises:
            UserError: for a tokenizer that drops bytes, whose tokens have no such places.
        """
        if self.drop_missing_bytes:
            raise UserError("the places of tokens in a text are not known with drop_missing_bytes=True")
        if not self.normalization:
            return self._with_offsets(texts, self._tokenize_with_offsets)
        with tf.device(DEVICE):
            plain = [re.escape(token.content) for token in self._added.read if not token.normalized]
            composed = compose_with_places(clean_text(texts), "|".join(plain))
            tokens = self._with_offsets(composed.texts, self._tokenize_with_offsets, self._splitter_of_composed)
            starts, ends = composed.source_places(tokens.starts, tokens.ends)
            return tokens._replace(starts=starts, ends=ends)

    def _tokenize_with_offsets(self, texts):
        words = self._words.split(clean_text(texts))
        tokens = self._cover.tokens(words)
        lengths = tf.gather(self._lengths, tokens.ids)
        if words.extra is not None:
            first = tf.concat([[True], tokens.words[1:] != tokens.words[:-1]], 0)[: tf.size(tokens.words)]
            lengths += tf.where(first, tf.gather(words.extra, tokens.words), 0)
        token_ids = tf.RaggedTensor.from_row_splits(tokens.ids, tokens.row_splits, validate=False)
        places = tf.concat([[0], tf.cumsum(lengths)], 0)
        rows = token_ids.value_rowids()
        row_starts = tf.gather(tf.gather(places, tokens.row_splits), rows)
        word_ids = tokens.words - tf.gather(tf.cast(words.row_splits, tf.int32), rows)
        parts = (tokens.ids, word_ids, places[:-1] - row_starts, places[1:] - row_starts)
        return TokenizedText(*map(token_ids.with_flat_values, parts))

    def decode(self, token_ids: Any) -> tf.Tensor:
        """The text of each row of token ids; see `Tokenizer.decode`.

        All special tokens are left out. Bytes that are no UTF-8, such as half a character, become U+FFFD.
        """
        if isinstance(token_ids, (list, tuple)):
            token_ids = tf.ragged.constant(token_ids, tf.int32, ragged_rank=1)
        elif not isinstance(token_ids, tf.RaggedTensor):
            token_ids = tf.convert_to_tensor(token_ids)
        # On CPU, the only place for strings, gathering refuses an id outside the table with InvalidArgument.
        with tf.device(DEVICE):
            texts = tf.strings.reduce_join(tf.gather(self._surfaces, token_ids), axis=-1)
            return tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", errors="replace")

    def decode_stream(self, token_ids: Iterable[int]) -> Iterator[str]:
        """The text of ids as they come, in parts that together are what `decode` gives.

        A part is given as soon as nothing that follows can change it, so never half a character.

        Args:
            token_ids: Any iterable of ints, such as the ids that a model generates.

        Yields:
            Parts of the text, never empty.

        Raises:
            IndexError: for an id outside the vocabulary.
        """
        surfaces, decoder = self.token_bytes, codecs.getincrementaldecoder("utf-8")("replace")
        for token_id in token_ids:
            if not 0 <= token_id < len(surfaces):
                raise IndexError(f"token id {token_id} is outside the vocabulary of {self.vocabulary_size}")
            if text := decoder.decode(surfaces[token_id]):
                yield text
        if text := decoder.decode(b"", final=True):
            yield text

    def _options(self):
        return {
            "special_tokens": list(self._vocabulary.special),
            "roles": self.roles,
            "add_prefix_space": self.add_prefix_space,
            "special_tokens_in_text": list(self.special_tokens_in_text),
            ADDED_TOKENS: self._added.options(),
            **{name: value for name, value in self._later_options().items() if value != _LATER_OPTIONS[name]},
        }

    def _later_options(self):
        options = {name: getattr(self, name) for name in _LATER_OPTIONS}
        return {**options, "pre_tokenizer": list(self.pre_tokenizer)}

    def _assets(self):
        return {VOCABULARY_FILE: vocabulary_content(self._vocabulary.tokens), MERGES_FILE: merges_content(self.merges)}

    @classmethod
    def _from_assets(cls, directory, config):
        vocabulary_path, merges_path = directory / VOCABULARY_FILE, directory / MERGES_FILE
        vocabulary = parse_json(read_asset(vocabulary_path, config), vocabulary_path)
        merges = parse_merges(read_asset(merges_path, config), merges_path)
        options = read_options(directory, _of_today(config, vocabulary), _OPTIONS, _LATER_OPTIONS)
        try:
            return cls(vocabulary, merges, **options)
        except UserError as error:
            raise UserError(f"{directory / CONFIG_FILE}: {error}") from None


def _contents(added_tokens):
    """What tokens are in a text, of those that say it; `AddedTokens` refuses the others."""
    given = added_tokens if isinstance(added_tokens, list) else []
    found = (token.get("content") if isinstance(token, Mapping) else getattr(token, "content", None) for token in given)
    return [content for content in found if isinstance(content, str)]


def _normalized_contents(tokens):
    """What normalisation leaves of added tokens that are looked for in normalised texts, by id.

    The package writes them so too.
    """
    tokens = [token for token in tokens if token.normalized]
    with tf.init_scope():
        contents = compose(tf.constant([token.content for token in tokens], tf.string)).numpy()
    return {token.id: content.decode() for token, content in zip(tokens, contents, strict=True)}


def _spelled(token):
    """What decoding makes of an added token: the bytes that it spells in the alphabet, if it does, as elsewhere."""
    return spelled_bytes(token) if set(token) <= set(ALPHABET) else token.encode()


def _of_today(config, vocabulary):
    """The content of a tokenizer.json in which an earlier version named special tokens that swallow blanks."""
    options = config.get("options")
    if not isinstance(options, dict) or not isinstance(options.get(_FORMER_OPTION), list):
        return config
    options = dict(options)
    swallowing = [token for token in options.pop(_FORMER_OPTION) if token in vocabulary]
    options[ADDED_TOKENS] = [
        {"content": token, "id": vocabulary[token], "lstrip": True, "control": True} for token in swallowing
    ]
    return {**config, "options": options}
