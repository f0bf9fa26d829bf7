"""The process of one contestant, started by `contestants.py`; imports nothing but what the contestant itself imports.

Reads one line of JSON, {"work": "module:function", "options": {...}, "threads": n}, pins itself to n CPU cores and
calls `function(**options)`, which imports what it needs and returns a function that does one round of work and returns
a dict of plain values. Each further line is {"round": {...}}, the keyword arguments of a round, or {"finish": true}.
Every line is answered by a line of JSON.
"""

import importlib
import json
import os
import re
import resource
import sys
import time
from pathlib import Path


def peak_memory_mib():
    """Largest resident memory of this process; `ru_maxrss` would begin with that of the parent."""
    status = Path("/proc/self/status")
    if status.is_file():
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main():
    """Serves until the last line."""
    answers = os.fdopen(os.dup(1), "w")
    # What libraries print must not mix with the answers.
    os.dup2(2, 1)

    def answer(value):
        answers.write(json.dumps(value) + "\n")
        answers.flush()

    order = json.loads(sys.stdin.readline())
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: order["threads"]])
    module, function = order["work"].split(":")
    work = getattr(importlib.import_module(module), function)(**order["options"])
    answer("ready")
    for line in sys.stdin:
        order = json.loads(line)
        if "finish" in order:
            answer(peak_memory_mib())
            return
        wall, cpu = time.perf_counter(), time.process_time()
        result = work(**order["round"])
        answer([time.perf_counter() - wall, time.process_time() - cpu, result])


if __name__ == "__main__":
    main()
