"""Python imports this when it starts a process of a test, whose PYTHONPATH the tests' `conftest.py` has set.

Such a process lives for seconds, most of which go into importing and tracing. Both allocate much and leave little
garbage, which Python would look for all the time, and once more at its end.
"""

import atexit
import gc
import os
import sys

gc.set_threshold(100_000, 50, 100)
atexit.register(gc.freeze)


def leave_to_server(path, arguments):
    """Ends with the exit status of a fork of `parity_server.py` that has run with these arguments in place of this."""
    import json
    import socket
    from pathlib import Path

    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
        server.connect(path)
        message = json.dumps([str(Path.cwd()), dict(os.environ), arguments])
        socket.send_fds(server, [message.encode()], [1, 2])
        os._exit(server.recv(1)[0])


if sys.orig_argv[1:3] == ["-m", "export.parity_process"] and "PARITY_SERVER" in os.environ:
    leave_to_server(os.environ["PARITY_SERVER"], sys.orig_argv[3:])
