"""A dense layer whose matrix may be packed, and quantised with an adapter beside it."""

from typing import Any

import keras

from zoo.layers.flops import Vectors
from zoo.layers.partition import Division, Partitioned
from zoo.weights.packed_matrix import PackedMatrix
from zoo.weights.packed_weights import Packing

_ADAPTER = ("lora_kernel_a", "lora_kernel_b")


@keras.saving.register_keras_serializable(package="zoo")
class Projection(Partitioned, keras.layers.Dense):
    """A `keras.layers.Dense` that can read its matrix packed, and saves an adapter beside quantised weights.

    Where weights are in floating point, saving adds a low-rank adapter to them, as Keras does. Quantised weights would
    be rounded again by that and give other outputs, so they are saved as they are, with the adapter.

    Args:
        *args, **kwargs: Those of `keras.layers.Dense`.
        partition: What `partition()` answers, see `Partitioned`; the layer is whole on every device if None.

    Attributes:
        packed: `PackedMatrix` to multiply with in place of the kernel and bias, or None.

    Example:
        >>> layer = Projection(100)
        >>> layer(keras.random.normal((2, 5, 32))).shape
        (2, 5, 100)
    """

    packed: PackedMatrix | None = None

    def __init__(self, *args: Any, partition: Any = None, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._partition = dict(partition or {})

    def partition(self) -> dict[str, Division]:
        """See `Partitioned`."""
        return self._partition

    def flops(self, vectors: Vectors) -> tuple[int, Vectors]:
        """Operations of forward and backward pass over `Vectors`, and the `Vectors` that come out.

        A low-rank adapter counts too; a matrix of integers, which is no trainable variable, has no gradient.
        """
        num_inputs = self.input_spec.axes[-1]
        # Not `self.kernel`, which makes the matrix that an adapter or a quantised one stands for.
        learns = any(variable.name == "kernel" for variable in self.trainable_variables)
        flops = vectors.product_flops(num_inputs, self.units, learns)
        if not self.lora_enabled:
            return flops, vectors.learning(learns)
        rank = self.lora_kernel_a.shape[-1]
        down, up = self.lora_kernel_a.trainable, self.lora_kernel_b.trainable
        flops += vectors.product_flops(num_inputs, rank, down)
        flops += vectors.learning(down).product_flops(rank, self.units, up)
        return flops, vectors.learning(learns or down or up)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Maps `[..., K]` to `[..., N]`."""
        if self.packed is None:
            return super().call(inputs, training=training)
        outputs = self.packed.product(inputs)
        return outputs if self.activation is None else self.activation(outputs)

    def packing(self) -> Packing:
        """The `zoo.weights.Packing` of kernel and bias."""
        return Packing(self, "packed", list(self.variables), lambda: PackedMatrix.of_projections(self))

    def quantize(self, mode: str | None = None, type_check: bool = True, config: dict[str, Any] | None = None) -> None:
        """As of `keras.layers.Dense`, which refuses every other class."""
        super().quantize(mode, type_check=type_check and type(self) is not Projection, config=config)

    @property
    def keeps_adapter(self) -> bool:
        """Whether a low-rank adapter is saved by itself."""
        return self.lora_enabled and self.quantization_mode is not None

    def drop_adapter(self) -> None:
        """Takes a low-rank adapter away; the kernel is trained again, if it is one of floating point."""
        self.lora_enabled = False
        for name in _ADAPTER:
            self._untrack_variable(getattr(self, name))
        # What `enable_lora` of Keras has set to False; the property of the same name gives a tensor.
        self._kernel.trainable = self.quantization_mode is None

    def save_own_variables(self, store: Any) -> None:
        """As of `keras.layers.Dense`, but for adapters of quantised weights."""
        if not self.keeps_adapter:
            super().save_own_variables(store)
            return
        self.lora_enabled = False
        try:
            super().save_own_variables(store)
        finally:
            self.lora_enabled = True
        for name in _ADAPTER:
            store[name] = getattr(self, name)

    def load_own_variables(self, store: Any) -> None:
        """Reads what `save_own_variables` has written, from a layer with the same adapter if it kept one."""
        super().load_own_variables(store)
        if _ADAPTER[0] in store:
            for name in _ADAPTER:
                getattr(self, name).assign(store[name])
