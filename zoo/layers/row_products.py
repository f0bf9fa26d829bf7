"""Products of single rows with matrices, as the attention of decoding steps makes them."""

import keras
from keras import ops


def row_products(rows, matrices, transposed=False):
    """Products of matrices of one row or few with others.

    For one row of float32 under TensorFlow this is `BatchMatMulV3`, on CPUs a kernel of Eigen's. That of oneDNN, which
    takes the place of the other operations, needs up to six times as long for one row; for several it is the faster
    one.

    Args:
        rows: float `[..., G, K]`.
        matrices: float `[..., K, N]`, or `[..., N, K]` if `transposed`.
        transposed: Whether the matrices are transposed.

    Returns:
        float `[..., G, N]`.
    """
    if keras.config.backend() != "tensorflow":
        return ops.matmul(rows, ops.swapaxes(matrices, -1, -2) if transposed else matrices)
    import tensorflow as tf

    if rows.shape[-2] == 1 and rows.dtype == matrices.dtype == tf.float32:
        return tf.raw_ops.BatchMatMulV3(x=rows, y=matrices, Tout=tf.float32, adj_y=transposed)
    return tf.matmul(rows, matrices, transpose_b=transposed)
