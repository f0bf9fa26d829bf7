"""What every tokenizer is: text to token ids and back, inside a TensorFlow graph."""

import abc
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

import tensorflow as tf

from zoo.errors import UserError
from zoo.tokenizers.added_tokens.added_token import AddedToken, AddedTokens
from zoo.tokenizers.added_tokens.splitter import AddedTokenSplitter
from zoo.tokenizers.clean_text import clean_text, string_tensor
from zoo.tokenizers.text_parts import TextParts, joined_ids, joined_tokens
from zoo.tokenizers.tokenized_text import TokenizedText
from zoo.writing import write_whole

CONFIG_FILE = "tokenizer.json"
ADDED_TOKENS = "added_tokens"
"""Name of the option, in tokenizer.json and of constructors."""
# Options that earlier versions did not write.
_LATER_OPTIONS = (ADDED_TOKENS, "special_tokens_in_text")
# Strings are on the CPU; the integers made of them would go to and fro if a GPU did some of the work.
DEVICE = "CPU:0"


class _AbstractModuleType(abc.ABCMeta, type(tf.Module)):
    """`tf.Module` has a metaclass of its own, so abstract modules need one derived from both."""


class Tokenizer(tf.Module, metaclass=_AbstractModuleType):
    """Text to token ids and back with TensorFlow operations only, so that a SavedModel can hold it.

    Saved models restore a tokenizer only while they can reach it: keep it as an attribute of the saved `tf.Module`.

    Tokens that were added to a vocabulary are single tokens wherever they stand in a text, but for control tokens:
    those that begin, end, separate, pad or mask a model's input stay text unless `special_tokens_in_text` names them,
    so that nobody can put them into a model's input by writing them.

    Attributes:
        vocabulary_size: Number of token ids; ids run from 0 to `vocabulary_size - 1`.
        pad_id, bos_id, eos_id, unk_id: Ids of the special tokens; None where an imported vocabulary lacks one.
    """

    vocabulary_size: int
    pad_id: int | None
    bos_id: int | None
    eos_id: int | None
    unk_id: int | None

    def _add_tokens(self, added: AddedTokens, looked_for=None, **options):
        """To be called by constructors: which tokens were added.

        Args:
            added: The tokens.
            looked_for: Those to look for in texts before anything else is done with them; all that are read if None.
            options: Of `AddedTokenSplitter`.
        """
        self._added = added
        looked_for = added.read if looked_for is None else looked_for
        self._splitter_options = options
        self._splitter = AddedTokenSplitter(looked_for, **options) if looked_for else None

    @property
    def added_tokens(self) -> tuple[AddedToken, ...]:
        """Tokens added to the vocabulary, by id."""
        return self._added.tokens

    @property
    def own_vocabulary_size(self) -> int:
        """Number of ids of the vocabulary itself, after which those of added tokens come."""
        return self.vocabulary_size - len(self._added.beyond)

    @property
    def control_tokens(self) -> tuple[str, ...]:
        """Spellings of the tokens that text yields only if `special_tokens_in_text` names them."""
        return self._added.control

    @property
    def special_tokens_in_text(self) -> tuple[str, ...]:
        """Spellings of the control tokens that are read from text."""
        return self._added.in_text

    def reading_from_text(self, special_tokens: Iterable[str]) -> Self:
        """The same tokenizer, which reads just these control tokens from text.

        Args:
            special_tokens: Spellings of control tokens, such as `control_tokens` for all of them.

        Raises:
            UserError: for what is no control token.
        """
        return self._rebuilt(self.added_tokens, special_tokens)

    def with_added_tokens(self, contents: Iterable[str], entries_too: bool = False) -> Self:
        """The same tokenizer with more tokens, which are single tokens wherever a text holds them as spelled here.

        They are not special: decoding writes them.

        Args:
            contents: What each token is in a text. Their ids follow those of the vocabulary.
            entries_too: Whether an entry of the vocabulary may become such a token, with the id that it has.

        Raises:
            UserError: for a token that is there already, an empty one, and one that is given twice.
        """
        added, next_id = list(self.added_tokens), self.vocabulary_size
        fixed = {*self.control_tokens, *(token.content for token in added)}
        for content in contents:
            try:
                token_id = self.token_to_id(content)
            except KeyError:
                token_id, next_id = next_id, next_id + 1
            else:
                if content in fixed or not entries_too:
                    raise UserError(f"the vocabulary has {content!r} already, with the id {token_id}")
            added.append(AddedToken(content, token_id, special=False))
        return self._rebuilt(added, self.special_tokens_in_text)

    @abc.abstractmethod
    def _rebuilt(self, added_tokens, special_tokens_in_text) -> Self:
        """The same tokenizer but for these arguments of the constructor."""

    def encode(self, texts: Any) -> tf.RaggedTensor:
        """Token ids of each text, with no special tokens added.

        Args:
            texts: string tensor of shape [B], or a list of str or bytes. Invalid UTF-8 is read as U+FFFD.

        Returns:
            int32 ragged tensor of shape [B, None].
        """
        with tf.device(DEVICE):
            texts = string_tensor(texts)
            if self._splitter is None:
                return self._encode(texts)

            def split():
                return _components(self.encode_by(self._splitter, clean_text(texts)))

            # Most batches hold no added token.
            values, row_splits = self._if_split(texts, split, lambda: _components(self._encode(texts)))
            return tf.RaggedTensor.from_row_splits(values, row_splits, validate=False)

    def splitter_of_all(self, read: Any) -> AddedTokenSplitter:
        """What finds every token that was added or is a control token, and nothing else; for `encode_by`.

        Args:
            read: As of `AddedTokenSplitter`.

        Raises:
            UserError: if that would find a control token in what `read` gives.
        """
        control = [AddedToken(each, self.token_to_id(each), control=True) for each in self.control_tokens]
        described = {token.content for token in self.added_tokens}
        undescribed = [token for token in control if token.content not in described]
        return AddedTokenSplitter([*undescribed, *self.added_tokens], read=read, **self._splitter_options)

    def encode_by(self, splitter: AddedTokenSplitter, texts: Any) -> tf.RaggedTensor:
        """`encode`, with another splitter for texts of valid UTF-8."""
        with tf.device(DEVICE):
            parts = splitter.split(texts)
            return joined_ids(parts, self._encode_parts(parts))

    @abc.abstractmethod
    def _encode(self, texts) -> tf.RaggedTensor:
        """`encode` for texts without added tokens, a string tensor [B]."""

    def _encode_parts(self, parts: TextParts) -> tf.RaggedTensor:
        """`encode` for what is between added tokens, P texts as the splitter leaves them."""
        return self._encode(parts.texts)

    def _with_offsets(self, texts, tokenize, splitter=None) -> TokenizedText:
        """The tokens of texts by a function that gives those of texts without added tokens.

        Args:
            texts: As of `encode`.
            tokenize: From string [P] to `TokenizedText`.
            splitter: In the place of the one that `encode` goes by.
        """
        splitter = splitter or self._splitter
        with tf.device(DEVICE):
            texts = string_tensor(texts)
            if splitter is None:
                return tokenize(texts)

            def split():
                parts = splitter.split(clean_text(texts))
                return _components(*joined_tokens(parts, tokenize(parts.texts)))

            *fields, row_splits = self._if_split(texts, split, lambda: _components(*tokenize(texts)), splitter)
            return TokenizedText(
                *(tf.RaggedTensor.from_row_splits(field, row_splits, validate=False) for field in fields)
            )

    def _if_split(self, texts, split, whole, splitter=None):
        """What `split` gives if any text may hold an added token, or else `whole`; both give tuples of tensors."""
        splitter = splitter or self._splitter
        if not splitter.tells:
            return split()

        def placed(branch):
            # Branches do not inherit the device.
            with tf.device(DEVICE):
                return branch()

        return tf.cond(splitter.may_split(texts), lambda: placed(split), lambda: placed(whole))

    @abc.abstractmethod
    def decode(self, token_ids: Any) -> tf.Tensor:
        """The text of each row of token ids; padding, begin and end tokens are left out.

        Args:
            token_ids: int32 ragged tensor of shape [B, None], or dense [B, T] filled up with `pad_id`.

        Returns:
            string tensor of shape [B], always valid UTF-8.

        Raises:
            tensorflow.errors.InvalidArgumentError: for an id outside the vocabulary.
        """

    def settled_bytes(self, token_ids: tf.RaggedTensor) -> tf.Tensor:
        """How much of a text nothing that follows can change, such as the rest of a character.

        Args:
            token_ids: int32 [B, None], the tokens so far.

        Returns:
            int32 [B], bytes of what `decode` gives. Characters are not divided.
        """
        # A half character at the end is U+FFFD until its other half comes.
        return tf.strings.length(tf.strings.regex_replace(self.decode(token_ids), r"\x{fffd}+$", ""))

    def id_to_token(self, token_ids: Any) -> list[str]:
        """The vocabulary's own spelling of each id.

        Args:
            token_ids: Sequence of ints.

        Raises:
            IndexError: for an id outside the vocabulary.
        """
        ids = [int(token_id) for token_id in token_ids]
        for token_id in ids:
            if not 0 <= token_id < self.vocabulary_size:
                raise IndexError(f"token id {token_id} is outside the vocabulary of {self.vocabulary_size}")
        return self._spellings(ids)

    @abc.abstractmethod
    def _spellings(self, ids: list[int]) -> list[str]:
        """`id_to_token` of ids that the vocabulary has."""

    @abc.abstractmethod
    def token_to_id(self, token: str) -> int:
        """The id of a vocabulary entry; KeyError if there is no such entry."""

    @abc.abstractmethod
    def _assets(self) -> dict[str, bytes]:
        """Contents of the files beside tokenizer.json, by file name."""

    def _options(self) -> dict:
        """Constructor arguments that `_from_assets` needs besides the files, plain values for tokenizer.json."""
        return {}

    @classmethod
    @abc.abstractmethod
    def _from_assets(cls, directory: Path, config: dict) -> "Tokenizer":
        """The tokenizer that `_assets` described, read by `read_asset`."""

    def save(self, directory: str | Path) -> None:
        """Writes tokenizer.json and the vocabulary files into a directory, making it if needed.

        Each file is complete or absent: it is written under another name and renamed. tokenizer.json comes last.

        Args:
            directory: Where to write. Files of the same names are replaced.

        Raises:
            OSError: The disk is full or the directory cannot be written; files of the same names stay whole.
        """
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        assets = self._assets()
        config = {
            "class": type(self).__name__,
            "vocabulary_size": self.vocabulary_size,
            **({"options": self._options()} if self._options() else {}),
            "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in assets.items()},
        }
        for name, content in assets.items():
            write_whole(directory / name, content)
        write_whole(directory / CONFIG_FILE, (json.dumps(config, indent=2) + "\n").encode())

    @classmethod
    def load(cls, directory: str | Path) -> "Tokenizer":
        """Reads what `save` wrote.

        Args:
            directory: A directory with tokenizer.json in it.

        Raises:
            UserError: for a missing, damaged or foreign file, naming it.
        """
        directory = Path(directory)
        config = read_config(directory)
        if config["class"] != cls.__name__:
            raise UserError(f"{directory / CONFIG_FILE} is of class {config['class']!r}, not {cls.__name__!r}")
        return cls._from_assets(directory, config)


