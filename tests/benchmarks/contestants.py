"""Contestants of a benchmark: processes on the same cores that take turns, so that all see the same machine.

Each contestant is a process of its own, with its own memory, libraries and threads. It is made ready first (imports,
compilation, rounds that do not count); then all of them run one round after the other, A B C A B C, while the others
sleep. All are pinned to the same CPU cores and tell their libraries to use as many threads.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from zoo.errors import UserError

# Threads of OpenMP and Eigen go on spinning for some tenths of a second after their last piece of work.
SETTLE_SECONDS = 0.5


class Round(NamedTuple):
    """One round of one contestant: wall and CPU seconds, and what its function returned."""

    wall_seconds: float
    cpu_seconds: float
    result: dict


class Contestant:
    """A process that does a round of work whenever it is told to.

    Args:
        name: What tables call it.
        work: "module:function" in this folder; see `contestant_process.py`.
        options: Keyword arguments of the function, plain values.
        threads: CPU cores to be pinned to, and threads that libraries may use.
        environment: Environment variables of the process.
        warm_up: Arguments of each round that does not count; they are run before the constructor returns, so that
            compilation has the machine to itself.

    Attributes:
        warm_up_rounds: What those rounds gave.
    """

    def __init__(self, name, work, options, threads, environment=None, warm_up=({},)):
        self.name = name
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("contestant_process.py"))],
            env={**os.environ, "OMP_NUM_THREADS": str(threads), "TF_CPP_MIN_LOG_LEVEL": "2", **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        start = time.perf_counter()
        self._ask({"work": work, "options": options, "threads": threads})
        self.warm_up_rounds = [self.run_round(**arguments) for arguments in warm_up]
        print(f"{name} is ready after {time.perf_counter() - start:.0f} s", file=sys.stderr)

    def run_round(self, **arguments):
        """One `Round`."""
        return Round(*self._ask({"round": arguments}))

    def finish(self):
        """Ends the process and returns its peak memory in MiB."""
        peak = self._ask({"finish": True})
        self._process.communicate()
        return peak

    def _ask(self, order):
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise UserError(f"{self.name}: its process ended with exit code {self._process.wait()}; see above why")
        return json.loads(answer)


def take_turns(contestants, rounds, **arguments):
    """Runs `rounds` rounds of every contestant, in turns; returns the list of `Round`s by name."""
    done = {contestant.name: [] for contestant in contestants}
    for _ in range(rounds):
        for contestant in contestants:
            time.sleep(SETTLE_SECONDS)
            done[contestant.name].append(contestant.run_round(**arguments))
    return done


def median(rounds, quantity):
    """The median over rounds of `quantity(round)`."""
    return statistics.median(quantity(entry) for entry in rounds)


def median_ratio(rounds, reference, quantity):
    """The median over rounds of the ratio of `quantity(round)`, each round against the reference's of the same turn."""
    return statistics.median(quantity(entry) / quantity(other) for entry, other in zip(rounds, reference, strict=True))
