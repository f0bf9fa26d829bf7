"""The command of a recipe, `python -m recipes.<name>`."""

import importlib

from zoo.errors import command_line


def recipe_command(name):
    """The `main(argv=None)` of a recipe.

    Args:
        name: Of the recipe, a package with `config.parse_command_line` and `recipe.run`.
    """

    @command_line
    def main(argv=None):
        """Command line of the recipe."""
        config = importlib.import_module(f"recipes.{name}.config").parse_command_line(argv)
        # After the command line is known to be right, because it brings in Keras and the backend.
        importlib.import_module(f"recipes.{name}.recipe").run(config)

    return main
