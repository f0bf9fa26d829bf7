"""Hugging Face directories: config.json and safetensors files, read and written."""

from zoo.checkpoints.hugging_face.reading import is_hugging_face, load_hugging_face
from zoo.checkpoints.hugging_face.sequence_to_sequence_tokenizers import load_sequence_to_sequence_tokenizers
from zoo.checkpoints.hugging_face.tokenizer import load_tokenizer, tokenizer_files
from zoo.checkpoints.hugging_face.writing import save_hugging_face

__all__ = [
    "is_hugging_face",
    "load_hugging_face",
    "load_sequence_to_sequence_tokenizers",
    "load_tokenizer",
    "save_hugging_face",
    "tokenizer_files",
]
