"""The check that options of data files have a file to apply to."""

from recipes.options.run import flag
from zoo.errors import UserError

SPLITS = ("train", "validation", "test")
TABLES = (".csv", ".csv.gz", ".tsv", ".tsv.gz")
JSON_LINES = (".jsonl", ".jsonl.gz")


def check_file_options(config, options):
    """Refuses options that no file is read with.

    Args:
        config: A recipe's configuration with the fields `dataset`, `train`, `validation` and `test`.
        options: dict from the name of a field to (kind, test): what files it is for, and a function of a file's name
            that says whether it is one.

    Raises:
        UserError: naming the option.
    """
    fields = type(config).__dataclass_fields__
    given = [name for name in options if getattr(config, name) != fields[name].default]
    paths = [path for split in SPLITS if (path := getattr(config, split)) is not None]
    if config.dataset is not None and (given or paths):
        first = given[0] if given else next(split for split in SPLITS if getattr(config, split) is not None)
        raise UserError(f"{flag(first)} is for files of your own; --dataset {config.dataset} has its own")
    for name in given:
        kind, is_one = options[name]
        if not any(is_one(path.name) for path in paths):
            raise UserError(f"{flag(name)} is for {kind}; no file given is one")


def is_table(name):
    """Whether a file is a table by its name."""
    return name.endswith(TABLES)


def is_json_lines(name):
    """Whether a file is JSON Lines by its name."""
    return name.endswith(JSON_LINES)


def is_other(name):
    """Whether a file is no JSON Lines by its name."""
    return not is_json_lines(name)
