"""Configuration and sample requests for a real TensorFlow Serving, written beside the versions it reads.

Servers read only integer names in a model's directory, so these files do not disturb them.
"""

import json
from dataclasses import replace
from pathlib import Path

from export.generated_files import is_taken_over, marked
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

ROW_REQUEST = "request.json"
COLUMN_REQUEST = "request_columns.json"
_NUM_SAMPLES = 2


def write_serving_configs(
    directory,
    serving_directory,
    *,
    name,
    controls,
    controls_signature,
    further_inputs=None,
    texts,
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
        controls: the task's `Control`s by name.
        controls_signature: the signature that takes them.
        further_inputs: names of the inputs by name of the further signatures, "text" first.
        texts: list of str or bytes, the first of which become sample requests.
        servers: server versions that can run the model, oldest first.
        signatures: input and output types by signature, as in `ParityReport.signatures`.
        form: `ServedForm` of the answers.
        max_batch_size: most rows in a batch.
    """
    sample = _sample_texts(texts)
    image = server_image(servers)
    requests = sample_requests(sample, controls, controls_signature, further_inputs)
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
            controls=controls,
            controls_signature=controls_signature,
            further_signatures=tuple(further_inputs or ()),
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


def sample_requests(texts, controls, controls_signature, further_inputs=None):
    """REST bodies by file name: rows, columns, the controls with their defaults if there are any, further signatures.

    Args:
        texts: list of str.
        controls: the task's `Control`s by name.
        controls_signature: the signature that takes them.
        further_inputs: names of the inputs by name of the further signatures, "text" first.
    """
    requests = {
        ROW_REQUEST: {"instances": [{"text": text} for text in texts]},
        COLUMN_REQUEST: {"inputs": {"text": texts}},
    }
    if controls:
        defaults = {name: control.default for name, control in controls.items()}
        requests[f"request_{controls_signature}.json"] = {
            "signature_name": controls_signature,
            "instances": [{"text": text, **defaults} for text in texts],
        }
    for signature, inputs in (further_inputs or {}).items():
        # Every input of a row is another text.
        rows = [{name: texts[(row + i) % len(texts)] for i, name in enumerate(inputs)} for row in range(len(texts))]
        requests[f"request_{signature}.json"] = {"signature_name": signature, "instances": rows}
    return requests


def _sample_texts(texts):
    decoded = (text if isinstance(text, str) else text.decode("utf-8", "replace") for text in texts)
    chosen = [text for text in decoded if text.strip()][:_NUM_SAMPLES]
    return chosen or list(BUILT_IN_TEXTS[:_NUM_SAMPLES])
