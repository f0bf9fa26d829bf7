"""Reading and writing models: preset directories."""

from zoo.checkpoints.preset import Preset, is_preset, load_preset, save_preset

__all__ = ["Preset", "is_preset", "load_preset", "save_preset"]
