import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_trains_without_tensorflow(tmp_path, backend):
    pytest.importorskip(backend)
    # Found missing, as on a machine without it.
    (tmp_path / "tensorflow.py").write_text("raise ImportError('tensorflow is not to be imported')\n")
    environment = {**os.environ, "KERAS_BACKEND": backend}
    environment["PYTHONPATH"] = os.pathsep.join([str(tmp_path), str(HERE.parents[2]), str(HERE)])
    done = subprocess.run(
        [sys.executable, HERE / "backend_run.py", tmp_path], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.split() == [backend, "False"]
