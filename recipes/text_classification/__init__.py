"""Trains, evaluates and saves a text classifier: `python -m recipes.text_classification --help`."""

from recipes.command_line.recipe_command import recipe_command

main = recipe_command("text_classification")
