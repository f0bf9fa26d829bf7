"""Command line of the gateway: `python -m export.gateway HOST:PORT --models NAME`."""

import signal
import sys
import threading
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated

import tyro

from export.gateway.requirements import require_gateway_extra
from zoo.errors import command_line


@dataclass(frozen=True)
class GatewayConfig:
    """Answers the requests of OpenAI's API, of rerankers and of KServe's V2 by a TensorFlow Serving behind it.

    Attributes:
        server: HOST:PORT of the server's gRPC API.
        models: Names of the server's models that may be asked.
        port: Port to listen on; 0 takes a free one.
        host: Address to listen on.
        api_keys: File with one API key a line, or a name and a key; without it anybody may ask.
        requests_per_minute: Most requests of a key, or without keys of an address; 0 for any number.
        max_body_bytes: Largest body of a request.
        max_message_bytes: Largest message to and from the server.
        timeout_seconds: Longest wait for a call of the server, its repetitions included.
        tokens_at_a_time: Tokens of a part of a stream: more are faster in all, fewer come more smoothly.
        max_batch_size: Most pairs of a rerank request in a call of the server.
        allow_origins: Web pages of these origins may ask from browsers, such as https://example.org.
    """

    server: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="HOST:PORT")]
    models: tuple[str, ...]
    port: int = 8600
    host: str = "127.0.0.1"
    api_keys: Path | None = None
    requests_per_minute: int = 0
    max_body_bytes: int = 2**20
    max_message_bytes: int = 64 * 2**20
    timeout_seconds: float = 60.0
    tokens_at_a_time: int = 8
    max_batch_size: int = 32
    allow_origins: tuple[str, ...] = ()


@command_line
def main(argv=None):
    """Runs the command line; returns when the gateway was told to stop."""
    config = tyro.cli(GatewayConfig, args=argv, prog="python -m export.gateway")
    require_gateway_extra()
    from export.gateway.gateway import Gateway, GatewayOptions

    options = GatewayOptions(**{field.name: getattr(config, field.name) for field in fields(GatewayOptions)})
    gateway = Gateway(config.server, config.models, host=config.host, port=config.port, options=options)
    stop = threading.Event()

    def on_signal(number, frame):
        # A second signal ends the process at once.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        stop.set()

    with gateway:
        signal.signal(signal.SIGINT, on_signal)
        signal.signal(signal.SIGTERM, on_signal)
        # Standard output has the log alone, lines of JSON.
        print(f"OpenAI {gateway.url}/v1  KServe {gateway.url}/v2  server {config.server}", file=sys.stderr, flush=True)
        stop.wait()


if __name__ == "__main__":
    main()
