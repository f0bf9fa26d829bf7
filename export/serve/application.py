"""What the local server answers over HTTP: TensorFlow Serving's REST API, and beside it KServe's V2 and the page."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from export.serve.kserve import KServe
from export.serve.manager_backend import ManagerBackend
from export.serve.page import Page
from export.serve.rest import RestApi
from export.serve.status import ServingError


def local_application(manager, timeout_seconds):
    """The ASGI application of a `ModelManager`.

    Args:
        manager: `ModelManager`.
        timeout_seconds: Predictions that take longer fail with 504.
    """
    backend = ManagerBackend(manager, timeout_seconds)
    further = Starlette(
        routes=[*KServe(backend).routes(), *Page(backend, streaming=False).routes()],
        exception_handlers={ServingError: _failed, HTTPException: _no_route},
    )
    rest = RestApi(manager, timeout_seconds)

    async def application(scope, receive, send):
        path = scope["path"]
        answer = further if path in ("/", "/v2") or path.startswith(("/v2/", "/page/")) else rest
        await answer(scope, receive, send)

    return application


async def _failed(request, error):
    return JSONResponse({"error": error.message}, error.http_status)


async def _no_route(request, error):
    return JSONResponse({"error": f"{request.method} {request.url.path}: {error.detail}"}, error.status_code)
