"""The texts of configuration files and commands for a real TensorFlow Serving."""

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

from zoo.errors import UserError

SERVER_IMAGE_VERSIONS = {"2.20": "2.20.0", "2.19": "2.19.1"}
REST_PORT, GRPC_PORT = 8501, 8500
MODELS_CONFIG, BATCHING_PARAMS, COMPOSE = "models.config", "batching_params.pbtxt", "compose.yaml"
POLL_SECONDS = 60
"""How often a server reads `models.config` again."""
_BATCH_TIMEOUT_MICROS = 2000
_MAX_ENQUEUED_BATCHES = 100


@dataclass(frozen=True)
class ServedVersions:
    """What `models.config` says of one model.

    Attributes:
        name: The model's name in requests.
        labels: dict from label to version. Without any, servers load the newest version alone.
        kept: Versions that are loaded beside those with a label.
    """

    name: str
    labels: dict = field(default_factory=dict)
    kept: tuple = ()

    @property
    def loaded(self):
        """The versions that servers load, ascending; None for the newest one."""
        return sorted({*self.labels.values(), *self.kept}) or None


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


def server_image(servers):
    """The newest public image among the accepting server versions."""
    newest = servers[-1]
    return f"tensorflow/serving:{SERVER_IMAGE_VERSIONS.get(newest, newest + '.0')}"


def models_config(served):
    """A ModelServerConfig (tensorflow_serving/config/model_server_config.proto) for `--model_config_file`.

    Args:
        served: `ServedVersions`.
    """
    lines = [
        f'name: "{served.name}"',
        f'base_path: "/models/{served.name}"',
        'model_platform: "tensorflow"',
    ]
    if served.loaded:
        # A label alone keeps no version loaded.
        versions = " ".join(f"versions: {version}" for version in served.loaded)
        lines.append(f"model_version_policy {{ specific {{ {versions} }} }}")
    lines += [
        f'version_labels {{ key: "{label}" value: {version} }}' for label, version in sorted(served.labels.items())
    ]
    inside = "\n".join(f"    {line}" for line in lines)
    return f"model_config_list {{\n  config {{\n{inside}\n  }}\n}}\n"


def read_models_config(text):
    """The `ServedVersions` of a text that `models_config` has made; None for any other."""
    text = "".join(f"{line}\n" for line in text.splitlines() if not line.startswith("#"))
    name = re.search(r'^ *name: "(.*)"$', text, re.MULTILINE)
    if name is None:
        return None
    labels = {
        label: int(version) for label, version in re.findall(r'version_labels { key: "(.*)" value: (\d+) }', text)
    }
    versions = [int(version) for version in re.findall(r"\bversions: (\d+)", text)]
    served = ServedVersions(name[1], labels, tuple(sorted(set(versions) - set(labels.values()))))
    return served if models_config(served) == text else None


def batching_params(max_batch_size):
    """BatchingParameters (tensorflow_serving/servables/tensorflow/session_bundle_config.proto) for batched requests."""
    sizes = "".join(f"allowed_batch_sizes: {size}\n" for size in allowed_batch_sizes(max_batch_size))
    return f"""\
max_batch_size {{ value: {max_batch_size} }}
batch_timeout_micros {{ value: {_BATCH_TIMEOUT_MICROS} }}
max_enqueued_batches {{ value: {_MAX_ENQUEUED_BATCHES} }}
{sizes}"""


def server_flags(name):
    """Flags of a server that reads the generated files: models and labels, polled, and batching."""
    return [
        f"--model_config_file=/models/{name}/{MODELS_CONFIG}",
        f"--model_config_file_poll_wait_seconds={POLL_SECONDS}",
        # Labels belong to versions that are not loaded yet when a server starts.
        "--allow_version_labels_for_unavailable_models=true",
        "--enable_batching=true",
        f"--batching_parameters_file=/models/{name}/{BATCHING_PARAMS}",
    ]


def compose(name, image):
    """A Docker Compose file, to be run in the serving directory."""
    flags = "".join(f"      - {flag}\n" for flag in server_flags(name))
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
{flags}    restart: unless-stopped
"""


def image_of_compose(text):
    """The image that a text of `compose` names; None if there is none."""
    found = re.search(r"^ +image: (\S+)$", text, re.MULTILINE)
    return None if found is None else found[1]


def docker_command(name, image, serving_directory):
    """The shortest way to serve the newest version in the directory."""
    return f"{_docker_run(name, serving_directory)} -e MODEL_NAME={name} {image}"


def docker_command_with_files(name, image, serving_directory):
    """The command of a server that reads the generated files: labels, and requests in batches."""
    return f"{_docker_run(name, serving_directory)} {image} {' '.join(server_flags(name))}"


def _docker_run(name, serving_directory):
    mount = f"{shlex.quote(str(serving_directory))}:/models/{name}"
    return f"docker run -p {REST_PORT}:{REST_PORT} -p {GRPC_PORT}:{GRPC_PORT} -v {mount}"
