"""Configuration and sample requests for a real TensorFlow Serving, written beside the versions it reads.

Servers read only integer names in a model's directory, so these files do not disturb them.
"""

import json
from dataclasses import replace
from pathlib import Path

from export.generated_files import is_taken_over, marked
from export.input_rows import input_columns, input_rows
from export.parity_requests import BUILT_IN_TEXTS
from export.served_form import ServedForm
from export.serving_files import (
    BATCHING_PARAMS,
    COMPOSE,
    MODELS_CONFIG,
    ServedVersions,
    batching_params,
    compose,
    docker_command,
    docker_command_with_files,
    models_config,
    read_models_config,
    server_image,
)
from export.serving_guide import serving_guide
from zoo.tasks.signature import SERVING_DEFAULT

ROW_REQUEST = "request.json"
COLUMN_REQUEST = "request_columns.json"
_NUM_SAMPLES = 2


def write_serving_configs(
    directory,
    serving_directory,
    *,
    name,
    declared,
    items="",
    rows,
    servers,
    signatures,
    form=ServedForm(),  # noqa: B008  frozen
    max_batch_size,
):
    """Writes the files that belong beside the versions.

    Args:
        directory: where to write them for now.
        serving_directory: where they will lie; files there that somebody has taken over are not written again.
        name: the model's name.
        declared: the task's `Signature`s by name, `serving_default` first.
        items: what the task gives any number of, such as "entities"; "" for nothing.
        rows: as `input_rows` returns them; the first of them become sample requests.
        servers: server versions that can run the model, oldest first.
        signatures: input and output types by signature, as in `ParityReport.signatures`.
        form: `ServedForm` of the answers.
        max_batch_size: most rows in a batch.
    """
    sample = _sample_rows(rows, declared[SERVING_DEFAULT].inputs)
    image = server_image(servers)
    requests = sample_requests(sample, declared)
    files = {
        MODELS_CONFIG: models_config(_served_versions(serving_directory, name)),
        BATCHING_PARAMS: batching_params(max_batch_size),
        COMPOSE: compose(name, image),
        "serving.md": serving_guide(
            name=name,
            docker=docker_command(name, image, Path(serving_directory).resolve()),
            docker_with_files=docker_command_with_files(name, image, Path(serving_directory).resolve()),
            request_file=Path(serving_directory).resolve() / ROW_REQUEST,
            sample=requests[ROW_REQUEST]["instances"],
            declared=declared,
            items=items,
            signatures=signatures,
            servers=servers,
            form=form,
            max_batch_size=max_batch_size,
        ),
        **{file: json.dumps(request, ensure_ascii=False, indent=2) + "\n" for file, request in requests.items()},
    }
    for file, content in files.items():
        if not is_taken_over(Path(serving_directory) / file):
            (Path(directory) / file).write_text(marked(file, content), encoding="utf-8")


def _served_versions(serving_directory, name):
    """Labels outlast exports: a new version waits until it is promoted."""
    path = Path(serving_directory) / MODELS_CONFIG
    served = read_models_config(path.read_text(encoding="utf-8")) if path.is_file() else None
    return ServedVersions(name) if served is None else replace(served, name=name)


def sample_requests(rows, declared):
    """REST bodies by file name: rows, columns, and rows of every further signature with the defaults of its controls.

    Args:
        rows: As `input_rows` returns them.
        declared: the task's `Signature`s by name.
    """
    requests = {}
    for name, signature in declared.items():
        columns = {
            key: [text.decode("utf-8", "replace") for text in column]
            for key, column in input_columns(signature.inputs, rows).items()
        }
        defaults = {key: control.default for key, control in signature.controls.items()}
        instances = [
            {**dict(zip(columns, row, strict=True)), **defaults} for row in zip(*columns.values(), strict=True)
        ]
        if name == SERVING_DEFAULT:
            requests |= {ROW_REQUEST: {"instances": instances}, COLUMN_REQUEST: {"inputs": columns}}
        else:
            requests[f"request_{name}.json"] = {"signature_name": name, "instances": instances}
    return requests


def _sample_rows(rows, inputs):
    chosen = [row for row in rows if all(text.strip() for text in row.values())][:_NUM_SAMPLES]
    return chosen or input_rows(inputs, BUILT_IN_TEXTS[:_NUM_SAMPLES])
