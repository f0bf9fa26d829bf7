"""What the gateway counts for Prometheus."""

import prometheus_client
from starlette.responses import Response

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)


class Metrics:
    """Counters of one gateway."""

    def __init__(self):
        self._registry = prometheus_client.CollectorRegistry()

        def made(kind, name, about, labels, **options):
            return kind(f"gateway_{name}", about, labels, registry=self._registry, **options)

        counter, histogram = prometheus_client.Counter, prometheus_client.Histogram
        self._requests = made(counter, "requests", "Requests by route and status.", ("route", "status"))
        self._seconds = made(
            histogram, "request_seconds", "Time until the last byte of an answer.", ("route",), buckets=_SECONDS
        )
        self._calls = made(counter, "server_calls", "Predictions by signature and code.", ("signature", "code"))
        self._call_seconds = made(
            histogram, "server_call_seconds", "Time of predictions.", ("signature",), buckets=_SECONDS
        )
        self._tokens = made(counter, "tokens", "Tokens of prompts and of answers.", ("kind",))
        self._open = made(prometheus_client.Gauge, "requests_open", "Requests that are being answered.", ())

    def begin(self):
        """A request has come."""
        self._open.inc()

    def end(self, route, status, seconds):
        """The request is answered."""
        self._open.dec()
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def observe_call(self, signature, code, seconds):
        """The server has answered, or failed."""
        self._calls.labels(signature, code).inc()
        self._call_seconds.labels(signature).observe(seconds)

    def count_tokens(self, prompt, answer):
        """Tokens have been read and written."""
        self._tokens.labels("prompt").inc(prompt)
        self._tokens.labels("answer").inc(answer)

    async def respond(self, request):
        """The answer to `GET /metrics`."""
        return Response(
            prometheus_client.generate_latest(self._registry), media_type=prometheus_client.CONTENT_TYPE_LATEST
        )
