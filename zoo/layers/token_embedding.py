"""Token embeddings that can also serve as the output projection."""

import math
from typing import Any

import keras
from keras import ops

from zoo.layers.flops import Vectors
from zoo.layers.initializers import embedding_initializer
from zoo.layers.partition import MODEL_AXIS, Division, Partitioned
from zoo.weights.packed_matrix import PackedMatrix
from zoo.weights.packed_weights import Packing


@keras.saving.register_keras_serializable(package="zoo")
class TokenEmbedding(Partitioned, keras.layers.Layer):
    """A table of token vectors, and the logits of hidden states against the same table.

    Args:
        vocabulary_size: V.
        hidden_dim: D.
        scale: Whether looked-up vectors are multiplied by sqrt(D), as in the original Transformer.
        initializer_stddev: Standard deviation of the initial table; D ** -0.5 if None.
        divided: Whether several devices may divide the table; not worth it for a few rows.

    Attributes:
        packed: `PackedMatrix` of the transposed table, to be read in its place, or None.

    Source: tying input and output embeddings, Press & Wolf 2017, https://arxiv.org/abs/1608.05859.

    Example:
        >>> embedding = TokenEmbedding(vocabulary_size=11, hidden_dim=4)
        >>> embedding.logits(embedding(np.array([[1, 2, 3]]))).shape
        (1, 3, 11)
    """

    packed: PackedMatrix | None = None

    def __init__(
        self,
        vocabulary_size: int,
        hidden_dim: int,
        scale: bool = False,
        initializer_stddev: Any = None,
        divided: bool = True,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.hidden_dim = hidden_dim
        self.scale = scale
        self.initializer_stddev = initializer_stddev
        self.divided = divided

    def partition(self) -> dict[str, Division]:
        """See `Partitioned`.

        Published vocabularies have sizes such as GPT-2's 29 * 1733, which few numbers of devices divide. Their tables
        are divided by columns instead; every device then computes logits over the whole vocabulary.
        """
        by_tokens, by_columns = (MODEL_AXIS, None), (None, MODEL_AXIS)
        table = Division("vocabulary_size or hidden_dim", by_tokens, otherwise=by_columns)
        return {"embeddings": table} if self.divided else {}

    def packing(self) -> Packing:
        """The `zoo.weights.Packing` of the transposed table."""

        def make():
            return PackedMatrix(ops.convert_to_numpy(self.embeddings).T, None, self.compute_dtype)

        return Packing(self, "packed", [self.embeddings], make)

    def flops(self, vectors: Vectors) -> tuple[int, Vectors]:
        """Operations of the product with the table that gives logits, and the `Vectors` of these."""
        learns = bool(self.embeddings.trainable)
        return vectors.product_flops(self.hidden_dim, self.vocabulary_size, learns), vectors.learning(learns)

    def build(self, input_shape: Any = None) -> None:
        """Creates the table `[V, D]`."""
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.vocabulary_size, self.hidden_dim),
            initializer=embedding_initializer(self.hidden_dim, self.initializer_stddev),
        )
        self.built = True

    def call(self, token_ids: Any) -> Any:
        """Vectors `[B, T, D]` of int32 `[B, T]`."""
        if self.packed is not None:
            vectors = self.packed.columns(token_ids)
        else:
            vectors = ops.take(ops.convert_to_tensor(self.embeddings), ops.cast(token_ids, "int32"), axis=0)
        vectors = ops.cast(vectors, self.compute_dtype)
        return vectors * math.sqrt(self.hidden_dim) if self.scale else vectors

    def output_matrix(self) -> Any:
        """The matrix `[D, V]` from hidden states to logits, in the compute dtype; None if it is packed.

        TensorFlow multiplies one position by it faster than by the transposed table, so that loops compute it once.
        """
        if self.packed is not None:
            return None
        return ops.transpose(ops.cast(ops.convert_to_tensor(self.embeddings), self.compute_dtype))

    def logits(self, hidden: Any, output_matrix: Any = None) -> Any:
        """float32 logits `[..., V]` of hidden states `[..., D]`; the product itself runs in the compute dtype.

        Args:
            hidden: float `[..., D]`.
            output_matrix: `output_matrix()`, where it has been computed before.
        """
        if self.packed is not None:
            return ops.cast(self.packed.product(hidden), "float32")
        matrix = self.output_matrix() if output_matrix is None else output_matrix
        return ops.cast(ops.matmul(ops.cast(hidden, self.compute_dtype), matrix), "float32")

    def compute_output_shape(self, input_shape: Any) -> tuple:
        """`[B, T, D]`."""
        return (*input_shape, self.hidden_dim)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        config = super().get_config()
        config.update(
            vocabulary_size=self.vocabulary_size,
            hidden_dim=self.hidden_dim,
            scale=self.scale,
            initializer_stddev=self.initializer_stddev,
            divided=self.divided,
        )
        return config
