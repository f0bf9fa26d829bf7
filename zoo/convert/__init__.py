"""`python -m zoo.convert SOURCE TARGET`: a stored model becomes a preset, or a directory of another program."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from zoo.errors import command_line


@dataclass(frozen=True)
class ConvertConfig:
    """Converts a stored model.

    Attributes:
        source: A Hugging Face directory (safetensors or tf_model.h5), a checkpoint of Google's TensorFlow programs with
            bert_config.json and vocab.txt or of OpenAI's with hparams.json, encoder.json and vocab.bpe, a KerasHub
            preset, a GGUF file (needs the extra gguf), or a preset of the zoo.
        target: Where to write.
        to: What to write. Bare encoders are no task and have no preset; as a Hugging Face directory the recipes take
            them with --pretrained. keras-hub writes a preset of KerasHub (needs the extra hub).
        task: What a model is for. Without it Marian and mBART translate, BART, PEGASUS and T5 summarise, and sequence
            classifiers are for single texts, but for cross-encoders of sentence-transformers and those with a label
            such as entailment, which are for pairs of texts.
        source_language: Of a multilingual mBART, such as en_XX: what it reads. Without it its files decide, or else it
            is English.
        target_language: Of a multilingual mBART, such as ro_RO, or Marian, such as fra: what it writes.
        source_prefix: Text before every source, such as "summarize: " for a T5.
        special_tokens_in_text: Read control tokens, such as </s> or <|endoftext|>, from texts too, as prompts of some
            models hold them; otherwise they stay text, so that nobody can put them into a model's input by writing
            them. Other added tokens are always read.
        approximate_gelu: With --to keras-hub: write a BERT of exact GELU as one with the approximation by tanh, which
            KerasHub's BERT has. Its numbers then differ a little; by how much is said.
    """

    source: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="SOURCE")]
    target: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="TARGET")]
    to: Literal["preset", "hugging-face", "keras-hub"] = "preset"
    task: (
        Literal["translation", "summarization", "text_classification", "pair_classification", "pair_scoring"] | None
    ) = None
    source_language: str | None = None
    target_language: str | None = None
    source_prefix: str | None = None
    special_tokens_in_text: bool = False
    approximate_gelu: bool = False


@command_line
def main(argv=None):
    """Runs the command line."""
    config = tyro.cli(ConvertConfig, args=argv, prog="python -m zoo.convert")
    # After the command line is known to be right, because it brings in Keras and the backend.
    from zoo.convert.conversion import convert

    print(convert(**vars(config)))
