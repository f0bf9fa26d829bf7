"""Cross-encoders as sentence-transformers writes them: a sequence classifier over two texts, and what scores are."""

from typing import NamedTuple

from zoo.checkpoints.hugging_face.directory_files import CONFIG_FILE, DirectoryFiles
from zoo.checkpoints.hugging_face.sentence_transformers import (
    MODULES_FILE,
    SETTINGS_FILE,
    read_modules,
    stated_length,
)
from zoo.errors import UserError

_KEY, _EARLIER_KEY = "sentence_transformers", "sbert_ce_default_activation_function"
_CLASSES = {
    "sigmoid": "torch.nn.modules.activation.Sigmoid",
    "identity": "torch.nn.modules.linear.Identity",
}


class CrossEncoder(NamedTuple):
    """What the files of a cross-encoder say beside its model.

    Attributes:
        activation: What makes a score of an output: "sigmoid" or "identity"; None if they do not say.
        max_length: Tokens that are read of a pair; None if no file of sentence-transformers says.
    """

    activation: str | None
    max_length: int | None


def is_cross_encoder(directory) -> bool:
    """Whether sentence-transformers has written a directory as a cross-encoder.

    From version 4 on it says so in config.json, or where there are modules in their settings; before, config.json had
    the activation of the scores, if any.
    """
    files = DirectoryFiles.of(directory)
    if files.holds(MODULES_FILE):
        return files.json(SETTINGS_FILE).get("model_type") == "CrossEncoder"
    return isinstance(files.config.get(_KEY), dict) or files.config.get(_EARLIER_KEY) is not None


def read_cross_encoder(directory) -> CrossEncoder:
    """The settings of a cross-encoder.

    Args:
        directory: As of `is_cross_encoder`.

    Raises:
        UserError: for settings and modules that the zoo does not have, by name.
    """
    files = DirectoryFiles.of(directory)
    settings = files.json(SETTINGS_FILE)
    if files.holds(MODULES_FILE):
        path, modules = files / MODULES_FILE, read_modules(files / MODULES_FILE)
        names = [each["type"].rpartition(".")[2] for each in modules]
        if names != ["Transformer"] or modules[0]["path"]:
            raise UserError(
                f"{path}: the modules {', '.join(names)} of a cross-encoder are not supported; supported is a single "
                "Transformer in the directory itself"
            )
    prompt = (settings.get("prompts") or {}).get(settings.get("default_prompt_name"))
    if prompt:
        raise UserError(f"{files / SETTINGS_FILE}: a default prompt {prompt!r} of a cross-encoder is not supported")
    return CrossEncoder(_activation(files, settings), stated_length(files, "sequence-classification"))


def cross_encoder_configuration(sigmoid) -> dict:
    """The keys of config.json that say how a cross-encoder makes scores, for `save_hugging_face`."""
    return {_KEY: {"activation_fn": _CLASSES["sigmoid" if sigmoid else "identity"]}}


def _activation(files, settings):
    path, name = files / SETTINGS_FILE, settings.get("activation_fn")
    if name is None:
        path, content = files / CONFIG_FILE, files.config
        # sentence-transformers does not look at the earlier key where there is the later one.
        later = content.get(_KEY)
        has_later = isinstance(later, dict) and "activation_fn" in later
        name = later["activation_fn"] if has_later else content.get(_EARLIER_KEY)
    if name is None:
        return None
    kind = str(name).rpartition(".")[2].lower()
    if kind not in _CLASSES or not str(name).startswith("torch."):
        known = ", ".join(_CLASSES.values())
        raise UserError(f"{path}: the activation {name!r} of a cross-encoder is not supported; supported are {known}")
    return kind
