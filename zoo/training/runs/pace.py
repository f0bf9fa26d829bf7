"""How fast a run goes: what an update takes, and what validations and checkpoints take between updates."""

from collections import deque

# Updates that count. Batches differ in length, so that it takes some; and a machine gets other work.
_RECENT = 100


class Pace:
    """Measures one process. Steps that compile or trace are left out, since those to come will not.

    Attributes:
        seconds_between: Seconds that the last validation and the last checkpoint took, a dict by "validation" and
            "checkpoint".
    """

    def __init__(self):
        self._recent = deque(maxlen=_RECENT)
        self.seconds_between = {"validation": 0.0, "checkpoint": 0.0}

    def add_step(self, seconds):
        """Counts an update that took `seconds`."""
        self._recent.append(seconds)

    @property
    def seconds_per_step(self):
        """Mean over the last updates; None before the first."""
        return sum(self._recent) / len(self._recent) if self._recent else None

    def state_dict(self):
        """What a checkpoint keeps, as JSON values."""
        return {"recent": list(self._recent), "between": dict(self.seconds_between)}

    def load_state_dict(self, state):
        """Takes back what `state_dict` gave."""
        self._recent = deque(state["recent"], maxlen=_RECENT)
        self.seconds_between = dict(state["between"])
