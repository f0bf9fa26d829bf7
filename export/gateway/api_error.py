"""Refusals and failures in the shape that each protocol gives them."""

from starlette.responses import JSONResponse

from export.serve.status import Code

_RERANK_PATHS = ("/v1/rerank", "/v2/rerank")


class ApiError(Exception):
    """A request that has no answer.

    Attributes:
        status: HTTP status.
        message: What the client is told.
        param: The field of the request that is at fault, or None.
        code: A word for programs, or None.
        headers: Further headers of the answer.
    """

    def __init__(self, status, message, *, param=None, code=None, headers=None):
        super().__init__(message)
        self.status, self.message, self.param, self.code = status, message, param, code
        self.headers = headers or {}

    def openai(self):
        """The body as OpenAI's API has it."""
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        kind = "rate_limit_error" if self.status == 429 else kind
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}

    def response(self, path):
        """The answer to a request for a path."""
        if path in _RERANK_PATHS:
            body = {"message": self.message}
        elif path == "/v2" or path.startswith("/v2/"):
            body = {"error": self.message}
        else:
            body = self.openai()
        return JSONResponse(body, self.status, self.headers)


def refused(message, param=None, code=None):
    """The error of a request that can never succeed."""
    return ApiError(400, message, param=param, code=code)


def api_error(error, names=None):
    """The `ApiError` of a `ServingError`.

    Args:
        error: `ServingError`.
        names: Fields of the request by the input that they became, for messages that begin with an input's name.
    """
    if isinstance(error, ApiError):
        return error
    message, param = error.message, None
    first = message.split(" ", 1)[0]
    if names and first in names:
        param = names[first]
        message = param + message[len(first) :]
    status = error.http_status
    code = "model_not_found" if error.code == Code.NOT_FOUND else None
    if error.code == Code.CANCELLED:
        # What a server says that stops; HTTP has no word for it.
        status = 503
    return ApiError(status, message, param=param, code=code)
