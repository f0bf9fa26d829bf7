"""A task answers for the model that it has, also after the model was changed."""

import keras
import numpy as np
import pytest
from changed_models import add_adapters, quantize
from tiny_encoder_tasks import TEXTS, make_classifier
from tiny_generator import PROMPTS, make_generator

from zoo.layers import Projection
from zoo.tasks import TextClassifier, TextGenerator


def scores(task):
    if isinstance(task, TextGenerator):
        return np.array([found.log_prob for found in task.score(PROMPTS, PROMPTS[1:] + PROMPTS[:1])])
    by_label = [dict(zip(each["labels"], each["scores"], strict=True)) for each in task(TEXTS)]
    return np.array([[each[label] for label in task.labels] for each in by_label])


def fresh(task):
    """Another task over the same model, which has compiled nothing yet."""
    if isinstance(task, TextGenerator):
        return TextGenerator(task.model, task.tokenizer, task.settings)
    return TextClassifier(task.model, task.tokenizer, task.labels, task.settings)


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


@pytest.mark.parametrize("make", [make_classifier, make_generator])
def test_changes_of_a_model_reach_its_task(make):
    task = make()
    for change in CHANGES.values():
        before = scores(task)
        change(task.model)
        expected = scores(fresh(task))
        assert np.abs(expected - before).max() > 1e-4
        np.testing.assert_allclose(scores(task), expected, rtol=0, atol=1e-6)


def test_what_is_traced_stays_while_the_model_does(monkeypatch):
    task = make_classifier()
    traces = []
    predict_batch = task.predict_batch
    monkeypatch.setattr(task, "predict_batch", lambda text: traces.append(1) or predict_batch(text))
    task(TEXTS)
    kernel = task.model.classifier.kernel
    kernel.assign(2 * keras.ops.convert_to_numpy(kernel))
    expected = scores(fresh(task))
    np.testing.assert_allclose(scores(task), expected, rtol=0, atol=1e-6)
    assert len(traces) == 1
