"""A write that is killed at any of its steps leaves whole checkpoints alone."""

import os
import shutil
import signal
import sys

import numpy as np
import pytest
from fork_server import context

from zoo.training.runs.checkpoint_files import (
    checkpoint_paths,
    checkpoint_step,
    read_arrays,
    read_state,
    remove_partial_checkpoints,
    write_checkpoint,
)

# What a write asks of the file system. Closing and waiting for the disk are not seen, but what comes after them is.
EVENTS = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.scandir", "shutil.rmtree")


def write_until(directory, step, value, count):
    """Writes a checkpoint and is killed before its `count`-th request of the file system, if it has so many."""

    def kill_at_last(event, _):
        nonlocal count
        if event in EVENTS:
            count -= 1
            if count == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(kill_at_last)
    write_checkpoint(directory, step, {"model": [np.full(3, value)]}, {"value": value})


def values(directory):
    """What each of the checkpoints holds, by step; fails for one that is not whole."""
    found = {}
    for path in checkpoint_paths(directory):
        (array,) = read_arrays(path, "model")
        found[checkpoint_step(path)] = read_state(path)["value"]
        np.testing.assert_array_equal(array, np.full(3, found[checkpoint_step(path)]))
    return found


@pytest.mark.parametrize("before", [{3: 0.0}, {3: 0.0, 6: 1.0}], ids=["new", "of a step that has one"])
def test_killed_before_each_request_of_the_file_system(tmp_path, before):
    outcomes = []
    while not outcomes or outcomes[-1][0] != 0:
        directory = tmp_path / "checkpoints"
        shutil.rmtree(directory, ignore_errors=True)
        for step, value in before.items():
            write_checkpoint(directory, step, {"model": [np.full(3, value)]}, {"value": value})
        process = context.Process(target=write_until, args=(directory, 6, 2.0, 1 + len(outcomes)))
        process.start()
        process.join()
        values(directory)
        remove_partial_checkpoints(directory)
        assert not list(directory.glob(".partial*"))
        outcomes.append((process.exitcode, values(directory)))
    codes, found = zip(*outcomes, strict=True)
    assert codes[:-1] == (-signal.SIGKILL,) * (len(codes) - 1) and len(codes) > 8
    # Nothing is ever lost: first there is what was before, and from some request on what was written.
    turn = found.index({3: 0.0, 6: 2.0})
    assert turn > 4 and set(map(str, found[:turn])) == {str(before)} and set(map(str, found[turn:])) == {str(found[-1])}
