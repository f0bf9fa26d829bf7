"""A web server in a thread of its own, on a port that is taken before anything else is started."""

import socket
import threading
import time
from typing import Literal

import uvicorn

from zoo.errors import UserError

STOP_SECONDS = 30


class HttpServer:
    """Answers HTTP requests by an ASGI application.

    Args:
        host: Address to listen on.
        port: 0 takes a free one.
        flag: The option that a message about the port names.
        lifespan: Whether the application is told of start and stop.

    Raises:
        UserError: the port is taken or the host is not of this machine.

    Attributes:
        url: `http://host:port`.
    """

    def __init__(self, host, port, flag="--port", lifespan=False):
        self._socket = bind(host, port, flag)
        self._lifespan: Literal["on", "off"] = "on" if lifespan else "off"
        self._server = self._thread = None
        self.url = f"http://{bracketed(host)}:{self._socket.getsockname()[1]}"

    def start(self, application):
        """Begins to answer; until then clients are refused."""
        config = uvicorn.Config(
            application,
            log_config=None,
            access_log=False,
            lifespan=self._lifespan,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="serve-http", daemon=True
        )
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.01)

    def stop(self):
        """Lets the requests inside finish, then frees the port."""
        if self._thread is not None:
            self._server.should_exit = True
            self._thread.join()
            self._thread = None
        self._socket.close()


def bind(host, port, flag):
    """A bound socket that does not listen yet, so that clients are refused until the server is ready.

    Raises:
        UserError: as of `HttpServer`.
    """
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


def bracketed(host):
    """A host as it is written before a port."""
    return f"[{host}]" if ":" in host else host
