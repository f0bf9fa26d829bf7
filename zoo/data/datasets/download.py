"""Fetches a published file once: download to a temporary name with a progress bar, check its hash, then rename."""

import hashlib
import http.client
import os
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from zoo.errors import UserError

_BLOCK_BYTES = 1 << 18
_TIMEOUT_SECONDS = 30


def file_sha256(path):
    """Returns the SHA-256 of a file as 64 lower-case hexadecimal digits."""
    with Path(path).open("rb") as file:
        return content_sha256(file)


def content_sha256(file):
    """Returns the SHA-256 of what is left to read of a binary file object, as `file_sha256` does."""
    digest = hashlib.sha256()
    while block := file.read(_BLOCK_BYTES):
        digest.update(block)
    return digest.hexdigest()


def download(url, path, sha256, advice):
    """Downloads `url` to `path`; the file appears under its name only when it is whole and right.

    Args:
        url: Where the file is published.
        path: Where to put it; missing folders are made.
        sha256: Expected hash, 64 hexadecimal digits.
        advice: What the user can do instead, the end of each error message.

    Raises:
        UserError: When the network, the server, the disk or the hash fails. Nothing is left behind.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(suffix=".part", prefix=f"{path.name}.", dir=path.parent)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}); {advice}") from error
    part = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            found = _receive(url, file, path, advice)
        if found != sha256:
            raise UserError(
                f"{path.name}: {url} sent other data than expected (sha256 {found}, not {sha256}); "
                f"try again, or {advice}"
            )
        part.chmod(0o644)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _receive(url, file, path, advice):
    """Copies the body of `url` into `file` and returns its SHA-256."""
    digest = hashlib.sha256()
    for block in _blocks(url, path.name, advice):
        digest.update(block)
        try:
            file.write(block)
            file.flush()
        except OSError as error:
            raise UserError(f"{path}: cannot be written ({error.strerror}); {advice}") from error
    return digest.hexdigest()


def _blocks(url, title, advice):
    """Yields the body of `url` in blocks while showing progress on standard error."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    request = urllib.request.Request(url, headers={"User-Agent": "keras-transformer-zoo"})
    try:
        with (
            urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as response,
            Progress(*columns, console=Console(stderr=True)) as progress,
        ):
            size = int(response.headers.get("Content-Length") or 0)
            task = progress.add_task(title, total=size or None)
            received = 0
            while block := response.read(_BLOCK_BYTES):
                received += len(block)
                progress.update(task, completed=received)
                yield block
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        reason = getattr(error, "reason", None) or error
        raise UserError(f"{title}: cannot be downloaded from {url} ({reason}); {advice}") from error
    if received < size:
        raise UserError(f"{title}: {url} sent {received:,} of {size:,} bytes; try again, or {advice}")
