"""Embeddings: text in, a vector out, near to those of texts that mean the same."""

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf

from zoo.errors import UserError
from zoo.tasks.embedding_precision import BITS, LEVELS, PRECISIONS, quantized, stored_width
from zoo.tasks.encoder_task import SPECIAL_TOKENS, EncoderTask
from zoo.tasks.registry import register_task
from zoo.tasks.signature import Signature
from zoo.tasks.text_control import TextControl
from zoo.tokenizers import Tokenizer

SIMILARITIES = ("cosine", "dot", "euclidean", "manhattan")
_MOST_NAME_BYTES = 256


@dataclass(frozen=True)
class EmbeddingSettings:
    """How a `TextEmbedder` reads text and compares vectors.

    Raises:
        UserError: for an impossible value, naming the attribute.

    Attributes:
        prompts: Texts to put before an input, by name, such as {"query": "query: "}.
        default_prompt: The name of the prompt where none is asked for; "" for none.
        similarity: "cosine", "dot", or the negative "euclidean" or "manhattan" distance.
        truncate_dim: Entries of the vectors that are kept, for models trained to allow it; all if None. A cut vector
            is no longer of length 1.
        max_source_length: Tokens, special ones included; the rest of a longer text is cut off. The model's longest
            sequence if that is less.
        precision: What vectors are given in: "float32"; "int8" or "uint8", which need `ranges`; or "binary" or
            "ubinary", one bit an entry and eight to a byte. Similarities are those of float32.
        ranges: The lowest and the highest value of each entry, which `TextEmbedder.calibrated` finds; None without.
    """

    prompts: dict[str, str] = field(default_factory=dict)
    default_prompt: str = ""
    similarity: str = "cosine"
    truncate_dim: int | None = None
    max_source_length: int = 256
    precision: str = "float32"
    ranges: Any = None

    def __post_init__(self):
        names = [*self.prompts, *self.prompts.values()]
        if not all(isinstance(each, str) for each in names) or any(
            not name or len(name.encode()) > _MOST_NAME_BYTES for name in self.prompts
        ):
            raise UserError(f"prompts must be texts by name, got {self.prompts!r}")
        if self.default_prompt and self.default_prompt not in self.prompts:
            known = ", ".join(self.prompts) or "none"
            raise UserError(f"default_prompt {self.default_prompt!r} is not among the prompts, which are {known}")
        if self.similarity not in SIMILARITIES:
            raise UserError(f"similarity must be one of {', '.join(SIMILARITIES)}, got {self.similarity!r}")
        if self.precision not in PRECISIONS:
            raise UserError(f"precision must be one of {', '.join(PRECISIONS)}, got {self.precision!r}")
        if self.ranges is not None:
            # Presets have lists.
            object.__setattr__(self, "ranges", tuple(tuple(map(float, values)) for values in self.ranges))
            if len(self.ranges) != 2 or len(self.ranges[0]) != len(self.ranges[1]):
                raise UserError("ranges must be two sequences, the lowest and the highest value of each entry")
        for name, least in (("truncate_dim", 1), ("max_source_length", SPECIAL_TOKENS + 1)):
            value = getattr(self, name)
            if name == "truncate_dim" and value is None:
                continue
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise UserError(f"{name} must be an integer of at least {least}, got {value!r}")


