"""The JSON object that a request brings."""

import json

from export.serve.status import invalid_argument


async def json_body(request):
    """The body of a `starlette.requests.Request`, dict.

    Raises:
        ServingError: INVALID_ARGUMENT, the body is no JSON object.
    """
    try:
        body = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise invalid_argument(f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise invalid_argument("the body must be a JSON object")
    return body
