"""Checks of config.json that several families share."""

from zoo.errors import UserError


def check_architectures(content, path, supported):
    """Refuses a config.json of another class of models than the supported ones; one that names none is not refused."""
    names = content.get("architectures")
    if names and (not isinstance(names, list) or names[0] not in supported):
        raise UserError(f"{path}: architectures {names!r} is not supported; supported are {', '.join(supported)}")
