"""The server's model list: the official `ModelServerConfig` message, from a file or for one folder."""

from pathlib import Path

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from export.serve.status import invalid_argument
from zoo.errors import UserError


def single_model_config(name, base_path):
    """Returns a `ModelServerConfig` that serves the latest version of one model.

    Args:
        name: The model's name in requests.
        base_path: The folder of version folders.
    """
    config = model_server_config_pb2.ModelServerConfig()
    config.model_config_list.config.add(name=name, base_path=str(base_path), model_platform="tensorflow")
    return config


def read_model_config(path):
    """Reads a `ModelServerConfig` text file, the server's `--model_config_file`.

    Raises:
        UserError: the file is missing or the server would refuse it.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        raise UserError(f"cannot read the model config {path}: {reason}") from error
    config = model_server_config_pb2.ModelServerConfig()
    try:
        text_format.Parse(text, config)
    except text_format.ParseError as error:
        raise UserError(f"{path}: not a ModelServerConfig: {error}") from error
    if not config.model_config_list.config:
        raise UserError(f"{path}: no model in it; write at least one model_config_list {{ config {{ ... }} }}")
    return config


def check_model_config(config, previous=None):
    """Refuses a config that the server would refuse.

    Args:
        config: `ModelServerConfig`.
        previous: The config served until now, if any.

    Raises:
        ServingError: INVALID_ARGUMENT, with the reason.
    """
    if config.WhichOneof("config") != "model_config_list":
        raise invalid_argument(
            "ServerModelConfig type not supported by HandleReloadConfigRequest."
            " Only ModelConfigList is currently supported"
        )
    platforms = {} if previous is None else {model.name: _platform(model) for model in models_of(previous)}
    names = set()
    for model in models_of(config):
        if model.name in names:
            raise invalid_argument(f"Illegal to list model {model.name} multiple times in config list")
        names.add(model.name)
        if not Path(model.base_path).is_absolute():
            raise invalid_argument(
                f"Expected model {model.name} to have an absolute path or URI; got base_path()={model.base_path}"
            )
        platform = _platform(model)
        if platform != platforms.get(model.name, platform):
            raise invalid_argument(
                f"Illegal to change a model's platform. For model {model.name} platform was "
                f"{platforms[model.name]} and new platform requested is {platform}"
            )
        if platform != "tensorflow":
            raise invalid_argument(f"Model {model.name} requests unsupported platform {platform}")
        if not Path(model.base_path).exists():
            raise invalid_argument(f"Could not find base path {model.base_path} for servable {model.name}")


def models_of(config):
    """Returns the list of `ModelConfig` messages of a `ModelServerConfig`."""
    return list(config.model_config_list.config)


def _platform(model):
    if model.model_platform:
        return model.model_platform
    if model.model_type == model_server_config_pb2.ModelType.TENSORFLOW:
        return "tensorflow"
    raise invalid_argument(
        "Illegal setting neither ModelServerConfig::model_type (deprecated) nor "
        f"ModelServerConfig::model_platform, model name is {model.name}"
    )
