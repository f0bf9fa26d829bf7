"""Lets the workers of a cluster meet before TensorFlow or JAX does.

For one that never comes TensorFlow waits without an end, and JAX ends in a stack trace.
"""

import contextlib
import socket
import time

from zoo.errors import UserError

_MOST_BYTES = 1024
_GO = b"go"


def meet(own, others, seconds):
    """Returns once this worker has reached all others and heard from all of them.

    Each worker listens at its address and sends it to the others. One that has heard from all needs its port no longer,
    since all have reached it; TensorFlow can take it then.

    Args:
        own: "host:port" of this worker, as the others know it.
        others: Addresses of the others.
        seconds: How long to wait.

    Raises:
        UserError: The port is taken, or somebody did not come; the message names them.
    """
    unreached, unheard = set(others), set(others)
    deadline = time.monotonic() + seconds
    with _listening(own) as server:
        while unreached or unheard:
            if time.monotonic() > deadline:
                raise UserError(_missing(unreached, unheard, seconds))
            unreached -= {address for address in unreached if _greet(address, own)}
            unheard.discard(_next_greeting(server))


def meet_at_first(address, index, count, seconds):
    """As `meet`, for workers that know the address of the first of them only.

    The first listens there, hears the number of every other, and lets them all go.

    Args:
        address: "host:port" of the first worker, as the others know it.
        index: Number of this worker, 0 for the first.
        count: Number of workers.
        seconds: How long to wait.

    Raises:
        UserError: The port is taken, or somebody did not come; the message names them.
    """
    deadline = time.monotonic() + seconds
    if index == 0:
        _gather(address, count, seconds, deadline)
        return
    while not _let_go(address, index, deadline):
        if time.monotonic() > deadline:
            raise UserError(
                f"worker {index} was not let in by worker 0 at {address} within {seconds:.0f} seconds. Start all "
                f"{count} with the same address, each with its own number, and open the port"
            )
        time.sleep(0.1)


def _gather(address, count, seconds, deadline):
    waiting = {}
    with contextlib.ExitStack() as connections, _listening(address) as server:
        while len(waiting) < count - 1:
            if time.monotonic() > deadline:
                missing = ", ".join(str(each) for each in range(1, count) if each not in waiting)
                raise UserError(
                    f"of {count} workers these did not come to {address} within {seconds:.0f} seconds: {missing}. "
                    "Start all with the same address, each with its own number, and open the port"
                )
            try:
                connection, _ = server.accept()
                connections.enter_context(connection)
                connection.settimeout(1.0)
                waiting[int(connection.recv(_MOST_BYTES))] = connection
            except (OSError, ValueError):
                continue
        for connection in waiting.values():
            connection.sendall(_GO)


def _let_go(address, index, deadline):
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=1.0) as connection:
            connection.sendall(str(index).encode())
            connection.settimeout(max(deadline - time.monotonic(), 0.1))
            return connection.recv(_MOST_BYTES) == _GO
    except OSError:
        return False


def _listening(own):
    port = int(own.rpartition(":")[2])
    try:
        server = socket.create_server(("", port))
    except OSError as error:
        raise UserError(
            f"this worker cannot listen at {own} ({error.strerror}): free the port or name another"
        ) from error
    server.settimeout(0.1)
    return server


def _greet(address, own):
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=1.0) as connection:
            connection.sendall(own.encode())
    except OSError:
        return False
    return True


def _next_greeting(server):
    """The address that somebody sent, or None if nobody did."""
    try:
        connection, _ = server.accept()
        with connection:
            connection.settimeout(1.0)
            return connection.recv(_MOST_BYTES).decode(errors="replace")
    except OSError:
        return None


def _missing(unreached, unheard, seconds):
    parts = []
    if unreached:
        parts.append(f"not reached: {', '.join(sorted(unreached))}")
    if unheard - unreached:
        parts.append(f"not heard from: {', '.join(sorted(unheard - unreached))}")
    return (
        f"the workers did not meet within {seconds:.0f} seconds; {'; '.join(parts)}. Start all of them with the same "
        "cluster, each with its own task, and open the ports"
    )
