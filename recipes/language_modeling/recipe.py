"""Trains a language model on raw text or on conversations."""

from recipes.language_modeling.conversations import ConversationModeling
from recipes.language_modeling.raw_text import LanguageModeling
from recipes.skeleton.run_recipe import run_recipe


def run(config):
    """Trains on text, or with --data chat on conversations; see `run_recipe`."""
    return run_recipe(ConversationModeling if config.data == "chat" else LanguageModeling, config)
