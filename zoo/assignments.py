"""`--set NAME=VALUE ...`, the settings of a task on a command line."""

import json

from zoo.errors import UserError


def parse_settings(assignments):
    """The settings of `--set`, by name: JSON values, or text where it is no JSON.

    Raises:
        UserError: for something other than NAME=VALUE.
    """
    settings = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not (name and equals):
            raise UserError(f"--set: {assignment!r} is not NAME=VALUE, such as num_beams=1")
        try:
            settings[name] = json.loads(value)
        except ValueError:
            settings[name] = value
    return settings
