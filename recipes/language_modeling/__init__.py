"""Trains a language model on raw text: `python -m recipes.language_modeling --help`."""

from recipes.command_line.recipe_command import recipe_command

main = recipe_command("language_modeling")
