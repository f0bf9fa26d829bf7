"""Pretrains an encoder on raw text as a masked language model: `python -m recipes.pretraining --help`."""

from recipes.pretraining.config import parse_command_line
from zoo.errors import command_line


@command_line
def main(argv=None):
    """Command line of the recipe."""
    config = parse_command_line(argv)
    # After the command line is known to be right, because it brings in Keras and the backend.
    from recipes.pretraining.recipe import run

    run(config)
