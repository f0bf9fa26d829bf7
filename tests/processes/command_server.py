"""Runs Python commands on a Keras backend in forks of itself, which have the large libraries imported already.

Reads a line of JSON for each: "arguments" (of Python: "-m MODULE ...", "-c PROGRAM ..." or "FILE ..."), "directory",
"environment", "stdout" and "stderr" (files); answers with a line, the exit status. Importing is most of what a small
command costs. No operation has run here, so that a fork is as good as a new process; this project's modules are
imported by the forks.
"""

import ctypes
import importlib
import json
import os
import runpy
import sys
from pathlib import Path

OTHERS = (
    *("h5py", "matplotlib.figure", "matplotlib.backends.backend_agg", "rich.console", "rich.progress", "rich.table"),
    *("sacrebleu", "scipy.stats", "seqeval.metrics", "sklearn.metrics", "sentencepiece", "tokenizers", "tyro"),
)
"""Of what recipes and exports import beside them, the modules that take longest."""


def main():
    import keras
    import tensorflow  # noqa: F401
    import tensorflow_text  # noqa: F401

    importlib.import_module(keras.config.backend())
    for name in OTHERS:
        importlib.import_module(name)

    # What the libraries have said is not for the commands to repeat.
    ctypes.CDLL(None).fflush(None)
    answers = os.dup(1)
    for line in iter(sys.stdin.readline, ""):
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            os.close(answers)
            return run(request)
        _, status = os.waitpid(child, 0)
        os.write(answers, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    return 0


def run(request):
    """Becomes the command; returns its exit status, or raises what it raises."""
    for descriptor, name, mode in ((0, os.devnull, os.O_RDONLY), (1, "stdout", None), (2, "stderr", None)):
        path = name if mode is not None else request[name]
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC if mode is None else mode)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.chdir(request["directory"])
    os.environ.clear()
    os.environ.update(request["environment"])
    kind, *arguments = request["arguments"]
    name = arguments.pop(0) if kind in ("-m", "-c") else kind
    first = {"-m": request["directory"], "-c": ""}.get(kind, str(Path(name).parent))
    searched = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[:1] = [first, *searched]
    sys.argv = ["-c" if kind == "-c" else name, *arguments]
    if kind == "-m":
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    elif kind == "-c":
        exec(compile(name, "<string>", "exec"), {"__name__": "__main__"})
    else:
        runpy.run_path(name, run_name="__main__")
    return 0


if __name__ == "__main__":
    sys.exit(main())
