"""What every request goes through: key, limits, size, a line of the log and the counters."""

import json
import time
import uuid
from datetime import UTC, datetime

from starlette.datastructures import Headers, MutableHeaders

from export.gateway.api_error import ApiError

OPEN_PATHS = ("/", "/v2/health/live", "/v2/health/ready", "/metrics")
"""Paths that need no key and count for no limit."""
OPEN_FOLDER = "/page/"


class Gate:
    """An ASGI application around another one.

    Args:
        application: It answers requests that may come in.
        keys: `ApiKeys`; None to ask for none.
        rate_limit: `RateLimit`.
        max_body_bytes: Largest body of a request.
        metrics: `Metrics`.
        log: Called with a line of JSON about each request; it holds nothing of texts.
    """

    def __init__(self, application, *, keys, rate_limit, max_body_bytes, metrics, log):
        self._application, self._keys, self._rate_limit = application, keys, rate_limit
        self._max_body_bytes, self._metrics, self._log = max_body_bytes, metrics, log

    async def __call__(self, scope, receive, send):
        """Answers one request."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        started, request_id = time.perf_counter(), uuid.uuid4().hex
        scope["gateway.client"] = status = None
        self._metrics.begin()

        async def counted(message):
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = request_id
            await send(message)

        try:
            try:
                self._check(scope)
                await self._application(scope, self._limited(scope, receive), counted)
            except ApiError as error:
                await error.response(scope["path"])(scope, receive, counted)
        finally:
            seconds = time.perf_counter() - started
            route = scope.get("gateway.route", "other")
            self._metrics.end(route, status or 500, seconds)
            self._log(json.dumps(self._line(scope, route, request_id, status or 500, seconds), ensure_ascii=False))

    def _check(self, scope):
        path = scope["path"]
        is_page = path.startswith(OPEN_FOLDER) and not path.endswith(".json")
        if path in OPEN_PATHS or is_page or scope["method"] == "OPTIONS":
            return
        client = scope["client"][0] if scope.get("client") else ""
        if self._keys is not None:
            client = self._keys.name_of(Headers(scope=scope))
            if client is None:
                raise ApiError(
                    401,
                    "the API key is missing or wrong",
                    code="invalid_api_key",
                    headers={"WWW-Authenticate": "Bearer"},
                )
            scope["gateway.client"] = client
        seconds = self._rate_limit.seconds_to_wait(client)
        if seconds:
            raise ApiError(
                429,
                f"too many requests; try again in {seconds} s",
                code="rate_limit_exceeded",
                headers={"Retry-After": str(seconds)},
            )
        length = Headers(scope=scope).get("content-length", "0")
        if not length.isdecimal() or int(length) > self._max_body_bytes:
            raise self._too_large()

    def _too_large(self):
        return ApiError(413, f"the body has more than {self._max_body_bytes} bytes", code="request_too_large")

    def _limited(self, scope, receive):
        size = 0

        async def limited():
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > self._max_body_bytes:
                raise self._too_large()
            return message

        return limited

    def _line(self, scope, route, request_id, status, seconds):
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "request_id": request_id,
            "method": scope["method"],
            "route": route,
            "status": status,
            "milliseconds": round(1000 * seconds, 1),
        }
        if scope["gateway.client"] is not None:
            line["key"] = scope["gateway.client"]
        if "gateway.model" in scope:
            line["model"] = scope["gateway.model"]
        if "gateway.tokens" in scope:
            line["prompt_tokens"], line["completion_tokens"] = scope["gateway.tokens"]
        return line
