"""Trains a language model on raw text, on conversations or on preferences."""

from recipes.language_modeling.conversations import ConversationModeling
from recipes.language_modeling.preferences import PreferenceModeling
from recipes.language_modeling.raw_text import LanguageModeling
from recipes.skeleton.run_recipe import run_recipe

_RECIPES = {"text": LanguageModeling, "chat": ConversationModeling, "preferences": PreferenceModeling}


def run(config):
    """Trains on what --data says that the files hold; see `run_recipe`."""
    return run_recipe(_RECIPES[config.data], config)
