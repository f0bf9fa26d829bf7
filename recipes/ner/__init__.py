"""Trains, evaluates and saves an entity recognizer: `python -m recipes.ner --help`."""

from recipes.command_line.recipe_command import recipe_command

main = recipe_command("ner")
