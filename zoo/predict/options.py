"""The command line of `python -m zoo.predict`."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from zoo.assignments import parse_settings
from zoo.errors import UserError
from zoo.ranges import check_range

_SHORTHANDS = (
    "num_beams",
    "max_new_tokens",
    "min_new_tokens",
    "length_penalty",
    "temperature",
    "top_k",
    "top_p",
    "seed",
)


@dataclass(frozen=True)
class PredictConfig:
    """Answers texts with a stored model: translates, summarises, continues, classifies, finds entities, fills blanks.

    Texts are read, answered and written in parts, so that files may be larger than memory. Answers come in the order of
    the texts, one JSON object a line.

    Attributes:
        model: A preset, a Hugging Face directory or a KerasHub preset.
        input: File of texts, plain or .gz: one a line, or JSON Lines (.jsonl), CSV (.csv) or TSV (.tsv). "-" reads
            standard input.
        output: File to write; standard output if not given. Names that end in .txt get plain text.
        overwrite: Replace a file that is there.
        input_format: What the input is; by default its name says it, and standard input has one text a line.
        delimiter: What parts the columns of a table, such as ";", "|" or tab, fields then being quoted as in CSV.
        text_field: Field of JSON Lines, or column of CSV and TSV by name or number (from 0), that holds the text; of a
            model that takes several texts a field for each of its inputs, in their order. By default they have the
            names of the inputs, which is "text" where there is one.
        keep: Fields or columns of the input to repeat in each answer, such as an id.
        output_format: "text" writes one line of plain text for each text; by default the output's name decides.
        backend: Keras backend to run the model on; that of KERAS_BACKEND or TensorFlow if not given.
        dtype: Keras dtype policy for the model, such as bfloat16; the stored one if not given.
        batch_size: Texts that are answered at a time.
        num_beams, max_new_tokens, min_new_tokens, length_penalty: Of translators, summarizers and generators, as far as
            they have them; those of the model if not given.
        temperature, top_k, top_p, seed: Of generators, which draw their tokens at random.
        settings: Any other setting of the model's task, as NAME=VALUE, such as threshold=0.3 or 'stop=["\\n"]'.
    """

    model: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="MODEL")]
    input: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="INPUT")]
    output: Path | None = None
    overwrite: bool = False
    input_format: Literal["lines", "jsonl", "csv", "tsv"] | None = None
    delimiter: str | None = None
    text_field: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    output_format: Literal["jsonl", "text"] | None = None
    backend: Literal["tensorflow", "jax", "torch"] | None = None
    dtype: str | None = None
    batch_size: int = 32
    num_beams: int | None = None
    max_new_tokens: int | None = None
    min_new_tokens: int | None = None
    length_penalty: float | None = None
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    seed: int | None = None
    settings: Annotated[tuple[str, ...], tyro.conf.arg(name="set", metavar="NAME=VALUE ...")] = ()

    def __post_init__(self):
        check_range("--batch-size", self.batch_size, least=1)
        if self.keep and self.found_input_format == "lines":
            raise UserError("--keep names fields of JSON Lines or columns of CSV; lines of text have none")
        if self.delimiter is not None and self.found_input_format not in ("csv", "tsv"):
            raise UserError("--delimiter is for tables (CSV and TSV); the input is none")
        if self.keep and self.found_output_format == "text":
            raise UserError("--keep is for answers in JSON Lines; plain text has no fields")
        if len(set(self.keep)) < len(self.keep):
            raise UserError(f"--keep names a field twice among {', '.join(self.keep)}")
        # Refuses what is no NAME=VALUE, and a setting given in two ways.
        self.changed_settings  # noqa: B018

    @property
    def found_input_format(self):
        """The format of the input, as given or as its name says."""
        if self.input_format is not None:
            return self.input_format
        suffix = _suffix(Path(self.input))
        return suffix if suffix in ("jsonl", "csv", "tsv") else "lines"

    @property
    def found_output_format(self):
        """The format of the output, as given or as its name says."""
        if self.output_format is not None:
            return self.output_format
        return "text" if self.output is not None and self.output.suffix == ".txt" else "jsonl"

    @property
    def changed_settings(self):
        """Settings of the task that the command line changes, by name."""
        given = {name: getattr(self, name) for name in _SHORTHANDS if getattr(self, name) is not None}
        assigned = parse_settings(self.settings)
        twice = sorted(given.keys() & assigned.keys())
        if twice:
            raise UserError(f"{twice[0]} is given by an option of its own and by --set; give it once")
        return {**given, **assigned}


def _suffix(path):
    return (path.with_suffix("") if path.suffix == ".gz" else path).suffix.removeprefix(".")


def parse_command_line(argv):
    """The configuration that a command line asks for, a `PredictConfig`."""
    return tyro.cli(PredictConfig, args=argv, prog="python -m zoo.predict")


def use_backend(backend):
    """Makes Keras use a backend; it must not have been imported before.

    Raises:
        UserError: if it was imported with another one.
    """
    if backend is None:
        return
    if "keras" in sys.modules:
        found = sys.modules["keras"].config.backend()
        if found != backend:
            raise UserError(f"--backend {backend}: this process has imported Keras with the {found} backend already")
    os.environ["KERAS_BACKEND"] = backend
