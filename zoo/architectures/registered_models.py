"""Registers the model classes of all families with Keras, which reads stored models of classes that it knows."""

import importlib
import importlib.util

from zoo.architectures import FOLDERS

for _folder in sorted(set(FOLDERS.values())):
    _name = f"zoo.architectures.{_folder}.model"
    # A family whose model is a configuration of another one's has no class of its own.
    if importlib.util.find_spec(_name) is not None:
        importlib.import_module(_name)
