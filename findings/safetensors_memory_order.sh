#!/bin/sh
# safetensors 0.8.0: saving a transposed NumPy array writes other numbers.
#
# `safetensors.numpy.save_file` (and `save`) writes an array's memory as it lies, under the shape that the array shows.
# A transposed or strided view, or an array in Fortran order, therefore loads with its numbers in other places, without
# an error or a warning. 0.7.0 wrote the numbers of the array. The docstring of both versions asks for contiguous
# tensors; nothing checks it. Reported to the project as its issue 825.
#
# Run with Python 3.11 on Linux x86-64: safetensors 0.7.0 and 0.8.0, numpy 2.4.6. Output:
#   0.7.0 saved [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]] loaded [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]
#   0.8.0 saved [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]] loaded [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]
#
# Exits with an error if this changes.
set -eu
unset PYTHONPATH
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
for version in 0.7.0 0.8.0; do
    venv/bin/python -m pip install --quiet "safetensors==$version" numpy==2.4.6
    venv/bin/python - <<'EOF'
import numpy as np
import safetensors
from safetensors.numpy import load_file, save_file

weights = np.arange(6, dtype="float32").reshape(2, 3).T
save_file({"weights": weights}, "weights.safetensors")
loaded = load_file("weights.safetensors")["weights"]
print(safetensors.__version__, "saved", weights.tolist(), "loaded", loaded.tolist())
equal = np.array_equal(weights, loaded)
assert equal == (safetensors.__version__ == "0.7.0"), "the behaviour has changed"
EOF
done
