"""`python -m export`: a preset becomes the next, checked version of a served model; versions get labels.

python -m export PRESET_DIR SERVING_DIR
python -m export promote SERVING_DIR VERSION --label stable
python -m export list SERVING_DIR
"""

import importlib
import sys

# Modules by what the first argument says; they are imported when needed, since exports import TensorFlow.
_COMMANDS = {"promote": "export.promote_command", "list": "export.list_command"}


def main(argv=None):
    """Runs the command that the first argument names; any other argument is the preset of an export."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    module = _COMMANDS.get(arguments[0]) if arguments else None
    if module is None:
        # Of the process, if there are no others: then the command filters what libraries write to standard error.
        export = importlib.import_module("export.export_command").main
        export() if argv is None else export(arguments)
    else:
        importlib.import_module(module).main(arguments[1:])


if __name__ == "__main__":
    main()
