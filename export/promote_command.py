"""`python -m export promote SERVING_DIR VERSION --label stable`: a version gets a label in `models.config`."""

import json
import re
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from typing import Annotated

import tyro

from export.served_versions import (
    configuration_lock,
    published_versions,
    read_served_versions,
    write_served_versions,
)
from export.serving_files import COMPOSE, POLL_SECONDS, SERVER_IMAGE_VERSIONS, docker_command_with_files
from export.serving_files import image_of_compose as image_in
from zoo.errors import UserError, command_line

_LOOK_SECONDS = 1.0


@dataclass(frozen=True)
class PromoteConfig:
    """Gives a version of a served model a label, which requests can name in place of a number.

    Servers then load the versions that have a label, and the one that had it before, for the way back. A running server
    refuses to move a label to a version that it has not loaded yet, and would not load it either: so a version that is
    new to it is loaded first, and labelled when the command is given again, or at once with --server.

    Attributes:
        serving_dir: The directory of all versions of the model.
        version: The version's number.
        label: Such as stable or canary: /v1/models/NAME/labels/LABEL:predict asks the version that has it.
        server: REST addresses of the running servers, such as http://localhost:8501: the label is moved when all of
            them have loaded the version.
        timeout_seconds: How long to wait for them.
    """

    serving_dir: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="SERVING_DIR")]
    version: Annotated[int, tyro.conf.Positional, tyro.conf.arg(metavar="VERSION")]
    label: str
    server: tuple[str, ...] = ()
    timeout_seconds: float = 600.0

    def __post_init__(self):
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", self.label):
            raise UserError(f"--label: {self.label!r} cannot be a label; use letters, digits, '_', '-' and '.'")
        if not self.timeout_seconds > 0:
            raise UserError(f"--timeout-seconds must be more than 0, got {self.timeout_seconds:g}")


def promote(serving_directory, version, label, wait=None):
    """Moves a label to a version, or where running servers have to load the version first, has them load it.

    Args:
        serving_directory: the directory of all versions.
        version: int.
        label: str.
        wait: a function of the model's name that returns when all servers have loaded the version; None to let the
            caller do it.

    Returns:
        The `ServedVersions` before and after. The label has moved if `after.labels[label] == version`.

    Raises:
        UserError: for a version that does not exist, and a configuration that somebody has edited.
    """
    versions = published_versions(serving_directory)
    if version not in versions:
        raise UserError(f"{serving_directory} has no version {version}; it has {', '.join(map(str, versions))}")
    with configuration_lock(serving_directory):
        before = after = read_served_versions(serving_directory)
        # A version may be gone from the disk; servers would report it as missing at every look.
        before = replace(before, kept=tuple(kept for kept in before.kept if kept in versions))
        old = before.labels.get(label, version)
        loaded = old == version or version in (before.loaded or ())
        if not loaded:
            after = replace(before, kept=tuple(sorted({*before.kept, version})))
            write_served_versions(serving_directory, after)
            if wait is None:
                return before, after
    if old != version and wait is not None:
        wait(before.name)
    with configuration_lock(serving_directory):
        now = read_served_versions(serving_directory)
        if now.labels != before.labels or (old != version and version not in now.loaded):
            raise UserError(f"{serving_directory}: another command has changed the labels meanwhile; give yours again")
        labels = {**now.labels, label: version}
        kept = {old} if old in versions else set()
        after = replace(now, labels=labels, kept=tuple(sorted(kept - set(labels.values()))))
        write_served_versions(serving_directory, after)
    return before, after


def wait_for_servers(servers, name, version, timeout_seconds):
    """Returns when all servers have loaded a version.

    Raises:
        UserError: if one could not load it, does not know the model, or is not done in time.
    """
    deadline = time.monotonic() + timeout_seconds
    for server in servers:
        while (state := _state(server, name, version)) != "AVAILABLE":
            if time.monotonic() > deadline:
                raise UserError(
                    f"{server}: version {version} is not loaded after {timeout_seconds:g} s (it is {state}); the label "
                    "has not moved. Look at the server's log, then give the command again"
                )
            time.sleep(_LOOK_SECONDS)


def _state(server, name, version):
    url = f"{server.rstrip('/')}/v1/models/{name}/versions/{version}"
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            (status,) = json.load(response)["model_version_status"]
    except urllib.error.HTTPError as error:
        if error.code == HTTPStatus.NOT_FOUND:
            return "not known yet"
        raise UserError(f"--server {server}: {error.code} {error.reason}; the label has not moved") from error
    except (OSError, ValueError, KeyError) as error:
        reason = getattr(error, "reason", error)
        raise UserError(
            f"--server {server}: no answer as of TensorFlow Serving ({reason}); the label has not moved"
        ) from error
    if status["status"]["error_message"]:
        raise UserError(
            f"{server} cannot load version {version} ({status['status']['error_message']}); the label has not moved"
        )
    return status["state"]


def _image(serving_directory):
    path = Path(serving_directory) / COMPOSE
    found = image_in(path.read_text(encoding="utf-8", errors="replace")) if path.is_file() else None
    return found or f"tensorflow/serving:{next(iter(SERVER_IMAGE_VERSIONS.values()))}"


def _unlabelled(served):
    return (
        f"Requests without a label or version are answered by version {max(served.loaded)}, the newest that is loaded."
    )


@command_line
def main(argv=None):
    """Runs the command."""
    config = tyro.cli(PromoteConfig, args=argv, prog="python -m export promote")
    directory, version, label = config.serving_dir, config.version, config.label

    def wait(name):
        print(f"waiting until {', '.join(config.server)} have loaded version {version}", flush=True)
        wait_for_servers(config.server, name, version, config.timeout_seconds)

    before, after = promote(directory, version, label, wait if config.server else None)
    name = after.name
    if after.labels.get(label) != version:
        print(
            f"version {version} is being loaded; {label} still is version {before.labels[label]}\n"
            f"When /v1/models/{name}/versions/{version} of every server says AVAILABLE (they look at models.config "
            f"every {POLL_SECONDS} s), give the same command again to move the label.\n{_unlabelled(after)}"
        )
        return
    old = before.labels.get(label)
    way_back = f" (before: {old})" if old not in (None, version) else ""
    print(f"{label} is version {version}{way_back}; servers load {', '.join(map(str, after.loaded or ()))}")
    print(_unlabelled(after))
    print(f"Running servers follow within {POLL_SECONDS} s if they were started with these flags:")
    print(f"  {docker_command_with_files(name, _image(directory), directory.resolve())}")
    print(f"Ask it: http://localhost:8501/v1/models/{name}/labels/{label}:predict")


if __name__ == "__main__":
    main()
