"""The check that the packages of an extra are installed."""

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
    require_modules("the local server", "serving", _MODULES)


def require_modules(what, extra, modules):
    """Imports modules.

    Args:
        what: That needs them, for the message.
        extra: The extra that has them.
        modules: Their names.

    Raises:
        UserError: one is missing; the message says how to install it.
    """
    for module in modules:
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            raise UserError(
                f"{what} needs the Python module {error.name!r}, which is not installed; "
                f"run: pip install '.[{extra}]' in the project's folder"
            ) from error
