"""Scores of pairs: two texts in, one number out; and the documents that fit a query best."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import tensorflow as tf

from zoo.errors import UserError
from zoo.tasks.pair_settings import CutPairSettings
from zoo.tasks.pair_task import PairTask
from zoo.tasks.registry import register_task
from zoo.tasks.signature import Signature
from zoo.tasks.text_control import SEPARATOR
from zoo.tasks.text_regressor import RegressionSettings, TextRegressor
from zoo.tokenizers.clean_text import clean_text


@dataclass(frozen=True)
class PairScoringSettings(CutPairSettings, RegressionSettings):
    """How a `PairScorer` reads pairs and what it gives: `RegressionSettings` and `CutPairSettings`, whose
    `max_source_length` counts the tokens of both texts and the special ones. The logistic function is usual here.
    """

    sigmoid: bool = True

    def __post_init__(self):
        CutPairSettings.__post_init__(self)
        RegressionSettings.__post_init__(self)


@register_task
class PairScorer(PairTask, TextRegressor):
    """Says with one number how well two texts fit, as a cross-encoder does that puts documents in order for a query.

    Exports serve `rerank` as well: a query and its documents in one row, with `SEPARATOR` between these.

    Args:
        model: A `zoo.models.SequenceClassifier` of one output.
        tokenizer: `zoo.tokenizers.Tokenizer` with `bos_id`, `eos_id` and `pad_id`.
        labels: The name of the output.
        settings: `PairScoringSettings`.
        examples: Pairs to verify exports with, a dict of "text" and "text_pair" each; saved in the preset.

    Raises:
        UserError: if tokenizer and model do not fit each other, and for a model of several outputs.

    Example:
        >>> scorer = zoo.load("ms-marco-MiniLM-L6-v2")
        >>> sorted(scorer("How many people live in Berlin?", "Berlin has 3.7 million inhabitants."))
        ['score', 'value']
        >>> best, *others = scorer.rerank("How many people live in Berlin?", ["It lies on the Spree.", "3.7 million."])
    """

    settings_class = PairScoringSettings
    outputs: ClassVar[dict] = {"score": "how well the texts fit", "value": "the same as the model's own number"}

    def __init__(self, model: Any, tokenizer: Any, labels: Any = ("score",), settings: Any = None, examples: Any = ()):
        if len(labels) != 1:
            raise UserError(f"a PairScorer needs a model of one output; this one has {len(labels)}")
        super().__init__(model, tokenizer, labels, settings, examples)
        self.further_signatures = {
            "rerank": Signature(
                self.rerank_batch,
                ("query", "documents"),
                {
                    "order": "the documents' numbers from 0 on, the best first",
                    "scores": "how well they fit the query, in that order",
                    "count": "how many documents the row has",
                },
                ragged_outputs={"order": -1, "scores": 0.0},
            )
        }

    def decode(self, results: Any, kept: Any) -> dict[str, Any]:
        """`score` and `value` float32 [B]; see `Task.decode`."""
        found = super().decode(results, kept)
        return {name: found[name] for name in self.outputs}

    def rerank_batch(self, query: Any, documents: Any) -> dict[str, Any]:
        """Documents in order of how well they fit a query.

        Equal scores are put in order by the model's own number, and then as they were given.

        Args:
            query: string [B].
            documents: string [B], in each row any number of documents with `SEPARATOR` between them; an empty
                text is one document without a word.

        Returns:
            For at most N documents of a row `order` int32 [B, N] and `scores` float32 [B, N], filled up with -1 and 0,
            and `count` int32 [B], how many there are.
        """
        texts = tf.strings.split(clean_text(documents), SEPARATOR)
        counts = tf.cast(texts.row_lengths(), tf.int32)
        given = {"text": tf.gather(query, texts.value_rowids()), "text_pair": texts.flat_values}
        found = {name: texts.with_flat_values(value) for name, value in self.answer_batch(given).items()}
        lowest = tf.float32.min
        order = tf.argsort(found["value"].to_tensor(lowest), axis=1, direction="DESCENDING", stable=True)
        real = tf.range(tf.shape(order)[1])[tf.newaxis] < counts[:, tf.newaxis]
        scores = tf.gather(found["score"].to_tensor(lowest), order, batch_dims=1)
        return {"order": tf.where(real, order, -1), "scores": tf.where(real, scores, 0.0), "count": counts}

    def rerank(self, query: str | bytes, documents: Iterable[str | bytes], **options: Any) -> list[dict[str, Any]]:
        """The documents that fit a query best, first.

        Args:
            query: str.
            documents: list of str.
            options: `batch_size` and `progress` as of a call.

        Returns:
            A list with a dict of each document: `document`, its place in the list from 0 on, and `score`.

        Raises:
            UserError: if an input is not str or bytes.
        """
        documents = list(documents)
        found = self([query] * len(documents), documents, **options)
        order = sorted(range(len(documents)), key=lambda place: found[place]["value"], reverse=True)
        return [{"document": place, "score": found[place]["score"]} for place in order]
