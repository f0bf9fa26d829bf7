"""Notices that the process was told to end, so that it can write a checkpoint first."""

import os
import signal
import threading


class Preemption:
    """Within this context SIGTERM is remembered, and has its usual effect when the context ends.

    Clusters send it before they take a machine away. Outside the main thread, where Python lets nobody catch signals,
    nothing is noticed and SIGTERM ends the process as ever.

    Attributes:
        noticed: Whether the signal came; may be set, to end this process as if it had.
    """

    def __init__(self):
        self.noticed = False

    def __enter__(self):
        self._caught = threading.current_thread() is threading.main_thread()
        if self._caught:
            self._before = signal.signal(signal.SIGTERM, self._notice)
        return self

    def _notice(self, number, frame):
        self.noticed = True

    def __exit__(self, *error):
        if self._caught:
            signal.signal(signal.SIGTERM, self._before)
            if self.noticed:
                os.kill(os.getpid(), signal.SIGTERM)
