"""Trains, evaluates and saves a classifier of pairs of texts: `python -m recipes.pairs --help`."""

from recipes.command_line.recipe_command import recipe_command

main = recipe_command("pairs")
