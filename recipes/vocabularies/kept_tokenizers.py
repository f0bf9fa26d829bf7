"""Tokenizers that a run has kept for when it goes on."""

from zoo.tokenizers import load


def kept_tokenizer(config, folder, resumed):
    """The tokenizer that a run which goes on has in a folder of its directory; None if there is none.

    Args:
        config: The recipe's configuration.
        folder: Name of the folder.
        resumed: Whether a run goes on.
    """
    directory = config.directory / folder
    return load(directory) if resumed and (directory / "tokenizer.json").is_file() else None
