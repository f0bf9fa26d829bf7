"""Runs requests against a SavedModel in a fresh process, which knows TensorFlow and tensorflow_text and nothing else.

    python -m export.parity_process REQUESTS.json ANSWERS.json

`export.parity` writes the requests and judges the answers; nothing imports this module. Here neither zoo nor
Keras can be imported, so a SavedModel that needs either fails.
"""

import atexit
import gc
import json
import os
import sys
from pathlib import Path

# A process of seconds, most of them spent on importing and loading: what little garbage it makes may stay, and is not
# looked for at the end either.
gc.disable()
atexit.register(gc.freeze)

# An import of a name that stands for None in sys.modules fails. TensorFlow and Keras import the others if they are
# there, which takes nearly half the time of importing them.
for _name in ("zoo", "jax", "matplotlib", "pandas", "scipy", "sklearn", "torch"):
    sys.modules[_name] = None  # pyright: ignore[reportArgumentType]

import tensorflow as tf  # noqa: E402
import tensorflow_text  # noqa: E402, F401  (registers its operations)

from export.json_arrays import decode_array, encode_array  # noqa: E402
from export.prediction_log import decode_predict_log  # noqa: E402

# tensorflow_text imports Keras for classes that are not needed here; from now on nobody can.
sys.modules["keras"] = None  # pyright: ignore[reportArgumentType]


def _answer(loaded, signature, inputs):
    if signature not in loaded.signatures:
        return {"error": f"there is no signature {signature!r}"}
    try:
        tensors = {name: tf.constant(value) for name, value in inputs.items()}
        outputs = loaded.signatures[signature](**tensors)
    except (tf.errors.OpError, TypeError, ValueError) as error:
        message = getattr(error, "message", None) or str(error)
        return {"error": message, "error_type": type(error).__name__}
    return {"outputs": {name: encode_array(value.numpy()) for name, value in outputs.items()}}


def _shape(spec):
    return None if spec.shape.rank is None else spec.shape.as_list()


def _describe(signature):
    _, inputs = signature.structured_input_signature
    return {
        "inputs": {name: {"dtype": spec.dtype.name, "shape": _shape(spec)} for name, spec in inputs.items()},
        "outputs": {
            name: {"dtype": spec.dtype.name, "shape": _shape(spec)}
            for name, spec in signature.structured_outputs.items()
        },
    }


def main(arguments):
    """Reads the requests, runs them and the warm-up records, and writes the answers.

    Where they cannot be written, the reason is the last line of standard error and the exit status is `os.EX_IOERR`.
    """
    requests_path, answers_path = arguments
    job = json.loads(Path(requests_path).read_text(encoding="utf-8"))
    loaded = tf.saved_model.load(job["directory"])
    report = {
        "tensorflow": tf.__version__,
        "signatures": {name: _describe(signature) for name, signature in loaded.signatures.items()},
        "warm_up": [],
        "answers": [],
    }
    for record in tf.data.TFRecordDataset(job["warm_up"]).as_numpy_iterator():
        signature, inputs = decode_predict_log(record)
        report["warm_up"].append({"signature": signature, **_answer(loaded, signature, inputs)})
    for request in job["requests"]:
        inputs = {name: decode_array(value) for name, value in request["inputs"].items()}
        report["answers"].append(_answer(loaded, request["signature"], inputs))
    try:
        Path(answers_path).write_text(json.dumps(report), encoding="utf-8")
    except OSError as error:
        # The caller makes its own error of it.
        print(error.strerror or error, file=sys.stderr)
        sys.exit(os.EX_IOERR)


if __name__ == "__main__":
    main(sys.argv[1:])
