"""The check that the packages of the `gateway` extra are installed."""

from export.serve.requirements import require_modules

_MODULES = ("grpc", "prometheus_client", "starlette", "uvicorn", "tensorflow", "tensorflow_serving.apis")


def require_gateway_extra():
    """Imports what the gateway needs.

    Raises:
        UserError: a package is missing; the message says how to install it.
    """
    require_modules("the gateway", "gateway", _MODULES)
