"""How servers of the command line are told to stop."""

import signal
import threading


def stop_event() -> threading.Event:
    """An event that the first SIGINT or SIGTERM from now on sets; a second one ends the process at once."""
    stop = threading.Event()

    def on_signal(number, frame):
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        stop.set()

    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    return stop
