"""Files of public data sets: found in the user's folder or the cache, or downloaded once, and always checked."""

import gzip
import hashlib
import os
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path

from zoo.data.datasets.download import download
from zoo.errors import UserError

DATA_DIRECTORY_VARIABLE = "ZOO_DATA_DIR"


@dataclass(frozen=True)
class PublishedFiles:
    """The files of a data set on a web server.

    Attributes:
        name: Its name, and the name of its folder.
        base_url: URL of the folder that holds the files.
        sha256: Hash by file name.
        licence: Terms of use, one line.
        homepage: Where it comes from.
        citation: The paper to cite, one line; empty where there is none.
    """

    name: str
    base_url: str
    sha256: dict[str, str]
    licence: str
    homepage: str
    citation: str

    def path(self, filename):
        """Finds or downloads one of the files.

        It is looked for in `$ZOO_DATA_DIR/<name>/`, then in the cache directory, and else downloaded to the latter. A
        file that somebody has compressed, with .gz at the end of its name, will do.

        Returns:
            `Path` of a file whose hash is right.

        Raises:
            UserError: The file cannot be had, or is not the published one.
        """
        own = _data_directory()
        cache = cache_directory() / self.name
        for directory in ([own / self.name] if own else []) + [cache]:
            for path in (directory / filename, directory / f"{filename}.gz"):
                if path.is_file():
                    self._check(path, filename)
                    return path
        advice = (
            f"fetch the file by other means, put it at <directory>/{self.name}/{filename} "
            f"and set {DATA_DIRECTORY_VARIABLE} to <directory>"
        )
        if not any((cache / each).exists() for each in self.sha256):
            print(f"Downloading {self.name} ({self.homepage})\nLicence: {self.licence}", file=sys.stderr)
        download(f"{self.base_url}/{filename}", cache / filename, self.sha256[filename], advice)
        return cache / filename

    def _check(self, path, filename):
        try:
            with path.open("rb") if path.name == filename else gzip.open(path) as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except (EOFError, zlib.error) as error:
            raise UserError(f"{path}: the gzip data is damaged ({error}); fetch it again") from error
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror or error}); check its permissions") from error
        if found != self.sha256[filename]:
            raise UserError(
                f"{path}: is not the published file of {self.name} (sha256 {found}, not {self.sha256[filename]}); "
                f"remove it, or replace it with {self.base_url}/{filename}"
            )


def cache_directory():
    """Returns where downloads are kept: $XDG_CACHE_HOME/keras-transformer-zoo, by default under ~/.cache."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification has relative values ignored.
    root = Path(base) if Path(base).is_absolute() else Path.home() / ".cache"
    return root / "keras-transformer-zoo"


def _data_directory():
    value = os.environ.get(DATA_DIRECTORY_VARIABLE)
    if not value:
        return None
    directory = Path(value).expanduser()
    if not directory.is_dir():
        raise UserError(f"{DATA_DIRECTORY_VARIABLE}={value} is not a directory; correct it or unset it")
    return directory
