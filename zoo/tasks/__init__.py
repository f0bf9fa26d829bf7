"""Tasks: a model, its tokenizers and decoding as one text-in, result-out callable."""

from zoo.tasks.loading import load
from zoo.tasks.task import Control, Task
from zoo.tasks.translator import Translation, TranslationSettings, Translator

__all__ = ["Control", "Task", "Translation", "TranslationSettings", "Translator", "load"]
