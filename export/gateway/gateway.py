"""The gateway: started and stopped like the local server."""

import sys
from dataclasses import dataclass
from typing import Any, Self

from export.gateway.api_keys import ApiKeys
from export.gateway.application import application
from export.gateway.grpc_backend import GrpcBackend
from export.gateway.metrics import Metrics
from export.gateway.rate_limit import RateLimit
from export.serve.http_server import HttpServer
from zoo.errors import UserError
from zoo.ranges import check_range


@dataclass(frozen=True)
class GatewayOptions:
    """What a gateway allows.

    Raises:
        UserError: for an impossible value, naming the option.

    Attributes:
        api_keys: File with one key a line; anybody may ask without it.
        requests_per_minute: Most requests of a key, or without keys of an address; 0 for any number.
        max_body_bytes: Largest body of a request.
        max_message_bytes: Largest message to and from the server.
        timeout_seconds: Longest wait for a call of the server.
        tokens_at_a_time: Tokens of a part of a stream: more are faster in all, fewer come more smoothly.
        max_batch_size: Most pairs of a rerank request in a call of the server.
        allow_origins: Web pages of these origins may ask from browsers, such as https://example.org.
    """

    api_keys: Any = None
    requests_per_minute: int = 0
    max_body_bytes: int = 2**20
    max_message_bytes: int = 64 * 2**20
    timeout_seconds: float = 60.0
    tokens_at_a_time: int = 8
    max_batch_size: int = 32
    allow_origins: tuple[str, ...] = ()

    def __post_init__(self):
        check_range("--requests-per-minute", self.requests_per_minute, least=0)
        for name in ("max_body_bytes", "max_message_bytes", "tokens_at_a_time", "max_batch_size"):
            check_range(f"--{name.replace('_', '-')}", getattr(self, name), least=1)
        if not self.timeout_seconds > 0:
            raise UserError(f"--timeout-seconds must be more than 0, got {self.timeout_seconds:g}")
        for origin in self.allow_origins:
            if origin != "*" and not origin.startswith(("http://", "https://")):
                raise UserError(f"--allow-origins: {origin!r} is no origin; give one such as https://example.org")


class Gateway:
    """OpenAI's API, a reranker's and KServe's V2 in front of one TensorFlow Serving.

    Args:
        server: `host:port` of the server's gRPC API.
        models: Names of its models that may be asked.
        host: Address to listen on.
        port: 0 takes a free one.
        options: `GatewayOptions`.
        log: Called with a line of JSON about each request; None writes it to standard output.

    Raises:
        UserError: for a name that can be no model's, a file of keys that cannot be read, and a port that is taken.

    Attributes:
        url: `http://host:port`.

    Example:
        ```python
        with Gateway("localhost:8500", ["smollm2"]) as gateway:
            client = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="none")
        ```
    """

    def __init__(
        self,
        server: str,
        models: Any,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        options: GatewayOptions = GatewayOptions(),
        log: Any = None,
    ):
        models = tuple(models)
        if not models or any(not name or "/" in name for name in models):
            raise UserError("--models: give the names of the server's models, such as the folder's name of an export")
        _, colon, number = server.rpartition(":")
        if not colon or not number.isdecimal():
            raise UserError(
                f"{server!r} is no address; give HOST:PORT of the server's gRPC API, such as localhost:8500"
            )
        keys = None if options.api_keys is None else ApiKeys(options.api_keys)
        metrics = Metrics()

        def backend():
            return GrpcBackend(server, models, options.timeout_seconds, options.max_message_bytes, metrics.observe_call)

        self._application = application(
            backend,
            metrics,
            keys=keys,
            rate_limit=RateLimit(options.requests_per_minute),
            options=options,
            log=log or _to_standard_output,
        )
        self._http = HttpServer(host, port, lifespan=True)
        self.url = self._http.url

    def start(self) -> Self:
        """Begins to answer, whether or not the server does; returns self."""
        self._http.start(self._application)
        return self

    def stop(self) -> None:
        """Lets the requests inside finish, then frees the port."""
        self._http.stop()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


def _to_standard_output(line):
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
