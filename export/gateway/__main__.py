"""Command line of the gateway: `python -m export.gateway HOST:PORT --models NAME`."""

import sys
from dataclasses import dataclass
from typing import Annotated

import tyro

from export.gateway.gateway_options import GatewayOptions
from export.gateway.requirements import require_gateway_extra
from export.serve.stop_signals import stop_event
from zoo.errors import command_line


@dataclass(frozen=True, kw_only=True)
class GatewayConfig(GatewayOptions):
    """Answers the requests of OpenAI's API, of rerankers and of KServe's V2 by a TensorFlow Serving behind it."""

    server: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="HOST:PORT")]
    """HOST:PORT of the server's gRPC API."""
    models: tuple[str, ...]
    """Names of the server's models that may be asked."""
    port: int = 8600
    """Port to listen on; 0 takes a free one."""
    host: str = "127.0.0.1"
    """Address to listen on."""


@command_line
def main(argv=None):
    """Runs the command line; returns when the gateway was told to stop."""
    config = tyro.cli(GatewayConfig, args=argv, prog="python -m export.gateway")
    require_gateway_extra()
    from export.gateway.gateway import Gateway

    gateway = Gateway(config.server, config.models, host=config.host, port=config.port, options=config)
    with gateway:
        stop = stop_event()
        # Standard output has the log alone, lines of JSON.
        print(f"OpenAI {gateway.url}/v1  KServe {gateway.url}/v2  server {config.server}", file=sys.stderr, flush=True)
        stop.wait()


if __name__ == "__main__":
    main()
