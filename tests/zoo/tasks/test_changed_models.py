"""A task answers for the model that it has, also after the model was changed."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from changed_models import add_adapters, quantize
from tiny_encoder_tasks import TEXTS, make_classifier
from tiny_generator import PROMPTS, make_generator

from zoo.layers import Projection
from zoo.tasks import TextGenerator

CONTINUATIONS = PROMPTS[1:] + PROMPTS[:1]


def scores(task):
    if isinstance(task, TextGenerator):
        return np.array([found.log_prob for found in task.score(PROMPTS, CONTINUATIONS)])
    return by_label(task, task(TEXTS))


def by_label(task, answers):
    found = [dict(zip(each["labels"], each["scores"], strict=True)) for each in answers]
    return np.array([[each[label] for label in task.labels] for each in found])


def untraced(task):
    """What `scores` have to be: by operations on the layers at hand, none of which was compiled before."""
    if isinstance(task, TextGenerator):
        return task.score_batch(tf.constant(PROMPTS), tf.constant(CONTINUATIONS))["score"].numpy()
    outputs = task.predict_batch(tf.constant(TEXTS))
    return by_label(task, task.unpack({name: value.numpy() for name, value in outputs.items()}))


def replace_a_layer(model):
    block = (model.encoder.encoder_blocks if hasattr(model, "encoder") else model.decoder_blocks)[0]
    old = block.feed_forward.down_projection
    block.feed_forward._tracker.unlock()  # as programs do that put layers of their own into a built model
    block.feed_forward.down_projection = Projection(old.units, use_bias=False, name="other")
    block.feed_forward.down_projection.build((None, None, old.input_spec.axes[-1]))


CHANGES = {
    "int8": lambda model: quantize(model, "int8"),
    "lora": add_adapters,
    "another layer": replace_a_layer,
}


def assert_same(found, expected):
    """But for rounding: of sums of up to 250, of which a graph adds the terms in another order, an ulp is 1e-7.

    Layers of int8 round what they are given too. Where that order decides between two integers, the score of the row
    moves by some 1e-5 of it, which happens to few rows; what is out of date is wrong in all.
    """
    same = np.isclose(found, expected, rtol=1e-6, atol=1e-6)
    assert same.mean() >= 0.75, (found, expected)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("make", [make_classifier, make_generator])
def test_changes_of_a_model_reach_its_task(make):
    task = make()
    for change in CHANGES.values():
        before = scores(task)
        change(task.model)
        expected = untraced(task)
        assert np.abs(expected - before).max() > 1e-4
        assert_same(scores(task), expected)


def test_what_is_traced_stays_while_the_model_does(monkeypatch):
    task = make_classifier()
    traces = []
    predict_batch = task.predict_batch
    monkeypatch.setattr(task, "predict_batch", lambda text: traces.append(1) or predict_batch(text))
    task(TEXTS)
    assert len(traces) == 1
    kernel = task.model.classifier.kernel
    kernel.assign(2 * keras.ops.convert_to_numpy(kernel))
    found = scores(task)
    assert len(traces) == 1
    np.testing.assert_allclose(found, untraced(task), rtol=0, atol=1e-6)
