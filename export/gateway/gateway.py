"""The gateway: started and stopped like the local server."""

import sys
from typing import Any, Self

from export.gateway.api_keys import ApiKeys
from export.gateway.application import application
from export.gateway.gateway_options import GatewayOptions
from export.gateway.grpc_backend import GrpcBackend
from export.gateway.metrics import Metrics
from export.gateway.rate_limit import RateLimit
from export.serve.http_server import HttpServer
from zoo.errors import UserError


class Gateway:
    """OpenAI's API, a reranker's and KServe's V2 in front of one TensorFlow Serving.

    Args:
        server: `host:port` of the server's gRPC API.
        models: Names of its models that may be asked.
        host: Address to listen on.
        port: 0 takes a free one.
        options: `GatewayOptions`; the defaults if None.
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
        options: GatewayOptions | None = None,
        log: Any = None,
    ):
        models, options = tuple(models), options or GatewayOptions()
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
