"""Error codes and the error that becomes an HTTP or gRPC error answer."""

import enum

import tensorflow as tf


class Code(enum.IntEnum):
    """Canonical error codes; the numbers are those of gRPC and of `tf.errors`."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


# What TensorFlow Serving's HTTP server answers for each code; everything else is 500.
HTTP_STATUS = {
    Code.OK: 200,
    Code.CANCELLED: 499,
    Code.INVALID_ARGUMENT: 400,
    Code.DEADLINE_EXCEEDED: 504,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.PERMISSION_DENIED: 403,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.FAILED_PRECONDITION: 400,
    Code.ABORTED: 409,
    Code.OUT_OF_RANGE: 400,
    Code.UNIMPLEMENTED: 501,
    Code.UNAVAILABLE: 503,
    Code.UNAUTHENTICATED: 401,
}


class ServingError(Exception):
    """A request or a load that failed.

    Attributes:
        code: `Code`.
        message: What the client is told.
    """

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code
        self.message = message

    @property
    def http_status(self):
        """The HTTP status of the answer."""
        return HTTP_STATUS.get(self.code, 500)

    def __str__(self):
        return f"{self.code.name}: {self.message}"


def invalid_argument(message):
    """Returns the error of a request that can never succeed."""
    return ServingError(Code.INVALID_ARGUMENT, message)


def serving_error(error):
    """Returns the `ServingError` that stands for any exception of a load or a request."""
    if isinstance(error, ServingError):
        return error
    if isinstance(error, tf.errors.OpError):
        # Python's session rewrites the runtime's message with Python stack traces; the original, which is what the
        # server sends, stays behind as the context.
        original = error.__context__ if isinstance(error.__context__, tf.errors.OpError) else error
        return ServingError(Code(original.error_code), original.message)
    if isinstance(error, FileNotFoundError):
        return ServingError(Code.NOT_FOUND, str(error))
    return ServingError(Code.INTERNAL, f"{type(error).__name__}: {error}")
