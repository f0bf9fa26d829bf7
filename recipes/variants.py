"""Command lines whose defaults depend on a named variant."""

import tyro


def parse_variants(config_class, variants, default, argv, prog):
    """The configuration that a command line asks for; `--variant` decides what the other options start from.

    Args:
        config_class: A dataclass with a field `variant`.
        variants: dict from the name of a variant to a function that makes its configuration.
        default: Name of the variant without the option.
        argv: list of str.
        prog: What help calls the program.

    Returns:
        A `config_class`.
    """
    name = next((argv[index + 1] for index, word in enumerate(argv[:-1]) if word == "--variant"), default)
    name = next((word.partition("=")[2] for word in argv if word.startswith("--variant=")), name)
    # tyro itself refuses a name that is none.
    start = variants.get(name, variants[default])()
    return tyro.cli(config_class, default=start, args=argv, prog=prog)
