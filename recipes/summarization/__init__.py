"""Trains, evaluates and saves a summarizer: `python -m recipes.summarization --help`."""

from recipes.command_line.recipe_command import recipe_command

main = recipe_command("summarization")
