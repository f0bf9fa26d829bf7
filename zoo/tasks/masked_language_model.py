"""Masked language modelling: text with blanks in, the words that fit them out."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import tensorflow as tf
from keras import ops

from zoo.errors import UserError
from zoo.tasks.encoder_task import SPECIAL_TOKENS, EncoderTask
from zoo.tasks.registry import register_task
from zoo.tasks.task import decoded
from zoo.tokenizers import BytePairTokenizer, Tokenizer

# The probabilities of a whole vocabulary take about the memory of this many positions of an encoder.
_POSITIONS_OF_A_BLANK = 4


@dataclass(frozen=True)
class FillSettings:
    """How a `MaskedLanguageModel` reads text and what it gives.

    Raises:
        UserError: for an impossible value, naming the attribute.

    Attributes:
        top_k: Candidates for each blank.
        max_source_length: Tokens, special ones included; the rest of a longer text is cut off. The model's longest
            sequence if that is less.
    """

    top_k: int = 5
    max_source_length: int = 256

    def __post_init__(self):
        for name, minimum in (("top_k", 1), ("max_source_length", SPECIAL_TOKENS + 1)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
                raise UserError(f"{name} must be an integer of at least {minimum}, got {value!r}")


@register_task
class MaskedLanguageModel(EncoderTask):
    """Fills blanks, written as the tokenizer's mask token (`[MASK]`, `<mask>`), with the most probable tokens.

    Tokens are given as the vocabulary spells them; those of a `BytePairTokenizer` as the text that they add, which
    begins with a blank at the beginning of a word.

    Args:
        model: A `zoo.models.MaskedTokenPredictor`, with or without next-sentence prediction.
        tokenizer: A tokenizer with a `mask_id` that reads its mask token from text, such as
            `WordPieceTokenizer(..., special_tokens_in_text=["[MASK]"])`.
        settings: `FillSettings`.
        examples: Texts to verify exports with; saved in the preset.

    Raises:
        UserError: if tokenizer and model do not fit each other.

    Example:
        >>> model = zoo.load("runs/pretraining")
        >>> model("A man rides a [MASK].")
        [[{'token': 'horse', 'score': 0.41}, {'token': 'bike', 'score': 0.22}, ...]]
    """

    settings_class = FillSettings
    description = "filling"
    computed = (tf.float32, tf.int32)
    outputs: ClassVar[dict] = {
        "tokens": "the best tokens for each blank, the best first",
        "scores": "their probabilities",
        "count": "how many blanks the text has",
    }
    ragged_outputs: ClassVar[dict] = {"tokens": b"", "scores": 0.0}
    ragged_items = "blanks"

    def __init__(self, model: Any, tokenizer: Tokenizer, settings: Any = None, examples: Any = ()):
        super().__init__(model, tokenizer, settings, examples)
        if getattr(tokenizer, "mask_id", None) is None:
            raise UserError("the tokenizer has no mask token, which filling blanks needs")
        if tokenizer.encode([tokenizer.id_to_token([tokenizer.mask_id])[0]]).to_list() != [[tokenizer.mask_id]]:
            raise UserError("the tokenizer does not read its mask token from text; load it with that option")
        self.settings = replace(self.settings, top_k=min(self.settings.top_k, tokenizer.vocabulary_size))
        self._tokens = tf.constant(_readable(tokenizer))

    def encode(self, text: Any, **controls: Any) -> Any:
        """The tokens of texts and the places of blanks among them; see `Task.encode`."""
        token_ids, lengths = self._cut_tokens(text)
        places = tf.range(tf.shape(token_ids)[1])[tf.newaxis]
        blank = tf.logical_and(token_ids == self.tokenizer.mask_id, places < lengths[:, tf.newaxis])
        count = tf.reduce_sum(tf.cast(blank, tf.int32), axis=1)
        most = tf.maximum(tf.reduce_max(count), 1)
        real = tf.range(most)[tf.newaxis] < count[:, tf.newaxis]
        # In order, behind one [CLS]; places after the last blank are those of [CLS] itself.
        found = tf.sort(tf.where(blank, places, tf.shape(token_ids)[1]), axis=1)
        found = tf.pad(found, [[0, 0], [0, 1]])[:, :most]
        return self.framed(
            token_ids,
            lengths,
            positions_more=most * _POSITIONS_OF_A_BLANK,
            kept={"real": real, "count": count},
            masked_positions=tf.where(real, found + 1, 0),
        )

    def compute(self, **inputs: Any) -> tuple:
        """Probabilities float32 [B, M, K] and ids int32 [B, M, K] of the best tokens."""
        logits = self.model(inputs)
        logits = logits["token_logits"] if isinstance(logits, dict) else logits
        # The model's table may have more rows than the vocabulary, to fill up a multiple; they are no tokens.
        return ops.top_k(ops.softmax(logits[:, :, : self.tokenizer.vocabulary_size]), k=self.settings.top_k)

    def decode(self, results: Any, kept: Any) -> dict[str, Any]:
        """Candidates for the blanks of one batch; see `Task.decode`.

        Returns:
            For at most M blanks of a text, in their order, the K best tokens: `tokens` string [B, M, K] and their
            probabilities `scores` float32 [B, M, K]; and `count` int32 [B], how many blanks each text has.
        """
        scores, ids = results
        real = kept["real"][:, :, tf.newaxis]
        return {
            "tokens": tf.where(real, tf.gather(self._tokens, ids), ""),
            "scores": tf.where(real, scores, 0.0),
            "count": kept["count"],
        }

    def unpack(self, outputs: Any) -> Any:
        """For each text a list of its blanks, each a list of dict of `token` and `score`, the best first."""
        columns = zip(decoded(outputs["tokens"]), outputs["scores"].tolist(), outputs["count"].tolist(), strict=True)
        return [
            [
                [{"token": token, "score": score} for token, score in zip(*blank, strict=True)]
                for blank in list(zip(tokens, scores, strict=True))[:count]
            ]
            for tokens, scores, count in columns
        ]


def _readable(tokenizer):
    """What each token of the vocabulary is called in answers."""
    tokens = tokenizer.id_to_token(list(range(tokenizer.vocabulary_size)))
    if not isinstance(tokenizer, BytePairTokenizer):
        return tokens
    contents = zip(tokenizer.token_bytes, tokens, strict=True)
    return [content.decode("utf-8", "replace") if content else token for content, token in contents]