@register_task
class TextEmbedder(EncoderTask):
    """Gives texts vectors whose nearness says how alike the texts are.

    Args:
        model: A `zoo.models.SentenceEncoder`.
        tokenizer: `zoo.tokenizers.Tokenizer` with `bos_id`, `eos_id` and `pad_id`.
        settings: `EmbeddingSettings`.
        examples: Texts to verify exports with; saved in the preset.

    Raises:
        UserError: if tokenizer, settings and model do not fit each other.

    Example:
        >>> embedder = zoo.load("all-MiniLM-L6-v2")
        >>> embedder(["A man rides a horse.", "Someone is on horseback."]).shape
        (2, 384)
        >>> embedder.similarity("A man rides a horse.", "Someone is on horseback.")
        0.66
    """

    outputs: ClassVar[dict] = {"embedding": "the vector of the text"}
    settings_class = EmbeddingSettings
    description = "embedding"
    controls_signature = "embed"

    def __init__(self, model: Any, tokenizer: Tokenizer, settings: Any = None, examples: Any = ()):
        super().__init__(model, tokenizer, settings, examples)
        if self.embedding_dim > model.embedding_dim:
            raise UserError(f"truncate_dim {self.embedding_dim} is more than the model's {model.embedding_dim} entries")
        self._check_precision()
        if self.settings.precision in LEVELS:
            self.rounded_outputs = tuple(self.outputs)
        precise = replace(self.settings, precision="float32")
        # What similarities are computed of.
        self._precise = self if precise == self.settings else type(self)(model, tokenizer, precise)
        names = tuple(self.settings.prompts)
        if names:
            self.controls = {
                "prompt": TextControl(
                    self.settings.default_prompt,
                    _MOST_NAME_BYTES,
                    "name of the prompt to put before the text; empty for none",
                    ("", *names),
                    choices=("", *names),
                )
            }
        outputs = {"score": f"how alike the texts are: {_said(self.settings.similarity)}"}
        self.further_signatures = {"similarity": Signature(self.similarity_batch, ("text", "text_pair"), outputs)}

    @property
    def embedding_dim(self) -> int:
        """Width of the vectors, before eight entries of one bit become a byte."""
        return self.settings.truncate_dim or self.model.embedding_dim

    def _check_precision(self):
        precision, ranges = self.settings.precision, self.settings.ranges
        if precision in BITS and self.embedding_dim % 8:
            raise UserError(f"precision {precision} needs a number of entries that 8 divides, not {self.embedding_dim}")
        if precision in LEVELS and ranges is None:
            raise UserError(
                f"precision {precision} needs the ranges of entries; embedder.calibrated(texts) finds and keeps them"
            )
        if ranges is not None and len(ranges[0]) != self.model.embedding_dim:
            raise UserError(f"ranges are of {len(ranges[0])} entries, and vectors have {self.model.embedding_dim}")

    def calibrated(self, texts: Any, **options: Any) -> "TextEmbedder":
        """The embedder with the ranges that entries of its vectors have for some texts, for "int8" and "uint8".

        Args:
            texts: Texts such as will be embedded; some hundred at least.
            options: As of a call.

        Returns:
            An embedder of the same model, whose presets keep the ranges.

        Raises:
            UserError: for fewer than two texts.

        Example:
            >>> embedder.calibrated(texts).with_settings(precision="int8").save("presets/int8")
        """
        texts = list(texts)
        if len(texts) < 2:
            raise UserError(f"calibration needs texts such as will be embedded, some hundred; got {len(texts)}")
        whole = type(self)(
            self.model, self.tokenizer, replace(self.settings, precision="float32", truncate_dim=None, ranges=None)
        )
        vectors = whole(texts, **options)
        ranges = (vectors.min(axis=0).tolist(), vectors.max(axis=0).tolist())
        return self.with_settings(ranges=ranges)

    def encode(self, text: Any, prompt: Any = None) -> Any:
        """The tokens of texts behind their prompts; see `Task.encode`."""
        prompts = self.settings.prompts
        if prompts:
            default = tf.fill(tf.shape(text), self.settings.default_prompt)
            before = tf.fill(tf.shape(text), "")
            for name, words in prompts.items():
                before = tf.where((default if prompt is None else prompt) == name, words, before)
            text = tf.strings.join([before, text])
        return super().encode(text)

    def decode(self, results: Any, kept: Any) -> dict[str, Any]:
        """Vectors of one batch; see `Task.decode`.

        Returns:
            `embedding` float32 [B, E], or as `zoo.tasks.embedding_precision.quantized` says.
        """
        settings, width = self.settings, self.embedding_dim
        vectors = tf.ensure_shape(results[0][:, :width], (None, width))
        ranges = None if settings.ranges is None else np.array(settings.ranges)[:, :width]
        return {"embedding": quantized(vectors, settings.precision, ranges)}

    def similarity_batch(self, text: Any, text_pair: Any) -> dict[str, Any]:
        """`score` float32 [B] of two texts each, string [B]."""
        one, two = (self._precise.answer_batch({"text": each})["embedding"] for each in (text, text_pair))
        return {"score": _similarity(self.settings.similarity, one, two)}

    def unpack(self, outputs: Any) -> Any:
        """Vectors, a numpy array for each text."""
        return list(outputs["embedding"])

    def __call__(self, texts: Any, *, batch_size: int | None = None, progress: bool = False, **options: Any) -> Any:
        """Vectors of texts, batched by length, in the order given.

        Args:
            texts: A str, or a list of str or bytes of any length.
            batch_size, progress: As of `Task`.
            options: `prompt`, the name of a prompt.

        Returns:
            numpy [N, E], or [E] for a str, of float32 or what `precision` of the settings says.

        Raises:
            UserError: if an input is not str or bytes, and for a prompt unknown.
        """
        found = super().__call__(texts, batch_size=batch_size, progress=progress, **options)
        width = stored_width(self.embedding_dim, self.settings.precision)
        return np.reshape(found, (-1, width)) if isinstance(found, list) else found

    def records(self, *texts: Any, **options: Any) -> Any:
        """A dict of `embedding`, a list of numbers, for each text."""
        return [{"embedding": vector.tolist()} for vector in self(*texts, **options)]

    def similarity(self, texts: Any, others: Any, **options: Any) -> Any:
        """How alike texts are, each with the other at its place.

        Args:
            texts, others: A str each, or lists of the same length.
            options: `batch_size` and `progress` as of a call.

        Returns:
            A float, or a list of them.
        """
        signature = self.further_signatures["similarity"]
        return self.answer(
            "similarity", signature, [texts, others], unpack=lambda found: found["score"].tolist(), **options
        )


def _said(similarity):
    distance = similarity in ("euclidean", "manhattan")
    return f"the negative {similarity} distance" if distance else {"dot": "the dot product"}.get(similarity, "cosine")


def _similarity(kind, one, two):
    """float32 [B] of vectors [B, E]."""
    if kind == "euclidean":
        return -tf.norm(one - two, axis=-1)
    if kind == "manhattan":
        return -tf.reduce_sum(tf.abs(one - two), axis=-1)
    if kind == "cosine":
        one, two = (each / tf.maximum(tf.norm(each, axis=-1, keepdims=True), 1e-12) for each in (one, two))
    return tf.reduce_sum(one * two, axis=-1)
