"""Fetches a published file once, by the package pooch: progress on standard error, the hash checked, then renamed."""

import contextlib
import os
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from zoo.errors import UserError

_TIMEOUT_SECONDS = 30


class _Bar:
    """A progress bar of rich as pooch drives one."""

    def __init__(self, title):
        columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
        self._progress = Progress(TextColumn("{task.description}"), *columns, console=Console(stderr=True))
        self._task = self._progress.add_task(title, total=None)
        self.total, self.received = 0, 0

    def update(self, count):
        """Counts bytes that have come."""
        self._progress.start()
        self.received += count
        self._progress.update(self._task, total=self.total or None, completed=self.received)

    def reset(self):
        """Begins to count anew: pooch then gives the whole at once, since the last part may have been shorter."""
        self.received = 0

    def close(self):
        """Leaves the bar as it is."""
        self._progress.stop()


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
    import pooch
    import requests

    path = Path(path)
    bar = _Bar(path.name)
    headers = {"User-Agent": "keras-transformer-zoo"}
    fetch = pooch.HTTPDownloader(progressbar=bar, timeout=_TIMEOUT_SECONDS, headers=headers)
    pooch.get_logger().setLevel("WARNING")
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        pooch.retrieve(url, f"sha256:{sha256}", part.name, path.parent, downloader=fetch)
        # pooch makes it readable for its owner alone.
        part.chmod(0o644)
        part.replace(path)
    except requests.RequestException as error:
        raise UserError(f"{path.name}: cannot be downloaded from {url} ({_reason(error, bar)}); {advice}") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}); {advice}") from error
    except ValueError as error:
        raise UserError(
            f"{path.name}: {url} sent other data than expected, whose sha256 is not {sha256}; try again, or {advice}"
        ) from error
    finally:
        bar.close()
        with contextlib.suppress(OSError):
            part.unlink()


def _reason(error, bar):
    """Why a request failed, on one line."""
    if error.response is not None:
        return f"{error.response.status_code} {error.response.reason}"
    if bar.total:
        return f"the connection ended before all {bar.total:,} bytes had come"
    innermost = error
    while innermost.__cause__ or innermost.__context__:
        innermost = innermost.__cause__ or innermost.__context__
    return getattr(innermost, "strerror", None) or " ".join(str(innermost).split())
