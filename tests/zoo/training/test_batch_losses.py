"""Losses of embedders beside those of sentence-transformers, and batches in parts beside batches as a whole."""

import keras
import numpy as np
import pytest
from worker_processes import finished, free_ports, start, torchrun_variables

from zoo.errors import UserError
from zoo.training import (
    CoSENT,
    CosineRegression,
    InBatchNegatives,
    Matryoshka,
    TripletLoss,
    VectorDistillation,
)
from zoo.training.updates.summed_loss import SummedLoss

sentence_transformers = pytest.importorskip("sentence_transformers")
torch = pytest.importorskip("torch")
losses = sentence_transformers.sentence_transformer.losses

RNG = np.random.default_rng(7)
VECTORS = RNG.normal(size=(6, 3, 12)).astype("float32")
SCORES = np.array([0.1, 0.9, 0.4, 0.4, 1.0, 0.0], "float32")
TEACHER = RNG.normal(size=(6, 12)).astype("float32")


class Reference(torch.nn.Module):
    """A model of sentence-transformers that gives vectors it was given, K texts one after the other."""

    def forward(self, features):
        return {"sentence_embedding": features["vectors"]}

    def get_embedding_dimension(self):
        return 12


def theirs(name, count, labels=None, dims=None, **options):
    """Loss and gradient of sentence-transformers for the first `count` texts."""
    model = Reference()
    loss = getattr(losses, name)(model, **options)
    if dims is not None:
        loss = losses.MatryoshkaLoss(model, loss, matryoshka_dims=dims, matryoshka_weights=[1.0, 0.5])
    vectors = [torch.tensor(VECTORS[:, place], requires_grad=True) for place in range(count)]
    value = loss([{"vectors": each} for each in vectors], None if labels is None else torch.tensor(labels))
    value.backward()
    return value.item(), np.stack([each.grad.numpy() for each in vectors], axis=1)


def ours(loss, count, labels=None, weights=None, vectors=VECTORS):
    import tensorflow as tf

    vectors = tf.constant(vectors[:, :count])
    with tf.GradientTape() as tape:
        tape.watch(vectors)
        value = loss(np.zeros(len(vectors), "float32") if labels is None else labels, vectors, weights)
    return float(value), tape.gradient(value, vectors).numpy()


BOTH = {"directions": ("query_to_doc", "doc_to_query"), "partition_mode": "per_direction"}
EUCLIDEAN = losses.TripletDistanceMetric.EUCLIDEAN
COSINE = losses.TripletDistanceMetric.COSINE
CASES = {
    "pairs": (InBatchNegatives(), 2, ("MultipleNegativesRankingLoss", {}), None),
    "hard negatives": (InBatchNegatives(0.1), 3, ("MultipleNegativesRankingLoss", {"scale": 10.0}), None),
    "both ways": (InBatchNegatives(symmetric=True), 3, ("MultipleNegativesRankingLoss", BOTH), None),
    "cosent": (CoSENT(), 2, ("CoSENTLoss", {}), SCORES),
    "cosine": (CosineRegression(), 2, ("CosineSimilarityLoss", {}), SCORES),
    "triplet": (
        TripletLoss("euclidean", 5.0),
        3,
        ("TripletLoss", {"distance_metric": EUCLIDEAN, "triplet_margin": 5}),
        None,
    ),
    "triplet cosine": (
        TripletLoss(margin=0.4),
        3,
        ("TripletLoss", {"distance_metric": COSINE, "triplet_margin": 0.4}),
        None,
    ),
    "distillation": (VectorDistillation(), 1, ("MSELoss", {}), TEACHER),
}


@pytest.mark.parametrize("name", CASES)
def test_losses_are_those_of_sentence_transformers(name):
    loss, count, (their_name, options), labels = CASES[name]
    for dims in (None, [12, 5]):
        # MSELoss hides its labels from MatryoshkaLoss behind no model's width but this one's.
        expected, gradient = theirs(their_name, count, labels, dims, **options)
        outer = loss if dims is None else Matryoshka(loss, dims, [1.0, 0.5])
        found, our_gradient = ours(outer, count, labels)
        assert found == pytest.approx(expected, rel=1e-5)
        np.testing.assert_allclose(our_gradient, gradient, rtol=0, atol=2e-6 * max(1.0, np.abs(gradient).max()))
        again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(outer))
        assert ours(again, count, labels)[0] == found


@pytest.mark.parametrize("name", CASES)
def test_examples_without_weight_are_as_if_they_were_not_there(name):
    loss, count, _, labels = CASES[name]
    more = np.concatenate([VECTORS, VECTORS[:1], np.zeros_like(VECTORS[:1])])
    more_labels = None if labels is None else np.concatenate([labels, labels[:1] + 3, labels[:1] - 3])
    weights = np.array([1.0] * len(VECTORS) + [0.0] * 2, "float32")
    found, gradient = ours(loss, count, more_labels, weights, more)
    expected, expected_gradient = ours(loss, count, labels)
    assert found == pytest.approx(expected, rel=1e-6)
    np.testing.assert_allclose(gradient[:6], expected_gradient, rtol=0, atol=1e-6)
    assert not gradient[6:].any()


def test_vectors_of_length_0_have_no_nan():
    zeros = np.zeros_like(VECTORS)
    for loss, count, _, labels in CASES.values():
        value, gradient = ours(loss, count, labels, vectors=zeros)
        assert np.isfinite(value) and np.isfinite(gradient).all()


@pytest.mark.parametrize("backend", ["tensorflow", "torch", "jax"])
def test_parts_update_as_the_whole_batch_does(backend, tmp_path):
    """Two replicas of TensorFlow, a mesh of two devices of JAX and two processes of PyTorch as well."""
    pytest.importorskip(backend)
    variables = dict(KERAS_BACKEND=backend, XLA_FLAGS="--xla_force_host_platform_device_count=2", JAX_PLATFORMS="cpu")
    whole = tmp_path / "whole.npz"
    # Those that compile take fewer numbers of parts, at seconds each.
    alone, together = ((2, 4), (1, 2)) if backend == "torch" else ((4,), (2,))
    replicas = [f"{parts} parts on 2 replicas" for parts in together]
    found = finished(start("batch_loss_run.py", whole, **variables)).splitlines()
    assert found == [
        "losses",
        *(f"{parts} parts" for parts in alone),
        "dropout",
        *(replicas if backend != "torch" else []),
    ]
    if backend == "torch":
        (port,) = free_ports(1)
        processes = [
            start("batch_loss_run.py", whole, **variables, **torchrun_variables(index, 2, port)) for index in range(2)
        ]
        assert [finished(process).splitlines() for process in processes] == [replicas] * 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: InBatchNegatives(0.0), "temperature must be above 0, got 0.0"),
        (lambda: TripletLoss("angle"), "distance must be one of cosine, euclidean, got 'angle'"),
        (lambda: TripletLoss(margin=-1), "margin must be above 0, got -1"),
        (lambda: Matryoshka(CoSENT(), [4, 4]), "dims must be different numbers of entries, 1 at least, got"),
        (lambda: Matryoshka(CoSENT(), [4, 2], [1.0]), "there are 2 dims but 1 weights of them"),
        (lambda: SummedLoss({"a": CoSENT()}), "a loss of whole batches cannot be trained on beside others"),
    ],
)
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises(UserError, match=message):
        make()
