"""The check that the packages of the `serving` extra are installed."""

import importlib

from zoo.errors import UserError

_MODULES = (
    "grpc",
    "grpc_health.v1",
    "starlette",
    "uvicorn",
    "tensorflow",
    "tensorflow_serving.apis",
    "tensorflow_text",
)


def require_serving_extra():
    """Imports what the local server needs.

    Raises:
        UserError: a package is missing; the message says how to install it.
    """
    for module in _MODULES:
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            raise UserError(
                f"the local server needs the Python module {error.name!r}, which is not installed; "
                "run: pip install '.[serving]' in the project's folder"
            ) from error
