"""The local server: models, REST and gRPC, started and stopped together."""

import contextlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import grpc

from export.directories import check_served_directory
from export.serve.application import local_application
from export.serve.batching import read_batching
from export.serve.grpc_services import add_services
from export.serve.http_server import STOP_SECONDS, HttpServer, bind, bracketed
from export.serve.model_config import read_model_config, single_model_config
from export.serve.model_manager import ModelManager
from export.serve.status import ServingError
from zoo.errors import UserError

_GRPC_THREADS = 32


class LocalServer:
    """TensorFlow Serving's REST and gRPC API for one folder of versions, or for the models of a config file.

    Args:
        base_path: A folder of integer version folders; None with `model_config_file`.
        model_name: The model's name in requests; the folder's name by default.
        model_config_file: A `ModelServerConfig` text file, instead of `base_path`.
        rest_port: Port of the REST API; 0 takes a free one.
        grpc_port: Port of the gRPC API; 0 takes a free one.
        host: Address to listen on.
        poll_seconds: Seconds between looks for new versions; 0 looks only at the start.
        rest_timeout_seconds: REST predictions that take longer fail with 504.
        batching_parameters_file: A `BatchingParameters` text file: requests are refused that a server with
            `--enable_batching` and this file refuses. Nothing is batched.

    Attributes:
        rest_url: `http://host:port`, once started.
        grpc_address: `host:port`, once started.
        manager: `ModelManager`.

    Raises:
        UserError: the folder or the config file cannot be served, or a port is taken.

    Example:
        ```python
        with LocalServer("serving/translation") as server:
            url = f"{server.rest_url}/v1/models/translation:predict"
        ```
    """

    def __init__(
        self,
        base_path: str | Path | None = None,
        *,
        model_name: str | None = None,
        model_config_file: str | Path | None = None,
        rest_port: int | None = 0,
        grpc_port: int | None = 0,
        host: str = "127.0.0.1",
        poll_seconds: float = 1.0,
        rest_timeout_seconds: float = 30.0,
        batching_parameters_file: str | Path | None = None,
    ):
        config, origin = _model_config(base_path, model_name, model_config_file)
        if poll_seconds < 0:
            raise UserError(f"--poll-seconds {poll_seconds:g} is negative; give seconds, or 0 to look only once")
        if rest_timeout_seconds <= 0:
            raise UserError(f"--rest-timeout-seconds {rest_timeout_seconds:g} must be more than 0")
        batching = None if batching_parameters_file is None else read_batching(batching_parameters_file)
        try:
            self.manager = ModelManager(config, poll_seconds, batching)
        except ServingError as error:
            raise UserError(f"{origin}: {error.message}") from error
        self._host, self._rest_port, self._grpc_port = host, rest_port, grpc_port
        self._rest_timeout_seconds = rest_timeout_seconds
        self._rest = self._grpc = None
        self.rest_url = self.grpc_address = None

    def start(self) -> Self:
        """Takes the ports, loads the models and begins to answer; returns self.

        A model that cannot be loaded, or a folder with no version yet, does not stop the start: the server waits for a
        version that works.

        Raises:
            UserError: a port is taken or the host is not of this machine.
        """
        self._rest = HttpServer(self._host, self._rest_port, "--rest-port")
        with contextlib.ExitStack() as failure:
            failure.callback(self.stop)
            self._start_grpc()
            self.manager.start()
            add_services(self._grpc, self.manager)
            self._grpc.start()
            self._rest.start(local_application(self.manager, self._rest_timeout_seconds))
            self.rest_url = self._rest.url
            failure.pop_all()
        return self

    def stop(self) -> None:
        """Lets the requests inside finish, then frees the ports and the models."""
        if self._rest is not None:
            self._rest.stop()
            self._rest = None
        if self._grpc is not None:
            self._grpc.stop(grace=STOP_SECONDS).wait()
            self._grpc = None
        self.manager.stop()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def wait_until_available(
        self, model_name: str | None = None, version: Any = None, timeout_seconds: float = 60.0
    ) -> bool:
        """Waits for a version of a model.

        Args:
            model_name: The only model by default.
            version: A version number; any version by default.
            timeout_seconds: How long to wait.

        Returns:
            Whether it became available in time.
        """
        name = model_name or self.manager.model_names[0]
        return self.manager.wait_until_available(name, version, timeout_seconds)

    def _start_grpc(self):
        # The port is tried with a plain socket first: gRPC logs C++ errors of its own when it is taken.
        probe = bind(self._host, self._grpc_port, "--port")
        port = probe.getsockname()[1]
        probe.close()
        self._grpc = grpc.server(
            ThreadPoolExecutor(max_workers=_GRPC_THREADS, thread_name_prefix="serve-grpc"),
            options=[
                ("grpc.so_reuseport", 0),
                ("grpc.max_receive_message_length", -1),
                ("grpc.max_send_message_length", -1),
            ],
        )
        self.grpc_address = f"{bracketed(self._host)}:{port}"
        self._grpc.add_insecure_port(self.grpc_address)


def _model_config(base_path, model_name, model_config_file):
    """Returns the `ModelServerConfig` and what to call its origin in messages."""
    if (base_path is None) == (model_config_file is None):
        raise UserError("give either SERVING_DIR or --model-config-file")
    if model_config_file is not None:
        if model_name is not None:
            raise UserError("--model-name goes with SERVING_DIR; with --model-config-file the file names the models")
        return read_model_config(model_config_file), str(model_config_file)
    path = Path(base_path).resolve()
    if not path.is_dir():
        raise UserError(f"{base_path}: no such folder; give the folder that holds the version folders (1, 2, ...)")
    check_served_directory(base_path)
    return single_model_config(model_name or path.name, path), str(base_path)
