"""Files beside the versions that exports write anew until somebody takes them over."""

from pathlib import Path

# Generated files that people may edit start with this line; once it is gone, exports leave the file alone.
_MARK = "Written by `python -m export`. Delete this line to keep your changes when you export again."
_COMMENTS = {".md": "<!-- {} -->", ".config": "# {}", ".pbtxt": "# {}", ".yaml": "# {}"}


def marked(name, content):
    """The content of a file with the line that says where it comes from, if files of its kind can have one."""
    comment = _COMMENTS.get(Path(name).suffix)
    return content if comment is None else f"{comment.format(_MARK)}\n{content}"


def is_taken_over(path):
    """Whether a file is there and its first line is not the one of generated files, so that it must stay as it is."""
    path = Path(path)
    comment = _COMMENTS.get(path.suffix)
    if comment is None or not path.is_file():
        return False
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.readline().rstrip("\n") != comment.format(_MARK)
