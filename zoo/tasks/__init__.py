"""Tasks: a model, its tokenizers and decoding as one text-in, result-out callable."""

from zoo.tasks.entity_recognizer import EntityRecognizer, EntitySettings
from zoo.tasks.loading import load
from zoo.tasks.masked_language_model import FillSettings, MaskedLanguageModel
from zoo.tasks.pretrained import load_pretrained_encoder
from zoo.tasks.task import Control, Task
from zoo.tasks.text_classifier import ClassificationSettings, TextClassifier
from zoo.tasks.translator import Translation, TranslationSettings, Translator

__all__ = [
    "ClassificationSettings",
    "Control",
    "EntityRecognizer",
    "EntitySettings",
    "FillSettings",
    "MaskedLanguageModel",
    "Task",
    "TextClassifier",
    "Translation",
    "TranslationSettings",
    "Translator",
    "load",
    "load_pretrained_encoder",
]
