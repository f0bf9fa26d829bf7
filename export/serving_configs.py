"""Configuration and sample requests for a real TensorFlow Serving, written beside the versions it reads.

Servers read only integer names in a model's directory, so these files do not disturb them.
"""

import json
import re
import shlex
from pathlib import Path

from export.parity_requests import BUILT_IN_TEXTS
from export.served_form import ServedForm
from export.serving_guide import serving_guide
from zoo.errors import UserError

SERVER_IMAGE_VERSIONS = {"2.20": "2.20.0", "2.19": "2.19.1"}
ROW_REQUEST = "request.json"
COLUMN_REQUEST = "request_columns.json"
REST_PORT, GRPC_PORT = 8501, 8500
_NUM_SAMPLES = 2
_BATCH_TIMEOUT_MICROS = 2000
_MAX_ENQUEUED_BATCHES = 100

# Generated files that people may edit start with this line; once it is gone, exports leave the file alone.
_MARK = "Written by `python -m export`. Delete this line to keep your changes when you export again."
_COMMENTS = {".md": "<!-- {} -->", ".config": "# {}", ".pbtxt": "# {}", ".yaml": "# {}"}


def check_model_name(name, serving_directory):
    """The model's name in requests: `name`, or the serving directory's own name.

    Raises:
        UserError: for a name that does not fit into URLs and configuration files.
    """
    chosen = Path(serving_directory).resolve().name if name is None else name
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", chosen):
        raise UserError(f"--name: {chosen!r} cannot be a model name; use letters, digits, '_', '-' and '.'")
    return chosen


def allowed_batch_sizes(max_batch_size):
    """Batch sizes to which a server pads: powers of two, the last one `max_batch_size` itself, as the server demands.

    Raises:
        UserError: unless `max_batch_size` is at least 1.
    """
    if max_batch_size < 1:
        raise UserError(f"--max-batch-size: {max_batch_size} is not a batch size; use 1 or more")
    sizes = {max_batch_size}
    size = 1
    while size < max_batch_size:
        sizes.add(size)
        size *= 2
    return tuple(sorted(sizes))


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
        "models.config": models_config(name),
        "batching_params.pbtxt": batching_params(max_batch_size),
        "compose.yaml": compose(name, image),
        "serving.md": serving_guide(
            name=name,
            docker=docker_command(name, image, Path(serving_directory).resolve()),
            request_file=Path(serving_directory).resolve() / ROW_REQUEST,
            sample=requests[ROW_REQUEST]["instances"],
            controls=controls,
            controls_signature=controls_signature,
            further_signatures=tuple(further_inputs or ()),
            signatures=signatures,
            servers=servers,
        ),
        **{file: json.dumps(request, ensure_ascii=False, indent=2) + "\n" for file, request in requests.items()},
    }
    for file, content in files.items():
        comment = _COMMENTS.get(Path(file).suffix)
        if comment is not None:
            mark = comment.format(_MARK)
            if _is_taken_over(Path(serving_directory) / file, mark):
                continue
            content = f"{mark}\n{content}"
        (Path(directory) / file).write_text(content, encoding="utf-8")


def _is_taken_over(path, mark):
    if not path.is_file():
        return False
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.readline().rstrip("\n") != mark


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


def server_image(servers):
    """The newest public image among the accepting server versions."""
    newest = servers[-1]
    return f"tensorflow/serving:{SERVER_IMAGE_VERSIONS.get(newest, newest + '.0')}"


def models_config(name):
    """A ModelServerConfig (tensorflow_serving/config/model_server_config.proto) for `--model_config_file`."""
    return f"""\
model_config_list {{
  config {{
    name: "{name}"
    base_path: "/models/{name}"
    model_platform: "tensorflow"
  }}
}}
"""


def batching_params(max_batch_size):
    """BatchingParameters (tensorflow_serving/servables/tensorflow/session_bundle_config.proto) for batched requests."""
    sizes = "".join(f"allowed_batch_sizes: {size}\n" for size in allowed_batch_sizes(max_batch_size))
    return f"""\
max_batch_size {{ value: {max_batch_size} }}
batch_timeout_micros {{ value: {_BATCH_TIMEOUT_MICROS} }}
max_enqueued_batches {{ value: {_MAX_ENQUEUED_BATCHES} }}
{sizes}"""


def compose(name, image):
    """A Docker Compose file, to be run in the serving directory."""
    return f"""\
services:
  serving:
    image: {image}
    ports:
      - "{REST_PORT}:{REST_PORT}"
      - "{GRPC_PORT}:{GRPC_PORT}"
    volumes:
      - .:/models/{name}:ro
    command:
      - --model_config_file=/models/{name}/models.config
      - --model_config_file_poll_wait_seconds=60
      - --enable_batching=true
      - --batching_parameters_file=/models/{name}/batching_params.pbtxt
    restart: unless-stopped
"""


def docker_command(name, image, serving_directory):
    """The shortest way to serve the directory."""
    return (
        f"docker run -p {REST_PORT}:{REST_PORT} -p {GRPC_PORT}:{GRPC_PORT} "
        f"-v {shlex.quote(str(serving_directory))}:/models/{name} -e MODEL_NAME={name} {image}"
    )
