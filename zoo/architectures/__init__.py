"""Families of models, a folder each: `model.py` from a configuration to blocks, `hugging_face.py` for the files.

A family is entered in `FOLDERS`, by what `model_type` of its configurations says; readers, writers and tables of sizes
go by that alone. `registered_models` makes Keras know their classes. Nothing is imported before it is asked for.
"""

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

from zoo.errors import UserError

if TYPE_CHECKING:
    from zoo.architectures.encoder_architecture import EncoderArchitecture
    from zoo.architectures.keras_hub_map import KerasHubMap
    from zoo.architectures.language_model_architecture import LanguageModelArchitecture
    from zoo.architectures.sequence_to_sequence_architecture import SequenceToSequenceArchitecture

    AnyArchitecture = EncoderArchitecture | LanguageModelArchitecture | SequenceToSequenceArchitecture

FOLDERS = {
    "bert": "bert",
    "distilbert": "distilbert",
    "roberta": "roberta",
    "xlm-roberta": "xlm_roberta",
    "camembert": "camembert",
    "mpnet": "mpnet",
    "electra": "electra",
    "albert": "albert",
    "modernbert": "modernbert",
    "llama": "llama",
    "mistral": "mistral",
    "qwen2": "qwen2",
    "qwen3": "qwen3",
    "smollm3": "smollm3",
    "phi3": "phi3",
    "gemma2": "gemma2",
    "gemma3_text": "gemma3",
    "gpt2": "gpt2",
    "marian": "marian",
    "bart": "bart",
    "mbart": "mbart",
    "pegasus": "pegasus",
    "t5": "t5",
}
"""Folder by `model_type`."""

__all__ = ["FOLDERS", "architecture_named", "architecture_of", "architectures_of", "keras_hub_maps"]


def architecture_named(model_type: str | None) -> "AnyArchitecture | None":
    """The family that a configuration names; None for one that is not registered here."""
    if not isinstance(model_type, str) or model_type not in FOLDERS:
        return None
    return _registered(model_type)


def _registered(model_type: str) -> "AnyArchitecture":
    return importlib.import_module(f"zoo.architectures.{FOLDERS[model_type]}.hugging_face").ARCHITECTURE


def architecture_of(model: Any) -> "AnyArchitecture":
    """The first family that transformers can read a model as.

    Raises:
        UserError: if there is none, with what each family of the model's class says.
    """
    return architectures_of(model)[0]


def architectures_of(model: Any) -> "list[AnyArchitecture]":
    """Every family that transformers can read a model as.

    Raises:
        UserError: if there is none, with what each family of the model's class says.
    """
    found, reasons = [], []
    for model_type in FOLDERS:
        family = _registered(model_type)
        if family.holds(model):
            try:
                family.configuration(model)
            except UserError as error:
                reasons.append(str(error))
            else:
                found.append(family)
    if found:
        return found
    said = "; ".join(reasons) or "no family has it"
    raise UserError(f"a {type(model).__name__} like this cannot be written as a Hugging Face directory: {said}")


def keras_hub_maps() -> "list[KerasHubMap]":
    """The families that KerasHub has too, in their order here."""
    found = []
    for folder in dict.fromkeys(FOLDERS.values()):
        name = f"zoo.architectures.{folder}.keras_hub"
        if importlib.util.find_spec(name) is not None:
            found.append(importlib.import_module(name).KERAS_HUB)
    return found
