"""The chat template of a Hugging Face directory."""

from zoo.checkpoints.hugging_face.directory_files import TOKENIZER_CONFIG_FILE, DirectoryFiles
from zoo.errors import UserError

TEMPLATE_FILE = "chat_template.jinja"


def read_chat_template(directory) -> str | None:
    """The template of conversations, in Jinja; None for a directory without one.

    As in transformers, chat_template.jinja counts before `chat_template` of tokenizer_config.json, and of several
    templates the one named "default".

    Args:
        directory: A Hugging Face directory.

    Raises:
        UserError: for templates in a form that is not known, and several without a default.
    """
    files = DirectoryFiles.of(directory)
    path = files / TOKENIZER_CONFIG_FILE
    if files.holds(TEMPLATE_FILE):
        try:
            return (files / TEMPLATE_FILE).read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise UserError(f"{files / TEMPLATE_FILE} is not UTF-8: {error}") from error
    found = files.json(TOKENIZER_CONFIG_FILE).get("chat_template")
    if found is None or isinstance(found, str):
        return found
    try:
        named = {each["name"]: each["template"] for each in found}
    except (TypeError, KeyError):
        named = {}
    if not isinstance(named.get("default"), str):
        raise UserError(f"{path}: chat_template must be a text, or a list of templates of which one is named 'default'")
    return named["default"]
