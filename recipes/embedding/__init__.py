"""Trains, evaluates and saves a text embedder: `python -m recipes.embedding --help`."""

from recipes.command_line.recipe_command import recipe_command

main = recipe_command("embedding")
