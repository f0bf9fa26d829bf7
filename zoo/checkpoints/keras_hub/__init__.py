"""Preset directories of KerasHub, in and out: BERT, DistilBERT, RoBERTa, GPT-2, BART and T5 (extra `hub`)."""

from zoo.checkpoints.keras_hub.preset_files import is_keras_hub
from zoo.checkpoints.keras_hub.reading import (
    holds_sequence_to_sequence,
    load_keras_hub,
    sequence_to_sequence_tokens,
)
from zoo.checkpoints.keras_hub.tokenizers import load_keras_hub_tokenizer
from zoo.checkpoints.keras_hub.writing import save_keras_hub

__all__ = [
    "holds_sequence_to_sequence",
    "is_keras_hub",
    "load_keras_hub",
    "load_keras_hub_tokenizer",
    "save_keras_hub",
    "sequence_to_sequence_tokens",
]
