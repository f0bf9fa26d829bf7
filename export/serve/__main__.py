"""Command line of the local server: `python -m export.serve SERVING_DIR`."""

import logging
import sys
from pathlib import Path
from typing import Annotated

import tyro

from export.serve.requirements import require_serving_extra
from export.serve.stop_signals import stop_event
from zoo.errors import command_line


def serve(
    serving_dir: Annotated[Path | None, tyro.conf.Positional, tyro.conf.arg(metavar="SERVING_DIR")] = None,
    /,
    *,
    rest_port: int = 8501,
    port: int = 8500,
    model_name: str | None = None,
    poll_seconds: float = 1.0,
    host: str = "127.0.0.1",
    model_config_file: Path | None = None,
    rest_timeout_seconds: float = 30.0,
    batching_parameters_file: Path | None = None,
) -> None:
    """Answers TensorFlow Serving's REST and gRPC requests on this machine, for trying and testing.

    Args:
        serving_dir: Folder of integer version folders, as `python -m export` writes it.
        rest_port: Port of the REST API; 0 takes a free one.
        port: Port of the gRPC API; 0 takes a free one.
        model_name: Name of the model in requests; the folder's name by default.
        poll_seconds: Seconds between looks for new versions; 0 looks only at the start.
        host: Address to listen on.
        model_config_file: ModelServerConfig text file with the models, instead of SERVING_DIR.
        rest_timeout_seconds: REST predictions that take longer fail with 504.
        batching_parameters_file: File of a server with batching, such as SERVING_DIR/batching_params.pbtxt: requests
            that it would refuse, such as larger ones than max_batch_size, are refused here too.
    """
    require_serving_extra()
    from export.serve.local_server import LocalServer

    server = LocalServer(
        serving_dir,
        model_name=model_name,
        model_config_file=model_config_file,
        rest_port=rest_port,
        grpc_port=port,
        host=host,
        poll_seconds=poll_seconds,
        rest_timeout_seconds=rest_timeout_seconds,
        batching_parameters_file=batching_parameters_file,
    )
    with server:
        stop = stop_event()
        for name in server.manager.model_names:
            _announce(server, name)
        stop.wait()
        print("stopping", flush=True)


def _announce(server, name):
    versions = server.manager.available_versions(name)
    what = f"version {', '.join(map(str, versions))}" if versions else "no version yet, waiting for one"
    print(f"{name} ({what})", flush=True)
    print(f"  REST {server.rest_url}/v1/models/{name}:predict  gRPC {server.grpc_address}", flush=True)


@command_line
def main(argv=None):
    """Runs the command line; returns when the server was told to stop."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logging.getLogger("export.serve").setLevel(logging.INFO)
    tyro.cli(serve, prog="python -m export.serve", args=argv)


if __name__ == "__main__":
    main()
