import pytest
from tiny_run import tiny_model

from zoo.training.distributed.replicas import Replicas
from zoo.training.speed import accelerator_peaks
from zoo.training.speed.accelerator_peaks import peak_flops, peak_of


# Units, operations of one in a clock, and GHz, as the white papers of the architectures give them.
@pytest.mark.parametrize(
    ("name", "precision", "tensor_float32", "units", "operations", "clock"),
    [
        ("NVIDIA A100-SXM4-80GB", "mixed_bfloat16", False, 108, 2048, 1.41),
        ("NVIDIA A100-PCIE-40GB", "float32", True, 108, 1024, 1.41),
        ("NVIDIA A100-SXM4-40GB", "float32", False, 108, 128, 1.41),
        ("NVIDIA H100 80GB HBM3", "mixed_float16", False, 132, 4096, 1.83),
        ("NVIDIA H100 80GB HBM3", "float32", True, 132, 2048, 1.83),
        ("NVIDIA H100 80GB HBM3", "float32", False, 132, 256, 1.98),
        ("NVIDIA H200", "mixed_bfloat16", False, 132, 4096, 1.83),
        ("NVIDIA H100 PCIe", "mixed_bfloat16", False, 114, 4096, 1.62),
        ("Tesla V100-SXM2-16GB", "mixed_float16", False, 80, 1024, 1.53),
        ("Tesla V100-SXM2-16GB", "float32", True, 80, 128, 1.53),
        ("Tesla T4", "mixed_float16", True, 40, 1024, 1.59),
        ("NVIDIA GeForce RTX 4090", "mixed_bfloat16", False, 128, 512, 2.52),
        ("NVIDIA GeForce RTX 3090", "mixed_float16", False, 82, 512, 1.695),
        ("TPU v4", "mixed_bfloat16", False, 8, 2 * 128**2, 1.05),
        ("TPU v5", "mixed_bfloat16", False, 8, 2 * 128**2, 1.75),
        ("TPU v5 lite", "mixed_bfloat16", False, 4, 2 * 128**2, 1.5),
        ("TPU v6 lite", "mixed_bfloat16", False, 4, 2 * 256**2, 1.75),
    ],
)
def test_peaks_are_what_the_units_can_do(name, precision, tensor_float32, units, operations, clock):
    assert peak_of(name, precision, tensor_float32) == pytest.approx(units * operations * clock * 1e9, rel=0.01)


@pytest.mark.parametrize(
    ("name", "precision"),
    [
        (None, "float32"),
        ("NVIDIA A10G", "mixed_bfloat16"),
        ("NVIDIA GeForce RTX 4080", "mixed_bfloat16"),
        ("Tesla T4", "mixed_bfloat16"),
        ("TPU v4", "float32"),
    ],
)
def test_what_is_not_known_is_not_told(name, precision):
    assert peak_of(name, precision) is None


def test_all_devices_count(monkeypatch):
    model = tiny_model()
    monkeypatch.setattr(accelerator_peaks, "device_name", lambda: None)
    assert peak_flops(model, "float32") is None and peak_flops(model, "float32", per_device=3e12) == 3e12
    monkeypatch.setattr(accelerator_peaks, "replicas_of", lambda model: Replicas(4, devices_each=2))
    monkeypatch.setattr(accelerator_peaks, "device_name", lambda: "NVIDIA L4")
    assert peak_flops(model, "mixed_bfloat16") == 8 * 121e12
