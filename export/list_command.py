"""`python -m export list SERVING_DIR`: the versions of a model, their labels, and which of them servers load."""

from pathlib import Path
from typing import Annotated

import tyro

from export.served_versions import published_versions, read_served_versions
from zoo.errors import command_line


def list_versions(
    serving_dir: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="SERVING_DIR")],
) -> None:
    """Lists the versions of a served model with their labels.

    Args:
        serving_dir: The directory of all versions of the model.
    """
    versions = published_versions(serving_dir)
    served = read_served_versions(serving_dir)
    loaded = served.loaded or versions[-1:]
    print(f"{'version':<9}{'loaded':<8}labels")
    for version in sorted({*versions, *loaded}):
        labels = ", ".join(label for label, labelled in sorted(served.labels.items()) if labelled == version)
        state = "missing" if version not in versions else "yes" if version in loaded else "no"
        print(f"{version:<9}{state:<8}{labels}".rstrip())
    if served.labels and versions[-1] not in loaded:
        print(f"Version {versions[-1]} waits: python -m export promote {serving_dir} {versions[-1]} --label LABEL")


@command_line
def main(argv=None):
    """Runs the command."""
    tyro.cli(list_versions, args=argv, prog="python -m export list")


if __name__ == "__main__":
    main()
