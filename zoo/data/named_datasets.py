"""Public data sets by name: where their files are published, their hashes, licence and citation."""

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from zoo.data.download import download, file_sha256
from zoo.data.readers import ParallelText
from zoo.errors import UserError

DATA_DIRECTORY_VARIABLE = "ZOO_DATA_DIR"


@dataclass(frozen=True)
class DatasetSplits:
    """A data set ready to read. Each split is a re-iterable of (source, target) strings.

    Attributes:
        name: The name it was opened by.
        train, validation, test: The splits.
        source_language, target_language: ISO 639-1 codes, such as "en".
        licence: Terms of use, one line.
        homepage: Where it comes from.
        citation: The paper to cite, one line; empty where there is none.
    """

    name: str
    train: Iterable[tuple[str, str]]
    validation: Iterable[tuple[str, str]]
    test: Iterable[tuple[str, str]]
    source_language: str
    target_language: str
    licence: str
    homepage: str
    citation: str = ""


@dataclass(frozen=True)
class PublishedText:
    """A line-parallel data set of gzip files on a web server.

    Attributes:
        name: Its name, and the name of its folder.
        base_url: URL of the folder that holds the files.
        stems: Beginning of the file names by split, "train", "validation" and "test"; ".<language>.gz" follows.
        languages: Source and target language.
        sha256: Hash by file name.
        licence, homepage, citation: As in `DatasetSplits`.
    """

    name: str
    base_url: str
    stems: dict[str, str]
    languages: tuple[str, str]
    sha256: dict[str, str]
    licence: str
    homepage: str
    citation: str

    def open(self, reverse=False):
        """Finds or downloads the files and returns `DatasetSplits`."""
        source, target = reversed(self.languages) if reverse else self.languages
        # All files first, so that a failing download shows before anything is read.
        paths = {(split, language): self._file(split, language) for split in self.stems for language in self.languages}
        splits = {split: ParallelText(paths[split, source], paths[split, target]) for split in self.stems}
        return DatasetSplits(
            name=self.name,
            source_language=source,
            target_language=target,
            licence=self.licence,
            homepage=self.homepage,
            citation=self.citation,
            **splits,
        )

    def _file(self, split, language):
        filename = f"{self.stems[split]}.{language}.gz"
        own = _data_directory()
        cache = cache_directory() / self.name
        for directory in ([own / self.name] if own else []) + [cache]:
            path = directory / filename
            if path.is_file():
                self._check(path)
                return path
        advice = (
            f"fetch the file by other means, put it at <directory>/{self.name}/{filename} "
            f"and set {DATA_DIRECTORY_VARIABLE} to <directory>"
        )
        if not (cache.is_dir() and any(cache.glob("*.gz"))):
            print(f"Downloading {self.name} ({self.homepage})\nLicence: {self.licence}", file=sys.stderr)
        download(f"{self.base_url}/{filename}", cache / filename, self.sha256[filename], advice)
        return cache / filename

    def _check(self, path):
        try:
            found = file_sha256(path)
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
        if found != self.sha256[path.name]:
            raise UserError(
                f"{path}: is not the published file of {self.name} (sha256 {found}, not {self.sha256[path.name]}); "
                f"remove it, or replace it with {self.base_url}/{path.name}"
            )


MULTI30K = PublishedText(
    name="multi30k",
    base_url="https://raw.githubusercontent.com/multi30k/dataset/master/data/task1/raw",
    stems={"train": "train", "validation": "val", "test": "test_2016_flickr"},
    languages=("en", "de"),
    sha256={
        "train.en.gz": "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f",
        "train.de.gz": "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6",
        "val.en.gz": "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28",
        "val.de.gz": "f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a",
        "test_2016_flickr.en.gz": "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9",
        "test_2016_flickr.de.gz": "9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8",
    },
    licence="for researchers and educators, non-commercial research or education only; derived from Flickr30K",
    homepage="https://github.com/multi30k/dataset",
    citation="Elliott et al. 2016, Multi30K: Multilingual English-German Image Descriptions, doi:10.18653/v1/W16-3210",
)


def cache_directory():
    """Returns where downloads are kept: $XDG_CACHE_HOME/keras-transformer-zoo, by default under ~/.cache."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification has relative values ignored.
    root = Path(base) if Path(base).is_absolute() else Path.home() / ".cache"
    return root / "keras-transformer-zoo"


def open_dataset(name, *, reverse=False):
    """Opens a data set by name.

    Files are looked for in `$ZOO_DATA_DIR/<name>/`, then in the cache directory, and else downloaded to the latter;
    their hashes are checked each time, so that a score under a name is a score on that data.

    Args:
        name: "multi30k" (English to German captions, 29,000 pairs) or "sample" (generated on the spot, no download).
        reverse: Whether source and target change places.

    Returns:
        `DatasetSplits`.

    Raises:
        UserError: For an unknown name, a file that cannot be had, or one that is not the published one.

    Example:
        >>> splits = open_dataset("multi30k", reverse=True)  # German to English
    """
    if name not in _OPENERS:
        raise UserError(f"there is no data set {name!r}; the names are {', '.join(sorted(_OPENERS))}")
    return _OPENERS[name](reverse)


def _open_sample(reverse):
    # Needs the packages that write numbers and dates out in words, which nothing else does.
    from zoo.data.sample_corpus import sample_splits

    train, validation, test = sample_splits()
    languages = ("en", "de")
    if reverse:
        train, validation, test = ([(b, a) for a, b in split] for split in (train, validation, test))
        languages = ("de", "en")
    return DatasetSplits(
        name="sample",
        train=train,
        validation=validation,
        test=test,
        source_language=languages[0],
        target_language=languages[1],
        licence="generated by this project, Apache-2.0; names and formats from Unicode CLDR, Unicode License v3",
        homepage="https://babel.pocoo.org and https://github.com/savoirfairelinux/num2words",
    )


def _data_directory():
    value = os.environ.get(DATA_DIRECTORY_VARIABLE)
    if not value:
        return None
    directory = Path(value).expanduser()
    if not directory.is_dir():
        raise UserError(f"{DATA_DIRECTORY_VARIABLE}={value} is not a directory; correct it or unset it")
    return directory


_OPENERS = {"multi30k": MULTI30K.open, "sample": _open_sample}
