import keras
import numpy as np
import pytest
import tensorflow as tf
import torch

from zoo.training.updates.token_loss import TokenCrossEntropy, token_cross_entropy
from zoo.training.updates.token_metrics import TokenAccuracy, TokenNegativeLogLikelihood

B, T, V = 3, 5, 13


def example(scale=3.0):
    rng = np.random.default_rng(1)
    logits = (rng.normal(size=(B, T, V)) * scale).astype("float32")
    labels = rng.integers(0, V, (B, T)).astype("int32")
    weights = (rng.random((B, T)) < 0.6).astype("float32")
    return labels, logits, weights


def torch_loss_and_gradient(labels, logits, weights, smoothing, z_loss=0.0):
    logits = torch.tensor(logits, dtype=torch.float64, requires_grad=True)
    target = torch.tensor(labels, dtype=torch.int64)
    losses = torch.nn.functional.cross_entropy(
        logits.reshape(-1, V), target.reshape(-1), reduction="none", label_smoothing=smoothing
    )
    losses = losses + z_loss * torch.logsumexp(logits.reshape(-1, V), -1) ** 2
    weights = torch.tensor(weights, dtype=torch.float64).reshape(-1)
    loss = (losses * weights).sum() / weights.sum()
    loss.backward()
    return loss.item(), logits.grad.numpy()


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
@pytest.mark.parametrize("scale", [0.0, 3.0, 100.0])
def test_loss_and_gradient_equal_torch(smoothing, scale, compiled):
    labels, logits, weights = example(scale)

    def loss_and_gradient(logits):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            loss = TokenCrossEntropy(smoothing)(labels, logits, sample_weight=weights)
        return loss, tape.gradient(loss, logits)

    run = tf.function(loss_and_gradient) if compiled else loss_and_gradient
    loss, gradient = run(tf.constant(logits))
    expected, expected_gradient = torch_loss_and_gradient(labels, logits, weights, smoothing)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    np.testing.assert_allclose(gradient, expected_gradient, atol=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_z_loss_and_its_gradient_equal_torch(smoothing):
    labels, logits, weights = example()
    logits = tf.constant(logits)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = TokenCrossEntropy(smoothing, z_loss=0.01)(labels, logits, sample_weight=weights)
    expected, expected_gradient = torch_loss_and_gradient(labels, logits.numpy(), weights, smoothing, 0.01)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    np.testing.assert_allclose(tape.gradient(loss, logits), expected_gradient, atol=1e-6)


def test_unknown_shapes_and_one_trace():
    traces = []

    @tf.function(input_signature=[tf.TensorSpec([None, None]), tf.TensorSpec([None, None, V])])
    def loss(labels, logits):
        traces.append(1)
        return token_cross_entropy(labels, logits, 0.1)

    labels, logits, _ = example()
    whole = loss(labels, logits)
    np.testing.assert_allclose(loss(labels[:1, :2], logits[:1, :2]), whole[:1, :2], rtol=1e-6)
    assert len(traces) == 1


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_logits_are_computed_in_float32(dtype):
    labels, logits, weights = example()
    narrow = tf.cast(logits, dtype)
    loss = TokenCrossEntropy(0.1)(labels, narrow, sample_weight=weights)
    expected, _ = torch_loss_and_gradient(labels, tf.cast(narrow, "float32").numpy(), weights, 0.1)
    assert loss.dtype == tf.float32
    np.testing.assert_allclose(loss, expected, rtol=1e-6)


def test_no_real_tokens_is_zero_with_zero_gradient():
    labels, logits, weights = example()
    logits = tf.constant(logits)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = TokenCrossEntropy(0.1)(labels, logits, sample_weight=0 * weights)
    assert float(loss) == 0.0
    np.testing.assert_array_equal(tape.gradient(loss, logits), np.zeros((B, T, V)))


def test_weights_left_out_means_ones():
    labels, logits, weights = example()
    loss = TokenCrossEntropy(0.1)(labels, logits)
    np.testing.assert_allclose(loss, TokenCrossEntropy(0.1)(labels, logits, sample_weight=weights * 0 + 1), rtol=1e-6)


def test_large_vocabulary_ids_survive_the_float_labels_of_keras():
    labels = np.array([[70_001, 69_999]])
    logits = np.zeros((1, 2, 70_002), "float32")
    logits[0, 0, 70_001] = logits[0, 1, 70_000] = 50.0
    np.testing.assert_allclose(token_cross_entropy(labels.astype("float32"), logits), [[0.0, 50.0]], atol=1e-4)


def test_metrics_weigh_tokens_over_all_batches():
    labels, logits, weights = example()
    nll = TokenNegativeLogLikelihood()
    smoothed = TokenNegativeLogLikelihood(0.1, name="smoothed")
    accuracy = TokenAccuracy()
    for rows, columns in ((slice(0, 1), slice(0, 2)), (slice(0, 1), slice(2, 5)), (slice(1, 3), slice(0, 5))):
        for metric in (nll, smoothed, accuracy):
            metric.update_state(labels[rows, columns], logits[rows, columns], weights[rows, columns])
    np.testing.assert_allclose(nll.result(), torch_loss_and_gradient(labels, logits, weights, 0.0)[0], rtol=1e-5)
    np.testing.assert_allclose(smoothed.result(), torch_loss_and_gradient(labels, logits, weights, 0.1)[0], rtol=1e-5)
    real = weights.astype(bool)
    np.testing.assert_allclose(accuracy.result(), np.mean(logits.argmax(-1)[real] == labels[real]), rtol=1e-6)


def test_serialisable():
    loss = keras.losses.deserialize(keras.losses.serialize(TokenCrossEntropy(0.2)))
    assert isinstance(loss, TokenCrossEntropy) and loss.label_smoothing == 0.2
    for metric in (TokenNegativeLogLikelihood(0.3, name="x"), TokenAccuracy()):
        copy = keras.metrics.deserialize(keras.metrics.serialize(metric))
        assert type(copy) is type(metric) and copy.get_config() == metric.get_config()


def test_impossible_smoothing():
    with pytest.raises(ValueError, match="label_smoothing must be"):
        TokenCrossEntropy(1.0)
