"""Command lines whose defaults depend on a named variant."""

import sys

import tyro

from recipes.fine_tuning_config import flag
from zoo.errors import UserError


def parse_variants(config_class, variants, default, argv, prog, new_model_options=()):
    """The configuration that a command line asks for; `--variant` decides what the other options start from.

    Args:
        config_class: A dataclass with a field `variant`.
        variants: dict from the name of a variant to a function that makes its configuration.
        default: Name of the variant without the option.
        argv: list of str; those of the process if None.
        prog: What help calls the program.
        new_model_options: Fields that describe a new model, which must stay as they are with `--pretrained`.

    Returns:
        A `config_class`.

    Raises:
        UserError: for an option of new models with `--pretrained`.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    name = last_value(argv, "--variant") or default
    # tyro itself refuses a name that is none.
    start = variants.get(name, variants[default])()
    config = tyro.cli(config_class, default=start, args=argv, prog=prog)
    if new_model_options and config.pretrained is not None:
        for name in new_model_options:
            if getattr(config, name) != getattr(start, name):
                raise UserError(f"{flag(name)} is for new models; the one of --pretrained has its own")
    return config


def last_value(argv, option):
    """What a command line gives to an option, the last of several as the parser takes it; None if nothing."""
    found = None
    for word, following in zip(argv, [*argv[1:], None], strict=True):
        if word == option:
            found = following
        elif word.startswith(f"{option}="):
            found = word.partition("=")[2]
    return found
