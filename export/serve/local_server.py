"""The local server: models, REST and gRPC, started and stopped together."""

import contextlib
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import grpc
import uvicorn

from export.directories import check_served_directory
from export.serve.batching import read_batching
from export.serve.grpc_services import add_services
from export.serve.model_config import read_model_config, single_model_config
from export.serve.model_manager import ModelManager
from export.serve.rest import RestApi
from export.serve.status import ServingError
from zoo.errors import UserError

_GRPC_THREADS = 32
_STOP_SECONDS = 30


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
        self._rest = self._rest_thread = self._grpc = None
        self.rest_url = self.grpc_address = None

    def start(self) -> Self:
        """Takes the ports, loads the models and begins to answer; returns self.

        A model that cannot be loaded, or a folder with no version yet, does not stop the start: the server waits for a
        version that works.

        Raises:
            UserError: a port is taken or the host is not of this machine.
        """
        rest_socket = _bind(self._host, self._rest_port, "--rest-port")
        with contextlib.ExitStack() as failure:
            failure.callback(self.stop)
            failure.callback(rest_socket.close)
            self._start_grpc()
            self.manager.start()
            self._start_rest(rest_socket)
            failure.pop_all()
        return self

    def stop(self) -> None:
        """Lets the requests inside finish, then frees the ports and the models."""
        if self._rest_thread is not None:
            self._rest.should_exit = True
            self._rest_thread.join()
            self._rest_thread = None
        if self._grpc is not None:
            self._grpc.stop(grace=_STOP_SECONDS).wait()
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
        probe = _bind(self._host, self._grpc_port, "--port")
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
        self.grpc_address = f"{_bracketed(self._host)}:{port}"
        self._grpc.add_insecure_port(self.grpc_address)

    def _start_rest(self, rest_socket):
        add_services(self._grpc, self.manager)
        self._grpc.start()
        config = uvicorn.Config(
            RestApi(self.manager, self._rest_timeout_seconds),
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=_STOP_SECONDS,
        )
        self._rest = uvicorn.Server(config)
        self._rest_thread = threading.Thread(
            target=self._rest.run, kwargs={"sockets": [rest_socket]}, name="serve-rest", daemon=True
        )
        self._rest_thread.start()
        while not self._rest.started and self._rest_thread.is_alive():
            time.sleep(0.01)
        self.rest_url = f"http://{_bracketed(self._host)}:{rest_socket.getsockname()[1]}"


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


def _bind(host, port, flag):
    """Returns a bound socket that does not listen yet, so that clients are refused until the models are loaded."""
    if not 0 <= port <= 65535:
        raise UserError(f"{flag} {port} is no port number; give 0 to 65535")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror as error:
        raise UserError(f"--host {host} is unknown on this machine: {error.strerror}") from error
    bound = socket.socket(family, kind, protocol)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise UserError(
            f"cannot listen on {host} port {port}: {error.strerror}; "
            f"stop the program that uses it or choose another with {flag}"
        ) from error
    return bound


def _bracketed(host):
    return f"[{host}]" if ":" in host else host
