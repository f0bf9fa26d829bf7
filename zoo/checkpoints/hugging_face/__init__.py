"""Hugging Face directories: config.json and safetensors files, read and written."""

from zoo.checkpoints.hugging_face.byte_pair_tokenizer import is_byte_pair, read_byte_pair
from zoo.checkpoints.hugging_face.directory_files import DirectoryFiles
from zoo.checkpoints.hugging_face.generation_configuration import generation_file
from zoo.checkpoints.hugging_face.reading import is_hugging_face, load_hugging_face
from zoo.checkpoints.hugging_face.sampling_configuration import read_sampling, sampling_file
from zoo.checkpoints.hugging_face.sequence_to_sequence import family_name
from zoo.checkpoints.hugging_face.sequence_to_sequence_tokenizer_files import sequence_to_sequence_tokenizer_files
from zoo.checkpoints.hugging_face.sequence_to_sequence_tokenizers import load_sequence_to_sequence_tokenizers
from zoo.checkpoints.hugging_face.tokenizer import load_tokenizer, tokenizer_files
from zoo.checkpoints.hugging_face.tokenizer_settings import max_text_length, with_text_length
from zoo.checkpoints.hugging_face.writing import save_hugging_face

__all__ = [
    "DirectoryFiles",
    "family_name",
    "generation_file",
    "is_byte_pair",
    "is_hugging_face",
    "load_hugging_face",
    "load_sequence_to_sequence_tokenizers",
    "load_tokenizer",
    "max_text_length",
    "read_byte_pair",
    "read_sampling",
    "sampling_file",
    "save_hugging_face",
    "sequence_to_sequence_tokenizer_files",
    "tokenizer_files",
    "with_text_length",
]
