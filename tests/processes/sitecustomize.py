"""Python imports this when it starts a process of a test, whose PYTHONPATH the tests' `conftest.py` has set.

Such a process lives for seconds, most of which go into importing and tracing. Both allocate much and leave little
garbage, which Python would look for all the time, and once more at its end.
"""

import atexit
import gc

gc.set_threshold(100_000, 50, 100)
atexit.register(gc.freeze)
