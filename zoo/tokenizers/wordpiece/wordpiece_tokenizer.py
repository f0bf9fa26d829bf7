"""WordPiece tokens of BERT vocabularies, with offsets, encoded and decoded inside a TensorFlow graph."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from zoo.errors import UserError
from zoo.tokenizers.added_tokens.added_token import AddedToken, AddedTokens
from zoo.tokenizers.listed_vocabulary import ListedVocabularyTokenizer
from zoo.tokenizers.offsets import byte_positions, code_points
from zoo.tokenizers.tokenized_text import TokenizedText
from zoo.tokenizers.tokenizer import ADDED_TOKENS, CONFIG_FILE, read_asset, read_options
from zoo.tokenizers.wordpiece.bert_words import BertWords
from zoo.tokenizers.wordpiece.cover import WordPieceCover
from zoo.tokenizers.wordpiece.training import train_wordpiece
from zoo.tokenizers.wordpiece.vocabulary import CONTINUATION, SPECIAL_TOKENS, WordPieceVocabulary, parse_vocabulary

VOCABULARY_FILE = "vocab.txt"
_OPTIONS = ("lowercase", "strip_accents", "split_cjk", "max_word_length", "special_tokens_in_text")
_SPECIAL = "special_tokens"


class WordPieceTokenizer(ListedVocabularyTokenizer):
    """BERT's tokenizer (Devlin et al., 2019), equal in ids and offsets to the `tokenizers` package's.

    A text is cleaned of control characters, lowercased and stripped of accents as the options say, split into words at
    blanks, punctuation and ideographs, and each word is covered with the longest vocabulary entries from left to right;
    a word that cannot be covered is [UNK]. The graph uses TensorFlow's own operations and
    WordpieceTokenizeWithOffsets, which stock TensorFlow Serving binaries hold.

    Text never yields [PAD], [UNK], [CLS], [SEP] or [MASK], so nobody can put a separator into a model's input: "[SEP]"
    in a text is three words. `special_tokens_in_text` lifts that for the tokens it names. MPNet spells some of them
    otherwise, which `special_tokens` says.

    Attributes:
        lowercase, strip_accents, split_cjk, max_word_length, special_tokens: As given.
        pad_id, unk_id: Ids of [PAD] and [UNK].
        bos_id, cls_id: Id of [CLS]; None if the vocabulary lacks it, like the next two.
        eos_id, sep_id: Id of [SEP].
        mask_id: Id of [MASK].

    Example:
        >>> tokenizer = WordPieceTokenizer(["[PAD]", "[UNK]", "play", "##ing", "."])
        >>> tokenizer.encode(["Playing."])
        <tf.RaggedTensor [[2, 3, 4]]>
    """

    def __init__(
        self,
        vocabulary: Sequence[str],
        lowercase: bool = True,
        strip_accents: bool | None = None,
        split_cjk: bool = True,
        max_word_length: int = 100,
        special_tokens_in_text: Iterable[str] = (),
        added_tokens: Iterable[AddedToken] = (),
        special_tokens: Sequence[str] = SPECIAL_TOKENS,
    ):
        """Creates the tokenizer of a vocabulary.

        Args:
            vocabulary: The entries by id. Those that begin with "##" continue a word.
            lowercase: Lowercases the text; True for "uncased" vocabularies.
            strip_accents: Takes accents off letters (NFD without marks); None means the same as `lowercase`.
            split_cjk: Makes every Chinese character a word.
            max_word_length: Longer words, counted in normalised characters, are [UNK].
            special_tokens_in_text: Special tokens that text may hold: for example with ("[MASK]",) that string in a
                text is the token, wherever it stands.
            added_tokens: `AddedToken` that are single tokens wherever they stand in a text: entries of the vocabulary,
                or with the ids that follow it.
            special_tokens: How [PAD], [UNK], [CLS], [SEP] and [MASK] are spelled, in this order.

        Raises:
            UserError: for a vocabulary without [PAD] or [UNK], impossible entries and impossible options.
        """
        super().__init__(name="word_piece_tokenizer")
        self.special_tokens = tuple(special_tokens)
        if len(self.special_tokens) != len(SPECIAL_TOKENS):
            raise UserError(f"special_tokens must be spellings of {', '.join(SPECIAL_TOKENS)}, got {special_tokens!r}")
        self._vocabulary = WordPieceVocabulary(vocabulary, self.special_tokens)
        self.lowercase = lowercase
        self.strip_accents = lowercase if strip_accents is None else strip_accents
        self.split_cjk = split_cjk
        for name in ("lowercase", "strip_accents", "split_cjk"):
            if not isinstance(getattr(self, name), bool):
                raise UserError(f"{name} is {getattr(self, name)!r}; use True or False")
        self.max_word_length = max_word_length
        if isinstance(max_word_length, bool) or not isinstance(max_word_length, int) or max_word_length < 1:
            raise UserError(f"max_word_length is {max_word_length!r}; use a number of characters such as 100")
        ids = map(self._vocabulary.ids.get, self.special_tokens)
        self.pad_id, self.unk_id, self.bos_id, self.eos_id, self.mask_id = ids
        self.cls_id, self.sep_id = self.bos_id, self.eos_id
        control = [token for token in self.special_tokens if token in self._vocabulary.ids]
        size = len(self._vocabulary.tokens)
        added = AddedTokens(added_tokens, self._vocabulary.ids, size, control, special_tokens_in_text)
        self._add_tokens(added, [token for token in added.read if not token.normalized])
        self.vocabulary_size = size + len(added.beyond)
        normalized = [token for token in added.read if token.normalized]
        self._words = BertWords(self.lowercase, self.strip_accents, self.split_cjk, normalized)
        assert self.unk_id is not None, "the vocabulary has seen to it"
        self._cover = WordPieceCover(self._vocabulary, self.unk_id, self.max_word_length, self.vocabulary_size)
        special = {*self.special_tokens, *added.special}
        # Constants belong to no single trace, even if the tokenizer is made inside a tf.function.
        with tf.init_scope():
            self._surfaces = tf.constant([_surface(token, special) for token in self.vocabulary], tf.string)

    def _rebuilt(self, added_tokens, special_tokens_in_text):
        return type(self)(
            self._vocabulary.tokens,
            self.lowercase,
            self.strip_accents,
            self.split_cjk,
            self.max_word_length,
            special_tokens_in_text,
            added_tokens,
            self.special_tokens,
        )

    @classmethod
    def from_vocabulary_file(cls, path: Any, **options: Any) -> "WordPieceTokenizer":
        """The tokenizer of a vocab.txt as BERT checkpoints have it: one entry a line, ids from 0.

        Args:
            path: The file, UTF-8.
            **options: Of the constructor, such as `lowercase=False` for "cased" vocabularies.

        Raises:
            UserError: for a missing or damaged file, naming it and the line.
        """
        path = Path(path)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise UserError(f"{path} cannot be read: {error.strerror}") from None
        return cls(parse_vocabulary(content, path, options.get("special_tokens", SPECIAL_TOKENS)), **options)

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        vocabulary_size: int,
        lowercase: bool = True,
        strip_accents: bool | None = None,
        split_cjk: bool = True,
        *,
        max_characters: int | None = None,
        min_frequency: int = 2,
        lower_to_fit: bool = False,
    ) -> "WordPieceTokenizer":
        """Learns a vocabulary from text. The same texts and options give the same vocabulary on every machine.

        Args:
            texts: Sentences or lines, read once; memory holds the different words.
            vocabulary_size: Number of ids, the five special tokens included.
            lowercase, strip_accents, split_cjk: As of the constructor.
            max_characters: At most this many different characters, the most frequent ones; words with others are [UNK].
                1,000 if None, or more where they take up at most three quarters of the vocabulary, as Chinese needs.
            min_frequency: Pieces that occur less often are not joined.
            lower_to_fit: Whether a vocabulary size that the text cannot fill is lowered to the largest that it can.

        Returns:
            The tokenizer, with [PAD] 0, [UNK] 1, [CLS] 2, [SEP] 3 and [MASK] 4.

        Raises:
            UserError: for an empty corpus, a vocabulary size the corpus cannot fill or that cannot hold the corpus's
                characters, and impossible options.
        """
        strip_accents = lowercase if strip_accents is None else strip_accents
        vocabulary = train_wordpiece(
            texts,
            vocabulary_size,
            lowercase=lowercase,
            strip_accents=strip_accents,
            split_cjk=split_cjk,
            max_characters=max_characters,
            min_frequency=min_frequency,
            lower_to_fit=lower_to_fit,
        )
        return cls(vocabulary, lowercase, strip_accents, split_cjk)

    def _encode(self, texts):
        tokens = self._cover.tokens(self._words.split(code_points(texts)))
        return tf.RaggedTensor.from_row_splits(tokens.ids, tokens.row_splits, validate=False)

    def tokenize_with_offsets(self, texts: Any) -> TokenizedText:
        """Tokens of each text, and where in the text each comes from.

        Args:
            texts: string tensor of shape [B], or a list of str or bytes.

        Returns:
            The tokens. A token begins with the first and ends with the last character that left something in it, so
            that what is dropped (a stripped accent that is a character of its own, a control character) is between
            tokens or inside them. A token that is part of what one character became has that whole character, and an
            added token the blanks that it swallows.
        """
        return self._with_offsets(texts, self._tokenize_with_offsets)

    def _tokenize_with_offsets(self, texts):
        decoded = code_points(texts)
        words = self._words.split(decoded)
        tokens = self._cover.tokens(words)
        lengths = self._cover.token_lengths(words, tokens)
        ends = tf.cumsum(lengths)
        positions = byte_positions(decoded.values)
        starts = tf.gather(positions, tf.gather(words.sources, ends - lengths))
        ends = tf.gather(positions, tf.gather(words.last_sources, ends - 1) + 1)
        rows = tf.searchsorted(words.row_splits, tf.range(tf.size(words.word_splits, tf.int64) - 1), "right") - 1
        rows = tf.gather(rows, tokens.words)
        row_starts = tf.gather(tf.gather(positions, decoded.row_splits), rows)
        word_ids = tokens.words - tf.gather(tf.cast(words.row_splits, tf.int32), rows)
        parts = (tokens.ids, word_ids, starts - row_starts, ends - row_starts)
        token_ids = tf.RaggedTensor.from_row_splits(tokens.ids, tokens.row_splits, validate=False)
        return TokenizedText(*map(token_ids.with_flat_values, parts))

    def decode(self, token_ids: Any) -> tf.Tensor:
        """The text of each row of token ids: words joined by blanks, continuations glued; see `Tokenizer.decode`.

        Special tokens are left out, [UNK] and [MASK] too. A continuation that begins a text keeps its "##".
        """
        if isinstance(token_ids, (list, tuple)):
            token_ids = tf.ragged.constant(token_ids, tf.int32, ragged_rank=1)
        elif not isinstance(token_ids, tf.RaggedTensor):
            token_ids = tf.convert_to_tensor(token_ids)
        # On CPU, the only place for strings, gathering refuses an id outside the table with InvalidArgument.
        texts = tf.strings.reduce_join(tf.gather(self._surfaces, token_ids), axis=-1)
        # What does not begin with the blank of a word begins with a continuation.
        texts = tf.strings.regex_replace(texts, "^([^ ])", CONTINUATION + r"\1")
        return tf.strings.regex_replace(texts, "^ ", "")

    def _options(self):
        options = {name: getattr(self, name) for name in _OPTIONS}
        # Earlier versions read what does not have others.
        if self.special_tokens != SPECIAL_TOKENS:
            options[_SPECIAL] = list(self.special_tokens)
        return {**options, ADDED_TOKENS: self._added.options()}

    def _assets(self):
        return {VOCABULARY_FILE: "".join(token + "\n" for token in self._vocabulary.tokens).encode()}

    @classmethod
    def _from_assets(cls, directory, config):
        path = directory / VOCABULARY_FILE
        options = read_options(directory, config, _OPTIONS, later=(_SPECIAL,))
        vocabulary = parse_vocabulary(read_asset(path, config), path, options.get(_SPECIAL, SPECIAL_TOKENS))
        try:
            return cls(vocabulary, **options)
        except UserError as error:
            raise UserError(f"{directory / CONFIG_FILE}: {error}") from None


def _surface(token, special):
    """What an entry adds to a decoded text, with the blank before a word."""
    if token in special:
        return ""
    return token.removeprefix(CONTINUATION) if token.startswith(CONTINUATION) else " " + token
