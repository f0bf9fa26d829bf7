"""Runs this project's commands as a shell does, each in a process of its own."""

import functools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run_python(arguments, directory=ROOT, backend="tensorflow"):
    """Runs `python ARGUMENTS`, as by `subprocess.run(..., capture_output=True, text=True)`.

    The process is a fork of one, kept for each backend, that has imported the large libraries before.

    Args:
        arguments: "-m" and a module, "-c" and a program, or a file; then its arguments.
        directory: Where the command runs.
        backend: Keras backend.

    Returns:
        `subprocess.CompletedProcess`.
    """
    path = os.pathsep.join([str(ROOT), os.environ["PYTHONPATH"]])
    environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"}
    arguments = [str(argument) for argument in arguments]
    with tempfile.TemporaryDirectory() as folder:
        outputs = {name: str(Path(folder) / name) for name in ("stdout", "stderr")}
        request = {"arguments": arguments, "directory": str(directory), "environment": environment, **outputs}
        server = _server(backend)
        server.stdin.write(json.dumps(request) + "\n")
        server.stdin.flush()
        status = int(server.stdout.readline())
        texts = [Path(path).read_text(encoding="utf-8") for path in outputs.values()]
    return subprocess.CompletedProcess([sys.executable, *arguments], status, *texts)


def run_script(arguments, backend):
    """Runs a file as `run_python` does, but in a process where TensorFlow is imported on its own backend alone."""
    if backend == "tensorflow":
        return run_python(arguments, backend=backend)
    path = os.pathsep.join([str(ROOT), os.environ["PYTHONPATH"]])
    environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=500)


@functools.cache
def _server(backend):
    # It ends with this process, which holds the other end of its input.
    return subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("command_server.py"))],
        env={
            **os.environ,
            "KERAS_BACKEND": backend,
            "TF_CPP_MIN_LOG_LEVEL": "3",
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
