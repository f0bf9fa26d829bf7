"""A dense layer whose matrix may be packed, and quantised with an adapter beside it."""

from typing import Any

import keras
import numpy as np

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
        adapter: `zoo.adapters.Adapter` that changes what the layer computes, or None; see `attach`.

    Example:
        >>> layer = Projection(100)
        >>> layer(keras.random.normal((2, 5, 32))).shape
        (2, 5, 100)
    """

    packed: PackedMatrix | None = None
    adapter: Any = None

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
        if self.adapter is not None:
            flops += self.adapter.added_flops(vectors, num_inputs, self.units)
            learns = learns or bool(self.adapter.trainable_variables)
        if not self.lora_enabled:
            return flops, vectors.learning(learns)
        rank = self.lora_kernel_a.shape[-1]
        down, up = self.lora_kernel_a.trainable, self.lora_kernel_b.trainable
        flops += vectors.product_flops(num_inputs, rank, down)
        flops += vectors.learning(down).product_flops(rank, self.units, up)
        return flops, vectors.learning(learns or down or up)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Maps `[..., K]` to `[..., N]`."""
        if self.adapter is None or (self.packed is not None and self.adapter.folds):
            return self._product(inputs)
        return self.adapter.adapted(inputs, self._product, self, training)

    def quantized_call(self, inputs: Any, training: bool | None = None) -> Any:
        """What Keras calls in place of `call` where weights are quantised."""
        return self.call(inputs, training=training)

    def _product(self, inputs):
        """What the layer gives without an adapter, or with one that is part of a packed matrix."""
        if self.quantization_mode is not None:
            return super().quantized_call(inputs)
        if self.packed is None:
            return super().call(inputs)
        outputs = self.packed.product(inputs)
        return outputs if self.activation is None else self.activation(outputs)

    def attach(self, adapter: Any) -> None:
        """Adds an adapter, beside which the layer's own weights are no longer trained.

        Args:
            adapter: A new `zoo.adapters.Adapter`.

        Raises:
            ValueError: if the layer is not built, has an adapter, or an activation, which adapters come before.
        """
        if not self.built or self.adapter is not None or self.activation is not keras.activations.linear:
            raise ValueError(f"{self.name}: adapters are for built layers without an activation or another adapter")
        adapter.build((self.input_spec.axes[-1], self.units))
        adapter.start_from(keras.ops.convert_to_numpy(self.kernel))
        for variable in self.weights:
            variable.trainable = False
        # As `enable_lora` of Keras does.
        self._tracker.unlock()
        self.adapter = adapter
        self._tracker.lock()

    def detach(self) -> None:
        """Takes the adapter away, if there is one; the layer's own weights are trained again."""
        if self.adapter is None:
            return
        self._layers.remove(self.adapter)
        del self.adapter
        for variable in self.weights:
            variable.trainable = self.quantization_mode is None or "bias" in variable.name

    def folded(self) -> tuple[np.ndarray, np.ndarray | None]:
        """Matrix `[K, N]` and bias `[N]` or None, float32, with the adapter as a part of them if it can be."""
        kernel = np.asarray(keras.ops.convert_to_numpy(self.kernel), "float32")
        bias = None if self.bias is None else np.asarray(keras.ops.convert_to_numpy(self.bias), "float32")
        return (kernel, bias) if self.adapter is None or not self.adapter.folds else self.adapter.folded(kernel, bias)

    def packed_variables(self) -> list[keras.Variable]:
        """The variables that a packed matrix replaces: all but those of an adapter that is no part of it."""
        kept = [] if self.adapter is None or self.adapter.folds else self.adapter.variables
        kept = {id(variable) for variable in kept}
        return [variable for variable in self.variables if id(variable) not in kept]

    def packing(self) -> Packing:
        """The `zoo.weights.Packing` of kernel and bias."""
        return Packing(self, "packed", self.packed_variables(), lambda: PackedMatrix.of_projections(self))

    def quantize(self, mode: str | None = None, type_check: bool = True, config: dict[str, Any] | None = None) -> None:
        """As of `keras.layers.Dense`, which refuses every other class."""
        super().quantize(mode, type_check=type_check and type(self) is not Projection, config=config)

    @property
    def keeps_adapter(self) -> bool:
        """Whether a low-rank adapter is saved by itself."""
        return self.lora_enabled and self.quantization_mode is not None

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
