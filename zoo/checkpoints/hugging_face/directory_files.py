"""The JSON files of a Hugging Face directory, each read from disk once."""

from pathlib import Path
from typing import TypeAlias

from zoo.checkpoints.hugging_face.configuration_aliases import without_aliases
from zoo.errors import UserError
from zoo.tokenizers.byte_pair.files import parse_json, read_file

CONFIG_FILE = "config.json"
TOKENIZER_CONFIG_FILE = "tokenizer_config.json"
FAST_FILE = "tokenizer.json"


class DirectoryFiles:
    """A Hugging Face directory as one load sees it.

    It can stand wherever a path of a directory is asked for. Readers of this package take either, and share what was
    read already if they are given the same object.

    Attributes:
        path: The directory.
    """

    def __init__(self, directory: "AnyDirectory") -> None:
        """Reads nothing yet.

        Args:
            directory: The directory, or an object of this class, of which this one is a copy with nothing read.
        """
        self.path = Path(directory)
        self._contents = {}

    @classmethod
    def of(cls, directory: "AnyDirectory") -> "DirectoryFiles":
        """The directory's files: the object itself if it is one of this class."""
        return directory if isinstance(directory, cls) else cls(directory)

    def __fspath__(self) -> str:
        return str(self.path)

    def __str__(self):
        return str(self.path)

    def __truediv__(self, name) -> Path:
        return self.path / name

    def holds(self, name: str) -> bool:
        """Whether there is a file of this name."""
        return (self.path / name).is_file()

    def json(self, name: str) -> dict:
        """The JSON object in a file, empty if the file is not there. It must not be changed.

        Raises:
            UserError: for a damaged file.
        """
        if name not in self._contents:
            path = self.path / name
            self._contents[name] = parse_json(read_file(path), path) if path.is_file() else {}
        return self._contents[name]

    @property
    def config(self) -> dict:
        """The JSON object in config.json, with one name for every key. It must not be changed.

        Raises:
            UserError: for a missing or damaged file.
        """
        if not self.path.is_dir():
            raise UserError(f"{self.path} is not a directory; give a directory with {CONFIG_FILE} and its weights")
        if not self.holds(CONFIG_FILE):
            raise UserError(f"{self.path} holds no {CONFIG_FILE}; it is no Hugging Face directory")
        return without_aliases(self.json(CONFIG_FILE))


AnyDirectory: TypeAlias = DirectoryFiles | str | Path
"""What readers take: a path, or the files of one that were read already."""
