"""`python -m export PRESET_DIR SERVING_DIR`: a preset becomes the next, checked version of a served model."""

import os

# Before anything imports Keras: exports always run under the TensorFlow backend, whatever the preset was trained on.
os.environ["KERAS_BACKEND"] = "tensorflow"

import itertools
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.console import Console

import zoo
from export.errors import VerificationError
from export.limits import DEFAULT_MAX_BATCH_SIZE, MAX_PARITY_TEXTS
from export.op_allow_list import DEFAULT_SERVERS
from export.serving_files import MODELS_CONFIG, check_model_name, docker_command, read_models_config, server_image
from zoo.assignments import parse_settings
from zoo.data.readers.json_lines import JsonLines, text_field
from zoo.errors import UserError, command_line


@dataclass(frozen=True)
class ExportConfig:
    """Exports a preset as a text-in, result-out SavedModel for TensorFlow Serving.

    Versions that are there: `python -m export list SERVING_DIR`, and `python -m export promote SERVING_DIR VERSION
    --label stable` to give one a label that requests can name.

    Attributes:
        preset_dir: The preset: what a recipe or `task.save` has written.
        serving_dir: The directory of all versions of the model; made if it is missing.
        version: The version's number; one more than the highest by default.
        name: The model's name in requests; by default the serving directory's name.
        servers: TensorFlow Serving versions that must be able to run it.
        buckets: Input lengths in tokens to warm up and to check; by default powers of two up to the longest
            input, or to 512 where that has more than 1024 tokens. A model of 67 million weights or more is warmed up
            with one of at most 64 unless asked.
        max_batch_size: Most rows in a batch, for the checks and for the server's batching configuration.
        parity_file: UTF-8 text, one input per line; the first 200 are compared between Python and the SavedModel. By
            default the examples in the preset, or a few sentences if it has none. For a model that takes several texts
            JSON Lines with their names, or lines of which each is a row's first text and the next lines its others.
        settings: Settings of the task to export with in place of the preset's, as NAME=VALUE, such as num_beams=1.
        dtype: What weights are stored and computed in. bfloat16 halves their bytes and changes answers a little; the
            comparison is then with Python's in bfloat16. Which of the two is faster depends on the processor.
        allowed_ties: How many rows may differ by rounding: Python gives both answers, in another batch or as equally
            good ones. Other differences are never accepted.
        row_errors: Whether a row with a control out of bounds gets an empty answer and a reason in the output `error`,
            while the rows beside it are answered. Otherwise it fails its request, and with request batching those of
            other clients that run with it.
        max_entities: Places for entities in every answer, so that a server may split and join batches; the output
            `total` says how many a text has. By default as many as the text of a batch with most of them.
        max_blanks: Likewise places for blanks to fill.
        max_items: Likewise places for whatever else a model gives any number of.
        special_tokens_in_text: Read control tokens, such as </s> or <|endoftext|>, from texts too. Any client can then
            put them into the model's input, so leave it off where texts come from strangers.
    """

    preset_dir: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="PRESET_DIR")]
    serving_dir: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="SERVING_DIR")]
    version: int | None = None
    name: str | None = None
    servers: tuple[str, ...] = DEFAULT_SERVERS
    buckets: tuple[int, ...] = field(default=())
    max_batch_size: int = DEFAULT_MAX_BATCH_SIZE
    parity_file: Path | None = None
    settings: Annotated[tuple[str, ...], tyro.conf.arg(name="set", metavar="NAME=VALUE ...")] = ()
    allowed_ties: int = 0
    row_errors: bool = True
    max_entities: int | None = None
    max_blanks: int | None = None
    max_items: int | None = None
    special_tokens_in_text: bool = False
    dtype: Literal["float32", "bfloat16"] = "float32"


def read_parity_texts(path):
    """The first 200 lines of a file, as bytes without line ends.

    Raises:
        UserError: if the file cannot be read or is empty.
    """
    try:
        with Path(path).open("rb") as file:
            texts = [line.rstrip(b"\r\n") for line in itertools.islice(file, MAX_PARITY_TEXTS)]
    except OSError as error:
        raise UserError(f"--parity-file: cannot read {path}: {error.strerror}") from error
    if not texts:
        raise UserError(f"--parity-file: {path} is empty; give one input text per line")
    return texts


@command_line
def main(argv=None):
    """Runs the command; a failed check ends in exit status 1, a user's mistake in 2."""
    config = tyro.cli(ExportConfig, args=argv, prog="python -m export")
    # After the command line is known to be right, because they bring in Keras and TensorFlow.
    from export.directories import check_preset_directory, check_serving_directory
    from export.saved_model import export_saved_model

    check_preset_directory(config.preset_dir)
    check_serving_directory(config.serving_dir)
    examples = None if config.parity_file is None else read_parity_texts(config.parity_file)
    settings = parse_settings(config.settings)
    dtype = None if config.dtype == "float32" else config.dtype
    task = zoo.load(config.preset_dir, dtype, special_tokens_in_text=config.special_tokens_in_text)
    if settings:
        task = task.with_settings(**settings)
    if examples is not None and len(task.inputs) > 1 and config.parity_file.suffix == ".jsonl":
        rows = itertools.islice(JsonLines(config.parity_file), MAX_PARITY_TEXTS)
        examples = [{name: text_field(row, name, where) for name in task.inputs} for row, where in rows]
    try:
        with Console(stderr=True).status("writing the SavedModel and comparing its answers with Python's"):
            directory = export_saved_model(
                task,
                config.serving_dir,
                version=config.version,
                name=config.name,
                buckets=config.buckets or None,
                parity_texts=examples,
                servers=config.servers,
                max_batch_size=config.max_batch_size,
                allowed_ties=config.allowed_ties,
                row_errors=config.row_errors,
                max_entities=config.max_entities,
                max_blanks=config.max_blanks,
                max_items=config.max_items,
            )
    except VerificationError as error:
        for detail in error.details:
            print(f"  {detail}", file=sys.stderr)
        print(f"verification failed, nothing was published: {error}", file=sys.stderr)
        sys.exit(1)
    _print_summary(directory, config)


def _print_summary(directory, config):
    from export.parity_report import PARITY_FILE
    from export.serving_configs import ROW_REQUEST
    from export.serving_guide import curl_command

    report = json.loads((directory / PARITY_FILE).read_text(encoding="utf-8"))
    serving_directory = directory.parent.resolve()
    name = check_model_name(config.name, serving_directory)
    print(
        f"published {directory}: {report['rows']} rows answered as in Python "
        f"(largest score difference {report['max_score_difference']:.1e}), {report['warm_up_records']} warm-up records"
    )
    for line in report.get("not_served", ()):
        print(f"not served: {line}")
    print("\nServe it:")
    print(f"  {docker_command(name, server_image(report['servers']), serving_directory)}")
    print("Ask it:")
    print(f"  {curl_command(name, serving_directory / ROW_REQUEST)}")
    served = read_models_config((serving_directory / MODELS_CONFIG).read_text(encoding="utf-8"))
    if served is not None and served.loaded is not None and served.labels and int(directory.name) not in served.loaded:
        print(
            f"Servers with labels do not load it yet (models.config has {', '.join(map(str, served.loaded))}):\n"
            f"  python -m export promote {config.serving_dir} {directory.name} --label LABEL"
        )
    print(f"More, with batching, gRPC and the signatures: {serving_directory / 'serving.md'}")
