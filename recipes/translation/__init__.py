"""Trains, evaluates and saves a translator: `python -m recipes.translation --help`."""

from recipes.command_line.recipe_command import recipe_command

main = recipe_command("translation")
