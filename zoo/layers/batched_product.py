"""Products of many small matrices, as the attention of decoding steps makes them."""

import keras
from keras import ops


def batched_product(left, right, transpose_right=False):
    """The products of matrices, one for each place of the leading dimensions.

    For float32 under TensorFlow this is `BatchMatMulV3`, on CPUs a kernel of Eigen's. That of oneDNN, which takes the
    place of the other operations, needs two to six times as long for the few rows of a step.

    Args:
        left: float `[..., M, K]`.
        right: float `[..., K, N]`, or `[..., N, K]` with `transpose_right`.
        transpose_right: Whether the matrices of `right` are transposed.

    Returns:
        float `[..., M, N]`.
    """
    if keras.config.backend() != "tensorflow":
        return ops.matmul(left, ops.swapaxes(right, -1, -2) if transpose_right else right)
    import tensorflow as tf

    if left.dtype == right.dtype == tf.float32:
        return tf.raw_ops.BatchMatMulV3(x=left, y=right, Tout=tf.float32, adj_y=transpose_right)
    return tf.matmul(left, right, transpose_b=transpose_right)