def _components(*tensors):
    """The values of ragged tensors [B, None] with the same rows, and where these begin."""
    return *(tensor.flat_values for tensor in tensors), tensors[0].row_splits


def read_config(directory: Path) -> dict:
    """The content of tokenizer.json, checked for form."""
    path = directory / CONFIG_FILE
    if directory.is_file():
        raise UserError(f"{directory} is a file; give the directory that holds {CONFIG_FILE}")
    try:
        config = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise UserError(f"{path} is missing: {directory} is not a tokenizer directory") from None
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}); copy it again from where it was saved") from None
    if not isinstance(config, dict) or not isinstance(config.get("class"), str):
        raise UserError(f'{path} has no "class": it was not written by this project\'s tokenizers')
    return config


def read_asset(path: Path, config: dict) -> bytes:
    """A vocabulary file's content, compared with the checksum in tokenizer.json."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path} is missing; copy it again from where the tokenizer was saved") from None
    sums = config.get("sha256")
    expected = sums.get(path.name) if isinstance(sums, dict) else None
    if hashlib.sha256(content).hexdigest() != expected:
        raise UserError(
            f"{path} is truncated or was altered: its sha256 is not the one in {CONFIG_FILE}; copy both files again"
        )
    return content


def read_options(directory: Path, config: dict, names, later=()) -> dict:
    """The constructor arguments in tokenizer.json: `names`, those of added and special tokens, and some of `later`."""
    options = config.get("options")
    if not isinstance(options, dict) or not set(names) <= set(options) <= {*names, *_LATER_OPTIONS, *later}:
        raise UserError(f"{directory / CONFIG_FILE} is damaged: its options must be {', '.join(names)}")
    return options
