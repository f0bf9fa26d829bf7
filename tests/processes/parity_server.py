"""Runs `export.parity_process` in forks of itself, which have TensorFlow imported already.

    python parity_server.py SOCKET

Importing is half of what the check of a tiny model takes. What is imported here is what such a process imports, zoo and
Keras cannot be imported here either, and no operation has run, so that a fork is as good as a new process. A message is
a list in JSON, the working directory, the environment and the arguments, and brings the descriptors for standard output
and standard error; the answer is a byte, the exit status. `sitecustomize.py` asks. Ends with its standard input.
"""

import json
import os
import select
import socket
import sys

LONGEST_MESSAGE = 1 << 20


def main(path):
    from export import parity_process

    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
        listening.bind(path)
        listening.listen()
        print("ready", flush=True)
        while listening in select.select([listening, sys.stdin], [], [])[0]:
            connection, _ = listening.accept()
            with connection:
                message, descriptors, *_ = socket.recv_fds(connection, LONGEST_MESSAGE, 2)
                child = os.fork()
                if child == 0:
                    return run(parity_process, *json.loads(message), *descriptors)
                for descriptor in descriptors:
                    os.close(descriptor)
                _, status = os.waitpid(child, 0)
                connection.send(bytes([os.waitstatus_to_exitcode(status) % 256]))


def run(parity_process, directory, environment, arguments, stdout, stderr):
    """Becomes the process; raises what it raises."""
    for descriptor, place in ((stdout, 1), (stderr, 2)):
        os.dup2(descriptor, place)
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    parity_process.main(arguments)


if __name__ == "__main__":
    main(sys.argv[1])
