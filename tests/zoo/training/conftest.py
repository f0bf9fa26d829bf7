import os
import sys
from pathlib import Path

import pytest

# `tiny_run` is shared by the tests here and by the processes they start.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True, scope="session")
def no_waiting_for_the_disk():
    """On a busy machine a flush takes seconds; the processes that are killed still flush."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield
