"""SentencePiece subword units (unigram and BPE), encoded and decoded inside a TensorFlow graph."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import sentencepiece
import tensorflow as tf
from sentencepiece import sentencepiece_model_pb2

from zoo.errors import UserError
from zoo.tokenizers.added_tokens.added_token import AddedToken, AddedTokens
from zoo.tokenizers.added_tokens.search import telling_characters
from zoo.tokenizers.clean_text import clean_text, replace_surrogates
from zoo.tokenizers.sentencepiece.character_map import characters_that_may_become
from zoo.tokenizers.sentencepiece.normalizer import SentencePieceNormalizer, without_normalization
from zoo.tokenizers.sentencepiece.piece_places import pieces_with_places
from zoo.tokenizers.sentencepiece.resource import LastingSentencepiece
from zoo.tokenizers.sentencepiece.reversible_escape import ESCAPE_SYMBOLS, escape_graph, escape_text, unescape_graph
from zoo.tokenizers.sentencepiece.segmentation_sampler import SegmentationSampler
from zoo.tokenizers.sentencepiece.training import train_sentencepiece
from zoo.tokenizers.tokenized_text import TokenizedText
from zoo.tokenizers.tokenizer import ADDED_TOKENS, CONFIG_FILE, Tokenizer, read_asset, read_options

MODEL_FILE = "sentencepiece.model"
_BLANK = "\u2581"
_MASK = "<mask>"


@dataclass(frozen=True)
class _ModelFacts:
    """What decoding needs to know of a model file.

    Attributes:
        pieces: The vocabulary's spelling of each id.
        control: Spellings of the pieces that stand for no text.
        surfaces: The bytes that each id stands for in text, U+2581 still standing for a blank; empty for control ids.
        escaped: True if text passes through the reversible escape.
        bpe: True if tokens are merges, False if they have probabilities.
        leading_blanks: Regular expression of the U+2581 that decoding removes from the start.
        trailing_blanks: The same for the end.
    """

    pieces: tuple[str, ...]
    control: tuple[str, ...]
    surfaces: tuple[bytes, ...]
    escaped: bool
    bpe: bool
    leading_blanks: str
    trailing_blanks: str


class SentencePieceTokenizer(Tokenizer):
    """Subword units of a SentencePiece model (Kudo and Richardson, 2018), unigram or BPE.

    Models from `train` with the "identity" normalisation are lossless: `decode(encode(x)) == x` for every valid Unicode
    string. Text is split by the operation SentencepieceTokenizeOp, which stock TensorFlow Serving binaries hold;
    decoding is table lookup and joining. Text never yields a special token: "<s>" in it is three characters, unless
    `special_tokens_in_text` names it.

    Attributes:
        model: The serialised SentencePiece model.
        mask_id: Id of the piece "<mask>", if the model has one that text does not yield; else None.
        escaped: True for models that carry the reversible escape (see `reversible_escape`).

    Example:
        >>> tokenizer = SentencePieceTokenizer.train(open("corpus.txt"), vocabulary_size=8000)  # doctest: +SKIP
        >>> tokenizer.decode(tokenizer.encode(["A man rides a horse."]))  # doctest: +SKIP
        <tf.Tensor: shape=(1,), dtype=string, numpy=array([b'A man rides a horse.'], dtype=object)>
    """

    def __init__(
        self,
        model: bytes,
        added_tokens: Iterable[AddedToken] = (),
        special_tokens_in_text: Iterable[str] = (),
    ):
        """Creates the tokenizer of a model.

        Args:
            model: The bytes of a SentencePiece model file, whoever trained it. Special tokens that it lacks are None.
            added_tokens: `AddedToken` that are single tokens wherever they stand in a text: pieces of the model, or
                with the ids that follow it. What is between two of them is split as a text of its own.
            special_tokens_in_text: Special tokens that text may hold.

        Raises:
            UserError: if the bytes are no SentencePiece model, or one of a kind this class does not support, and for
                impossible added tokens.
        """
        super().__init__(name="sentence_piece_tokenizer")
        self.model = bytes(model)
        processor = self._processor = _checked_processor(self.model)
        self._facts = _read_facts(self.model)
        self.escaped = self._facts.escaped
        size = processor.vocab_size()
        ids = {piece: number for number, piece in enumerate(self._facts.pieces)}
        added = AddedTokens(added_tokens, ids, size, self._facts.control, special_tokens_in_text)
        self._normalizer = self._part_encoder = None
        if any(token.normalized for token in added.read):
            self._normalizer = SentencePieceNormalizer(self.model)
            self._add_tokens(added, normalize=self._normalized, sources=self._sources)
        else:
            self._add_tokens(added)
        self.vocabulary_size = size + len(added.beyond)
        self.pad_id = _existing(processor.pad_id())
        self.bos_id = _existing(processor.bos_id())
        self.eos_id = _existing(processor.eos_id())
        self.unk_id = _existing(processor.unk_id())
        self.mask_id = ids[_MASK] if _MASK in self._facts.control else None
        # Resources and tables belong to no single trace, even if the tokenizer is made inside a tf.function.
        with tf.init_scope():
            self._encoder = LastingSentencepiece(model=self.model, out_type=tf.int32)
            if self._normalizer is not None:
                self._part_encoder = LastingSentencepiece(without_normalization(self.model), out_type=tf.int32)
            self._surfaces = tf.constant(self._all_surfaces(), tf.string)
            self._begins_word = tf.constant([piece.startswith(_BLANK) for piece in self._facts.pieces])

    def _all_surfaces(self):
        """The bytes of each id, those of added tokens included."""
        found = [*self._facts.surfaces, *[b""] * len(self._added.beyond)]
        for token in self.added_tokens:
            content = escape_text(token.content) if self.escaped else token.content
            found[token.id] = b"" if token.special else content.encode()
        return found

    def _rebuilt(self, added_tokens, special_tokens_in_text):
        return type(self)(self.model, added_tokens, special_tokens_in_text)

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        vocabulary_size: int,
        model_type: str = "unigram",
        *,
        character_coverage: float = 0.9995,
        byte_fallback: bool = True,
        normalization: str = "identity",
        user_defined_symbols: Iterable[str] = (),
        split_digits: bool = False,
        max_training_lines: int = 2_000_000,
        lower_to_fit: bool = False,
    ) -> "SentencePieceTokenizer":
        """Learns a vocabulary from text. The same texts and options give the same model on every machine.

        Args:
            texts: Sentences or lines, read once; memory holds at most `max_training_lines` of them.
            vocabulary_size: Number of ids, special tokens, 256 bytes and 7 escape symbols included.
            model_type: "unigram" or "bpe".
            character_coverage: Share of the text's characters that get an id of their own, in (0, 1]; the rest is
                spelled in bytes (or unknown without `byte_fallback`).
            byte_fallback: Adds one id per byte value, so that no text is ever unknown.
            normalization: "identity" keeps every character, and "lowercase" all but the case of letters, each of which
                becomes what `str.lower` makes of it alone. "nfkc" and "nmt_nfkc" are SentencePiece's rules; both also
                drop repeated, leading and trailing blanks, so the exact text cannot be had back.
            user_defined_symbols: Strings that are always one token, such as language tags.
            split_digits: Makes every digit a token of its own.
            max_training_lines: Beyond this count a random sample of the lines is used, always the same.
            lower_to_fit: Whether a vocabulary size that the text cannot fill is lowered to the largest that it can.

        Returns:
            The tokenizer, with pad 0, bos 1, eos 2 and unk 3.

        Raises:
            UserError: for an empty corpus, a vocabulary size the corpus cannot fill or that cannot hold the corpus's
                characters, and impossible options.
        """
        return cls(
            train_sentencepiece(
                texts,
                vocabulary_size,
                model_type,
                character_coverage=character_coverage,
                byte_fallback=byte_fallback,
                normalization=normalization,
                user_defined_symbols=tuple(user_defined_symbols),
                split_digits=split_digits,
                max_training_lines=max_training_lines,
                lower_to_fit=lower_to_fit,
            )
        )

    @classmethod
    def from_model_file(cls, path: Any) -> "SentencePieceTokenizer":
        """The tokenizer of a SentencePiece model file from elsewhere, such as T5's spiece.model.

        Args:
            path: The file.

        Raises:
            UserError: for a missing, truncated or foreign file, naming it.
        """
        path = Path(path)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise UserError(f"{path} cannot be read: {error.strerror}") from None
        try:
            return cls(content)
        except UserError as error:
            raise UserError(f"{path}: {error}") from None

    def _encode(self, texts):
        texts = clean_text(texts)
        return self._encoder.tokenize(escape_graph(texts) if self.escaped else texts)

    def tokenize_with_offsets(self, texts: Any) -> TokenizedText:
        """Tokens of each text, and where in the text each comes from, the blanks before it left out.

        Args:
            texts: string tensor of shape [B], or a list of str or bytes.

        Raises:
            UserError: for models that carry the reversible escape, and with added tokens that are looked for in
                normalised text.
        """
        if self.escaped or self._normalizer is not None:
            what = "the reversible escape" if self.escaped else "added tokens of normalised text"
            raise UserError(f"places of tokens in a text are not known with {what}")
        return self._with_offsets(texts, self._tokenize_with_offsets)

    def _tokenize_with_offsets(self, texts):
        return pieces_with_places(self._encoder, clean_text(texts), self._begins_word)

    def _encode_parts(self, parts):
        return self._encode(parts.texts) if self._normalizer is None else self._part_encoder.tokenize(parts.texts)

    def _normalized(self, texts):
        return self._normalizer(escape_graph(texts) if self.escaped else texts)

    def _sources(self, contents):
        """Characters of which a text must hold one for these contents to be in it once it is normalised."""
        never = " " + ("".join(ESCAPE_SYMBOLS) if self.escaped else "")
        rules = sentencepiece_model_pb2.ModelProto.FromString(self.model).normalizer_spec
        characters = telling_characters(contents, never)
        return characters and characters_that_may_become(characters, rules.precompiled_charsmap)

    def sample(self, texts: Any, alpha: Any, seed: int) -> list[np.ndarray]:
        """Token ids of each text in a random segmentation, for training (subword regularisation).

        The segmentation of all texts is a function of the texts, `alpha` and `seed` alone.

        Args:
            texts: list of str.
            alpha: For BPE models the probability with which a merge is left out, so that 0 gives what `encode` gives;
                for unigram models the exponent of the probabilities that segmentations are drawn from: small values
                for variety.
            seed: int >= 0.

        Returns:
            list of int32 arrays, without special tokens.

        Raises:
            UserError: for an `alpha` below 0, or for BPE above 1, and for models that are neither unigram nor BPE.

        Source: Provilkov et al. 2020, https://arxiv.org/abs/1910.13267 (BPE); Kudo 2018,
        https://arxiv.org/abs/1804.10959 (unigram).
        """
        if not alpha >= 0.0 or (self._facts.bpe and alpha > 1.0):
            most = ", and at most 1 for BPE" if self._facts.bpe else ""
            raise UserError(f"alpha must be at least 0{most}, got {alpha}")
        texts = [replace_surrogates(text) for text in texts]
        texts = [escape_text(text) for text in texts] if self.escaped else texts
        return self._sampler.sample(texts, alpha, seed)

    @cached_property
    def _sampler(self):
        return SegmentationSampler(self._processor)

    def decode(self, token_ids: Any) -> tf.Tensor:
        """The text of each row of token ids; see `Tokenizer.decode`."""
        if not isinstance(token_ids, (tf.Tensor, tf.RaggedTensor)):
            token_ids = _integer_tensor(token_ids)
        # On CPU, the only place for strings, gathering refuses an id outside the table with InvalidArgument.
        texts = tf.strings.reduce_join(tf.gather(self._surfaces, token_ids), axis=-1)
        # Only whole texts are looked at as UTF-8: single byte pieces are fragments of characters.
        texts = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", errors="replace")
        for pattern in (self._facts.leading_blanks, self._facts.trailing_blanks):
            if pattern:
                texts = tf.strings.regex_replace(texts, pattern, "", replace_global=False)
        texts = tf.strings.regex_replace(texts, _BLANK, " ")
        return unescape_graph(texts) if self.escaped else texts

    def _spellings(self, ids):
        pieces = (*self._facts.pieces, *self._added.ids)
        return [pieces[token_id] for token_id in ids]

    def token_to_id(self, token: str) -> int:
        """The id of a piece as `id_to_token` spells it; KeyError if the vocabulary has no such piece."""
        if token in self._added.ids:
            return self._added.ids[token]
        try:
            return self._facts.pieces.index(token)
        except ValueError:
            raise KeyError(token) from None

    def _options(self):
        if not self.added_tokens and not self.special_tokens_in_text:
            return {}
        return {"special_tokens_in_text": list(self.special_tokens_in_text), ADDED_TOKENS: self._added.options()}

    def _assets(self):
        return {MODEL_FILE: self.model}

    @classmethod
    def _from_assets(cls, directory, config):
        path = directory / MODEL_FILE
        content = read_asset(path, config)
        options = read_options(directory, config, ()) if "options" in config else {}
        try:
            return cls(content, **options)
        except UserError as error:
            raise UserError(f"{path} and {CONFIG_FILE}: {error}") from None


def _checked_processor(model):
    problem = "not a SentencePiece model, or a truncated one; get the file again"
    if not model:
        raise UserError(problem)
    try:
        return sentencepiece.SentencePieceProcessor(model_proto=model)
    except RuntimeError:
        raise UserError(problem) from None


def _read_facts(model):
    proto = sentencepiece_model_pb2.ModelProto.FromString(model)
    if not (proto.HasField("trainer_spec") and proto.HasField("normalizer_spec")):
        # They follow the pieces, so a file cut off between two pieces still parses but lacks them.
        raise UserError("a truncated SentencePiece model; get the file again")
    if proto.denormalizer_spec.precompiled_charsmap:
        raise UserError("SentencePiece models with a denormaliser are not supported")
    kinds = sentencepiece_model_pb2.ModelProto.SentencePiece
    surfaces = []
    for entry in proto.pieces:
        if entry.type == kinds.CONTROL:
            surfaces.append(b"")
        elif entry.type == kinds.UNKNOWN:
            surfaces.append(proto.trainer_spec.unk_surface.encode())
        elif entry.type == kinds.BYTE:
            surfaces.append(bytes([int(entry.piece[3:-1], 16)]))  # spelled <0xE2>
        else:
            surfaces.append(entry.piece.encode())
    control = [entry.piece for entry in proto.pieces if entry.type in (kinds.CONTROL, kinds.UNKNOWN)]
    symbols = {entry.piece for entry in proto.pieces if entry.type == kinds.USER_DEFINED}
    rules = proto.normalizer_spec
    blanks = _BLANK if rules.add_dummy_prefix else ""
    if rules.remove_extra_whitespaces:
        blanks = _BLANK + "+"
    suffix = proto.trainer_spec.treat_whitespace_as_suffix
    return _ModelFacts(
        pieces=tuple(entry.piece for entry in proto.pieces),
        control=tuple(control),
        surfaces=tuple(surfaces),
        escaped=symbols.issuperset(ESCAPE_SYMBOLS),
        bpe=proto.trainer_spec.model_type == sentencepiece_model_pb2.TrainerSpec.BPE,
        leading_blanks="^" + blanks if blanks and not suffix else "",
        trailing_blanks=blanks + "$" if blanks and suffix else "",
    )


def _existing(token_id):
    return token_id if token_id >= 0 else None


def _integer_tensor(token_ids):
    if isinstance(token_ids, (list, tuple)):
        return tf.ragged.constant(token_ids, tf.int32, ragged_rank=1)
    return tf.convert_to_tensor(token_ids)
