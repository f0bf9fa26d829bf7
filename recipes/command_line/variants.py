"""Command lines whose defaults depend on a named variant, and on a file of options."""

import sys
from pathlib import Path
from typing import Annotated

import tyro

from recipes.command_line.config_file import ConfigFile, with_values
from recipes.options.run import flag
from zoo.errors import UserError


def parse_variants(config_class, variants, default, argv, prog, new_model_options=()):
    """The configuration that a command line asks for.

    Options start from what `--config` has, and those that it does not have from what `--variant` names, which may be in
    the file too.

    Args:
        config_class: A dataclass with a field `variant`.
        variants: dict from the name of a variant to a function that makes its configuration.
        default: Name of the variant without the option.
        argv: list of str; those of the process if None.
        prog: What help calls the program: "python -m recipes." and the recipe's name.
        new_model_options: Fields that describe a new model, which must stay as they are with `--pretrained`.

    Returns:
        A `config_class`.

    Raises:
        UserError: for a file that has no such options, impossible values, and an option of new models with
            `--pretrained`.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    path = last_value(argv, "--config")
    file = None if path is None else ConfigFile(path, config_class, prog.rpartition(".")[2])
    name = last_value(argv, "--variant") or (file and file.values.get("variant")) or default
    # tyro itself refuses a name that is none.
    start = variants.get(name, variants[default])()
    from_here = start if file is None else file.applied_to(start)
    if any(word.partition("=")[0].replace("_", "-") == "--add-token" for word in argv):
        # Given several times, the option makes a list; that of the file is overridden, not made longer.
        from_here = with_values(from_here, {"add_token": ()})

    def command(
        options: Annotated[config_class, tyro.conf.arg(name="")] = from_here,  # pyright: ignore[reportInvalidTypeForm]
        config: Annotated[Path | None, tyro.conf.arg(metavar="FILE", help=_CONFIG_HELP)] = None,
    ):
        return options

    command.__doc__ = config_class.__doc__
    try:
        config = tyro.cli(command, args=argv, prog=prog)
        if new_model_options and config.pretrained is not None:
            for name in new_model_options:
                if getattr(config, name) != getattr(start, name):
                    raise UserError(f"{flag(name)} is for new models; the one of --pretrained has its own")
    except UserError as error:
        raise (error if file is None else file.explained(error, argv)) from error
    return config


_CONFIG_HELP = (
    "A .toml or .json file of options, their names with underscores, such as the recipe.json of a run; options on the "
    "command line override it."
)


def last_value(argv, option):
    """What a command line gives to an option, the last of several as the parser takes it; None if nothing."""
    found = None
    for word, following in zip(argv, [*argv[1:], None], strict=True):
        if word == option:
            found = following
        elif word.startswith(f"{option}="):
            found = word.partition("=")[2]
    return found
