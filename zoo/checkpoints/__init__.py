"""Reading and writing models: preset directories, and the checkpoints of other programs."""

from zoo.checkpoints.foreign_model import ForeignModel
from zoo.checkpoints.formats import checkpoint_format, load_foreign, load_foreign_tokenizer
from zoo.checkpoints.hugging_face import is_hugging_face, load_hugging_face, save_hugging_face
from zoo.checkpoints.preset import Preset, is_preset, load_preset, save_preset

__all__ = [
    "ForeignModel",
    "Preset",
    "checkpoint_format",
    "is_hugging_face",
    "is_preset",
    "load_foreign",
    "load_foreign_tokenizer",
    "load_hugging_face",
    "load_preset",
    "save_hugging_face",
    "save_preset",
]
