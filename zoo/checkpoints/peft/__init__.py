"""Adapters in the files of PEFT, adapter_config.json and adapter_model.safetensors."""

from zoo.checkpoints.peft.adapter_reading import read_peft
from zoo.checkpoints.peft.adapter_writing import peft_content, write_peft

__all__ = ["peft_content", "read_peft", "write_peft"]
