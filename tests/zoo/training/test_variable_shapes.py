import numpy as np
from tiny_run import batch

from zoo.training.updates.variable_shapes import dataset_of_any_shape


def test_batches_of_all_shapes_come_through_unchanged():
    batches = [batch(0, index) for index in range(5)]
    dataset = dataset_of_any_shape(lambda: iter(batches), batches[0])
    for (x, labels, weights), (x_in, labels_in, weights_in) in zip(dataset, batches, strict=True):
        for ours, given in ((x["source"], x_in["source"]), (x["target"], x_in["target"])):
            assert ours.dtype == given.dtype
            np.testing.assert_array_equal(ours, given)
        np.testing.assert_array_equal(labels, labels_in)
        np.testing.assert_array_equal(weights, weights_in)


def test_no_tuner_to_wait_for():
    """With it, letting go of an iterator took anything up to a minute."""
    example = batch(0, 0)
    assert dataset_of_any_shape(lambda: iter([example]), example).options().autotune.enabled is False
