"""A task of two texts in one file, as a new one is added: how well a second text fits a first, by a small encoder."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import tensorflow as tf

from zoo.models import Encoder, SequenceClassifier
from zoo.tasks import Control, Signature, register_task
from zoo.tasks.encoder_task import EncoderTask
from zoo.tokenizers import WordPieceTokenizer


@dataclass(frozen=True)
class JudgeSettings:
    """Tokens of both texts and three special ones, and from what probability on texts fit."""

    max_source_length: int = 24
    threshold: float = 0.5


@register_task
class PairJudge(EncoderTask):
    """Reads `[CLS] text [SEP] text_pair [SEP]`; `similarity` compares what the encoder makes of each text alone."""

    inputs = ("text", "text_pair")
    outputs: ClassVar[dict] = {"score": "how well the texts fit", "fits": "whether that is enough"}
    settings_class = JudgeSettings
    controls_signature = "decide"

    def __init__(self, model, tokenizer, settings=None, examples=()):
        super().__init__(model, tokenizer, settings, examples)
        self.controls = {"threshold": Control("float32", self.settings.threshold, 0.0, 1.0, "least score that fits")}
        outputs = {"similarity": "cosine of the vectors of both texts"}
        self.further_signatures = {"similarity": Signature(self.similarity_batch, ("text", "other"), outputs)}

    def encode(self, text, text_pair, **controls):
        half = (self.max_source_length - 3) // 2
        first, second = (self.tokenizer.encode(each)[:, :half] for each in (text, text_pair))
        special = tf.ones([first.nrows(), 1], first.dtype)
        begin, end = special * self.tokenizer.bos_id, special * self.tokenizer.eos_id
        tokens = tf.concat([begin, first, end, second, end], axis=1)
        segments = tf.sequence_mask(first.row_lengths() + 2, tokens.bounding_shape(1), dtype=tf.int32)
        token_ids = tf.cast(tokens.to_tensor(self.tokenizer.pad_id), tf.int32)
        mask = tf.sequence_mask(tokens.row_lengths(), tokens.bounding_shape(1), dtype=tf.int32)
        return self.read_in_parts({"token_ids": token_ids, "padding_mask": mask, "segment_ids": mask - segments * mask})

    def decode(self, results, kept):
        score = tf.sigmoid(results[0][:, 0])
        return {"score": score, "fits": score >= kept["threshold"]}

    def similarity_batch(self, text, other):
        one, two = (self.run(self.vectors, super(PairJudge, self).encode(each))[0] for each in (text, other))
        return {"similarity": tf.reduce_sum(one * two, axis=-1)}

    def vectors(self, **inputs):
        vectors = self.model.encoder(inputs)["pooled"]
        return (vectors / tf.maximum(tf.norm(vectors, axis=-1, keepdims=True), 1e-6),)

    def similarity(self, texts, others):
        found = self.answer("similarity", self.further_signatures["similarity"], [texts, others])
        return [each["similarity"] for each in found] if isinstance(found, list) else found["similarity"]


def make_pair_judge(**settings):
    letters = [prefix + letter for letter in "abcdefghijklmnopqrstuvwxyz?" for prefix in ("", "##")]
    tokenizer = WordPieceTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters])
    encoder = Encoder(
        tokenizer.vocabulary_size,
        hidden_dim=16,
        intermediate_dim=24,
        num_heads=2,
        num_layers=1,
        max_sequence_length=40,
    )
    model = SequenceClassifier(encoder, 1)
    model.build()
    rng = np.random.default_rng(7)
    for weight in model.trainable_weights:
        if len(weight.shape) >= 2:
            weight.assign(rng.normal(0, 1.0, weight.shape))
    examples = [
        {"text": "who is it?", "text_pair": "a man"},
        {"text": "where", "text_pair": "in a far land beyond"},
        {"text": "when?", "text_pair": ""},
    ]
    return PairJudge(model, tokenizer, JudgeSettings(**settings), examples)
