"""Registers the model classes of all families with Keras, which reads stored models of classes that it knows."""

import importlib
import importlib.util

from zoo.architectures import FOLDERS
from zoo.models.transformer_model import TransformerModel

MODEL_CLASSES: dict[str, type[TransformerModel]] = {}
"""Classes that are of one family, by name; `zoo.models` has them too."""

for _folder in sorted(set(FOLDERS.values())):
    _name = f"zoo.architectures.{_folder}.model"
    # A family whose model is a configuration of another one's has no class of its own.
    if importlib.util.find_spec(_name) is not None:
        for _value in vars(importlib.import_module(_name)).values():
            if isinstance(_value, type) and issubclass(_value, TransformerModel) and _value.__module__ == _name:
                MODEL_CLASSES[_value.__name__] = _value
