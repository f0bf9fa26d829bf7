"""Trains, evaluates and saves a model that answers questions: `python -m recipes.question_answering --help`."""

from recipes.command_line.recipe_command import recipe_command

main = recipe_command("question_answering")
