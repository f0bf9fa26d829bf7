"""What a parity check has compared, written into each version."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import tensorflow as tf

SCORE_TOLERANCE = 1e-4
PARITY_FILE = "assets.extra/parity.json"


@dataclass
class ParityReport:
    """What was compared. Written into each version as `assets.extra/parity.json`.

    Attributes:
        requests: requests that were answered and compared with Python.
        rows: rows in them.
        tokens: by signature how many tokens the longest inputs of these requests have, without special ones.
        asked_apart_from: tokens from which inputs were asked one by one, and once, since the model is a large one; None
            if all were asked in batches.
        refusals: requests with controls of the wrong length or outside their bounds, all refused by name.
        row_errors: rows with controls outside their bounds, all answered with an `error` that names the control.
        warm_up_records: warm-up records replayed.
        max_score_difference: largest difference between a served and a Python number, relative to max(1, |Python's|).
        score_tolerance: the limit for it.
        ties: rows that differ by rounding: Python gives both answers.
        tensorflow: the TensorFlow version that checked.
        servers: TensorFlow Serving versions whose operations suffice.
        signatures: input and output names, types and shapes by signature.
        not_served: signatures that the task cannot have, and why, a line each.
    """

    requests: int = 0
    rows: int = 0
    tokens: dict = field(default_factory=dict)
    asked_apart_from: int | None = None
    refusals: int = 0
    row_errors: int = 0
    warm_up_records: int = 0
    max_score_difference: float = 0.0
    score_tolerance: float = SCORE_TOLERANCE
    ties: int = 0
    tensorflow: str = tf.__version__
    servers: tuple = ()
    signatures: dict = field(default_factory=dict)
    not_served: tuple = ()

    def write(self, directory):
        """Writes `assets.extra/parity.json` into a SavedModel's directory."""
        path = Path(directory) / PARITY_FILE
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")
