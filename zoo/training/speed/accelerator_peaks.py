"""What accelerators compute at most, which model FLOP utilisation is measured against."""

import re
from typing import NamedTuple

import keras

from zoo.training.distributed.replicas import replicas_of


class Peak(NamedTuple):
    """Dense products of matrices in TFLOP/s by the kind of number, summed up in float32; None for what is not there."""

    bfloat16: float | None
    float16: float | None
    tensor_float32: float | None
    float32: float | None


# Words of the name that the driver gives, and what vendors state without sparsity; of two entries the first counts.
# NVIDIA: data sheets of B200, H200, H100, A100, L40S, L4, V100 and T4; white papers "Ada GPU Architecture" (RTX 4090)
# and "Ampere GA102 GPU Architecture" (RTX 3090). TPUs: https://cloud.google.com/tpu/docs/system-architecture-tpu-vm.
PEAKS = (
    ("B200", Peak(2250.0, 2250.0, 1125.0, 75.0)),
    ("H200", Peak(989.4, 989.4, 494.7, 66.9)),
    ("GH200", Peak(989.4, 989.4, 494.7, 66.9)),
    ("H100 PCIE", Peak(756.4, 756.4, 378.2, 51.2)),
    ("H100 NVL", Peak(835.5, 835.5, 417.5, 60.0)),
    ("H100", Peak(989.4, 989.4, 494.7, 66.9)),
    ("A100", Peak(312.0, 312.0, 156.0, 19.5)),
    ("L40S", Peak(362.0, 362.0, 183.0, 91.6)),
    ("L4", Peak(121.0, 121.0, 60.0, 30.3)),
    ("V100 SXM2", Peak(None, 125.0, None, 15.7)),
    ("V100 PCIE", Peak(None, 112.0, None, 14.0)),
    ("T4", Peak(None, 65.0, None, 8.1)),
    ("RTX 4090", Peak(165.2, 165.2, 82.6, 82.6)),
    ("RTX 3090", Peak(71.0, 71.0, 35.6, 35.6)),
    ("TPU V6 LITE", Peak(918.0, None, None, None)),
    ("TPU V5 LITE", Peak(197.0, None, None, None)),
    ("TPU V5", Peak(459.0, None, None, None)),
    ("TPU V4", Peak(275.0, None, None, None)),
)


def peak_of(name, precision, tensor_float32=False):
    """Peak FLOP/s of a device.

    Args:
        name: As the driver gives it, such as "NVIDIA H100 80GB HBM3"; None for a processor.
        precision: "float32", "mixed_bfloat16" or "mixed_float16".
        tensor_float32: Whether float32 is multiplied as TF32, on devices that can.

    Returns:
        float, or None for an unknown device and for a precision that it has no units for.

    Example:
        >>> peak_of("NVIDIA A100-SXM4-80GB", "mixed_bfloat16")
        312000000000000.0
    """
    words = set(re.split(r"[^A-Z0-9]+", (name or "").upper()))
    peak = next((peak for known, peak in PEAKS if words.issuperset(known.split())), None)
    if peak is None:
        return None
    teraflops = getattr(peak, precision.removeprefix("mixed_"))
    if precision == "float32" and tensor_float32 and peak.tensor_float32 is not None:
        teraflops = peak.tensor_float32
    return None if teraflops is None else teraflops * 1e12


def peak_flops(model: keras.Model, precision: str, per_device: float | None = None) -> float | None:
    """Peak FLOP/s of all devices that train a model together.

    Args:
        model: As in `replicas_of`.
        precision: As in `peak_of`.
        per_device: Peak FLOP/s of one device; that of `PEAKS` if None.

    Returns:
        float, or None if it is not known.
    """
    if per_device is None:
        per_device = peak_of(device_name(), precision, multiplies_as_tensor_float32())
    replicas = replicas_of(model)
    return None if per_device is None else per_device * replicas.count * replicas.devices_each


def device_name():
    """What the first accelerator is called; None without one, and for TPUs under TensorFlow, which do not say."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        devices = tf.config.list_physical_devices("GPU")
        return tf.config.experimental.get_device_details(devices[0]).get("device_name") if devices else None
    if backend == "jax":
        import jax

        device = jax.devices()[0]
        return None if device.platform == "cpu" else device.device_kind
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else None


def multiplies_as_tensor_float32():
    """Whether the backend multiplies float32 as TF32 on devices that can: TensorFlow and JAX do unless told not to."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        return tf.config.experimental.tensor_float_32_execution_enabled()
    if backend == "jax":
        import jax

        # JAX makes this attribute as it starts.
        precision = jax.config.jax_default_matmul_precision  # pyright: ignore[reportAttributeAccessIssue]
        return precision in (None, "default", "tensorfloat32")
    import torch

    return torch.get_float32_matmul_precision() != "highest"
