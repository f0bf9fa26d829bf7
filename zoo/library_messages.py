"""What libraries say on standard error when they start, kept from the users of commands."""

import logging
import os
import re
import signal
import sys

_LEVEL = "TF_CPP_MIN_LOG_LEVEL"

# TensorFlow writes some messages when its libraries are loaded, before it reads the level that was asked for; the
# SentencePiece in TensorFlow Text has no level at all.
_HIDDEN = re.compile(
    rb"WARNING: All log messages before absl::InitializeLog\(\) is called are written to STDERR"
    rb"|[IW]\d{4} [\d:.]+ +\d+ [\w.-]+:\d+\] "
    rb"|E\d{4} [\d:.]+ +\d+ \w+\.(cc|h):\d+\] (failed call to cuInit|Unable to register cu\w+ (factory|plugin)"
    rb"|computation placer already registered)"
    rb"|To enable the following instructions: "
    rb"|\w+\.cc\(\d+\) LOG\((INFO|WARNING)\)"
)


def hide_library_messages():
    """Sets quiet levels for libraries that have not been imported yet; what the environment has is left as it is."""
    os.environ.setdefault(_LEVEL, "3")
    if os.environ[_LEVEL] == "3":
        logging.getLogger("tensorflow").setLevel(logging.ERROR)


def filter_standard_error():
    """Lets a process of its own pass on what libraries write to the descriptor of standard error, less their notes.

    `sys.stderr` goes on writing to where it did. With a level below 3 in TF_CPP_MIN_LOG_LEVEL nothing is left out, and
    nothing happens in a program that has put a stream of its own in the place of `sys.stderr`.
    """
    if os.environ[_LEVEL] != "3" or not hasattr(os, "fork") or sys.stderr is not sys.__stderr__:
        return
    sys.stderr.flush()
    original = os.dup(2)
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.close(writing)
        _pass_on(reading, original)
    os.close(reading)
    os.dup2(writing, 2)
    os.close(writing)
    sys.stderr = os.fdopen(original, "w", buffering=1, encoding=sys.stderr.encoding, errors=sys.stderr.errors)


def _pass_on(reading, target):
    """Copies lines until the last process that could write one has ended, then ends."""
    # Signals to all processes of the command are for the others, which may have something to say about them.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    # Whoever reads what the command prints must not wait for this process.
    os.close(0)
    os.close(1)
    with os.fdopen(reading, "rb") as lines:
        for line in lines:
            if not _HIDDEN.match(line):
                os.write(target, line)
    os._exit(0)
