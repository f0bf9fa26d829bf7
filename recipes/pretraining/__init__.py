"""Pretrains an encoder on raw text as a masked language model: `python -m recipes.pretraining --help`."""

from recipes.command_line.recipe_command import recipe_command

main = recipe_command("pretraining")
