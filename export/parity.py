"""Proof that a written SavedModel answers as Python does: same texts, same scores, in a process without zoo."""

import json
import os
import re
import subprocess
import sys
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import tensorflow as tf

import export
from export.errors import VerificationError, shorten_message
from export.json_arrays import decode_array, encode_array
from export.parity_requests import answer_requests, expected_signatures, refusal_requests
from export.publish import writing_to
from export.signatures import SERVING_DEFAULT
from export.warm_up import WARM_UP_FILE

SCORE_TOLERANCE = 1e-4
PARITY_FILE = "assets.extra/parity.json"
_MAX_DETAILS = 10
_MAX_SAME_ANSWERS = 16


@dataclass
class ParityReport:
    """What was compared. Written into each version as `assets.extra/parity.json`.

    Attributes:
        requests: requests that were answered and compared with Python.
        rows: rows in them.
        refusals: requests with controls outside their bounds or of the wrong length, all refused by name.
        warm_up_records: warm-up records replayed.
        max_score_difference: largest difference between a served and a Python number, relative to max(1, |Python's|).
        score_tolerance: the limit for it.
        ties: rows whose text differs while all their numbers agree within the tolerance.
        tensorflow: the TensorFlow version that checked.
        servers: TensorFlow Serving versions whose operations suffice.
        signatures: input and output names, types and shapes by signature.
    """

    requests: int = 0
    rows: int = 0
    refusals: int = 0
    warm_up_records: int = 0
    max_score_difference: float = 0.0
    score_tolerance: float = SCORE_TOLERANCE
    ties: int = 0
    tensorflow: str = tf.__version__
    servers: tuple = ()
    signatures: dict = field(default_factory=dict)

    def write(self, directory):
        """Writes `assets.extra/parity.json` into a SavedModel's directory."""
        path = Path(directory) / PARITY_FILE
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")


def check_parity(directory, task, texts, texts_by_bucket, *, scratch_directory, max_batch_size=32, allowed_ties=0):
    """Loads a SavedModel in a fresh process and compares its answers with those of `task`.

    Compared are `texts` in batches, the first of them alone, texts that tend to break things (empty, blank, emoji,
    over-long, invalid UTF-8, NUL), one text per bucket, an empty batch, and for `generate` the default and other values
    of each control. Strings and integers must be equal, other numbers within 1e-4 of max(1, |Python's number|); every
    string must be valid UTF-8 and every number finite, or REST answers would be invalid JSON. Controls outside
    their bounds must be refused by name. Every warm-up record must succeed. A task that draws at random is compared
    with Python's answer to a batch of the same shape.

    Args:
        directory: the SavedModel's directory, with its warm-up file.
        task: the task it was made from, which reads its matrices as the SavedModel does: draws depend on rounding.
        texts: list of str or bytes.
        texts_by_bucket: dict from a length in tokens to a text (bytes) of that length.
        scratch_directory: an existing directory for the files that pass between the two processes.
        max_batch_size: rows in a batch.
        allowed_ties: how many rows may differ in text while their numbers agree. Two results with the same score to the
            last digits can swap places, because rounding depends on the shape of a batch.

    Returns:
        `ParityReport`.

    Raises:
        VerificationError: with the differing examples.
        UserError: The files between the two processes cannot be written.
    """
    requests = answer_requests(task, texts, texts_by_bucket, max_batch_size)
    refusals = refusal_requests(task)
    answers = _run_in_fresh_process(directory, requests + refusals, Path(scratch_directory))
    report = ParityReport(tensorflow=answers["tensorflow"], signatures=answers["signatures"])
    comparison = _Comparison(report, task.ragged_outputs)
    comparison.check_signatures(expected_signatures(task))
    for record in answers["warm_up"]:
        comparison.check_warm_up(record)
    for request, answer in zip(requests + refusals, answers["answers"], strict=True):
        if request.refused_name is None:
            comparison.check_answer(request, answer)
        else:
            comparison.check_refusal(request, answer)
    comparison.check_call(task, requests)
    comparison.raise_problems(allowed_ties)
    return comparison.report


def texts_to_compare(task, texts):
    """The first texts, as str, if other rounding hardly ever changes a task's answers; else none.

    It does where a task draws at random, and where it computes in less than float32.
    """
    if task.draws or task.model.compute_dtype != "float32":
        return []
    return [text.decode("utf-8", "replace") if isinstance(text, bytes) else text for text in texts[:_MAX_SAME_ANSWERS]]


def check_same_answers(answers, task, texts, allowed_ties=0):
    """Compares answers of a task as it is exported, with matrices in panels, with those that it gives without.

    Args:
        answers: list of what the exported task answers in Python, which `check_parity` compares with the SavedModel.
        task: the task it was made from.
        texts: list of str.
        allowed_ties: how many texts may have other answers.

    Raises:
        VerificationError: with the differing answers.
    """
    differing = [
        f"{text[:80]!r}: as exported {_shown(answer)}, before {_shown(other)}"
        for text, answer, other in zip(texts, answers, task(texts), strict=True)
        if not _same_result(answer, other)
    ]
    if len(differing) > allowed_ties:
        raise VerificationError(
            f"{len(differing)} of {len(texts)} answers change with the storage of matrices: if rounding decided "
            f"between equals, --allowed-ties {len(differing)} accepts them",
            differing[:_MAX_DETAILS],
        )


class _Comparison:
    """Collects what differs, so that one run shows all of it."""

    def __init__(self, report, ragged_outputs):
        self.report = report
        self.ragged_outputs = ragged_outputs
        self.problems = []
        self.ties = []

    def check_signatures(self, expected):
        for name, inputs in expected.items():
            found = self.report.signatures.get(name, {"inputs": {}})["inputs"]
            if {key: value["dtype"] for key, value in found.items()} != inputs:
                self.problems.append(f"signature {name} takes {found}, expected {inputs}")

    def check_warm_up(self, record):
        self.report.warm_up_records += 1
        if "error" in record:
            self.problems.append(f"warm-up record for {record['signature']}: {shorten_message(record['error'])}")

    def check_answer(self, request, answer):
        self.report.requests += 1
        self.report.rows += len(request.inputs["text"])
        if "error" in answer:
            self.problems.append(f"{request.describe()}: {shorten_message(answer['error'])}")
            return
        served = {name: decode_array(value) for name, value in answer["outputs"].items()}
        served, request = self._of_one_width(served, request)
        shapes = {name: value.shape for name, value in served.items()}
        expected_shapes = {name: value.shape for name, value in request.expected.items()}
        if shapes != expected_shapes:
            self.problems.append(f"{request.describe()}: outputs have shapes {shapes}, Python's {expected_shapes}")
            return
        if len(request.inputs["text"]):
            self._compare_rows(request, served)

    def _of_one_width(self, served, request):
        """Fills up outputs whose width depends on the batch: Python's batch may have been another one."""
        expected = dict(request.expected)
        for name, fill in self.ragged_outputs.items():
            if name in served and name in expected and served[name].ndim >= 2:
                width = max(served[name].shape[1], expected[name].shape[1])
                served[name], expected[name] = (
                    _widened(value, width, fill) for value in (served[name], expected[name])
                )
        return served, replace(request, expected=expected)

    def _compare_rows(self, request, served):
        rows = len(request.inputs["text"])
        same_text, same_numbers = np.ones(rows, bool), np.ones(rows, bool)
        for name, value in served.items():
            value, expected = value.reshape(rows, -1), request.expected[name].reshape(rows, -1)
            if value.dtype == object:
                same_text &= (value == expected).all(axis=1)
                for row in np.flatnonzero([not all(map(_is_utf8, strings)) for strings in value]):
                    self.problems.append(f"{request.describe(row)}: {name} is not valid UTF-8: {value[row][:1]!r}")
            elif np.issubdtype(value.dtype, np.floating):
                difference = np.abs(value - expected) / np.maximum(1.0, np.abs(expected))
                same_numbers &= (difference <= SCORE_TOLERANCE).all(axis=1)
                largest = np.max(difference, initial=0.0, where=np.isfinite(difference))
                self.report.max_score_difference = max(self.report.max_score_difference, float(largest))
                for row in np.flatnonzero(~np.isfinite(value).all(axis=1)):
                    self.problems.append(f"{request.describe(row)}: {name} holds {value[row]}, which JSON cannot carry")
            else:
                same_numbers &= (value == expected).all(axis=1)
        for row in np.flatnonzero(~(same_text & same_numbers)):
            line = f"{request.describe(row)}: served {_row(served, row)}, Python {_row(request.expected, row)}"
            (self.ties if same_numbers[row] else self.problems).append(line)

    def check_refusal(self, request, answer):
        self.report.refusals += 1
        values = f"{request.refused_name}={request.inputs[request.refused_name].tolist()}"
        if "error" not in answer:
            self.problems.append(f"{request.signature} accepts {values} for {len(request.inputs['text'])} texts")
        elif answer.get("error_type") != "InvalidArgumentError" or not _names(answer["error"], request.refused_name):
            self.problems.append(
                f"{request.signature} refuses {values} with a message that does not start with the name: "
                f"{answer.get('error_type')}: {shorten_message(answer['error'])}"
            )

    def check_call(self, task, requests):
        """`task(texts)`, which batches in its own way, must give the same results as the requests.

        A task that draws at random is asked one text at a time, as in the requests of one text.
        """
        expected = {}
        for request in requests:
            rows = len(request.inputs["text"])
            if request.signature == SERVING_DEFAULT and (rows == 1 if task.draws else rows):
                try:
                    results = task.unpack(request.expected)
                except UnicodeDecodeError:
                    # Python's str cannot hold it; what was served has been reported by now.
                    continue
                for text, result in zip(request.inputs["text"], results, strict=True):
                    expected.setdefault(text, result)
        results = [task([text])[0] for text in expected] if task.draws else task(list(expected)) if expected else []
        for (text, wanted), result in zip(expected.items(), results, strict=True):
            if not _same_result(result, wanted):
                shown = text[:80].decode("utf-8", "backslashreplace")
                self.ties.append(f"task({shown!r}): {_shown(result)}, in a request's batch {_shown(wanted)}")

    def raise_problems(self, allowed_ties):
        report = self.report
        report.ties = len(self.ties)
        if self.problems:
            raise VerificationError(
                f"the SavedModel does not do what Python does: {len(self.problems)} findings in {report.rows} rows, "
                f"the first of them above",
                self.problems[:_MAX_DETAILS],
            )
        if report.ties > allowed_ties:
            raise VerificationError(
                f"{report.ties} rows differ in text while their scores agree within {report.score_tolerance:g}: "
                f"rounding decided between equally good results; --allowed-ties {report.ties} accepts them",
                self.ties[:_MAX_DETAILS],
            )


def _run_in_fresh_process(directory, requests, scratch_directory):
    directory = Path(directory).resolve()
    requests_path = scratch_directory.resolve() / "requests.json"
    answers_path = scratch_directory.resolve() / "answers.json"
    job = {
        "directory": str(directory),
        "warm_up": str(directory / WARM_UP_FILE),
        "requests": [
            {
                "signature": request.signature,
                "inputs": {name: encode_array(value) for name, value in request.inputs.items()},
            }
            for request in requests
        ],
    }
    with writing_to(scratch_directory):
        requests_path.write_text(json.dumps(job), encoding="utf-8")
    package_root = Path(export.__file__).resolve().parent.parent
    search_path = os.pathsep.join(filter(None, [str(package_root), os.environ.get("PYTHONPATH")]))
    finished = subprocess.run(
        [sys.executable, "-m", "export.parity_process", str(requests_path), str(answers_path)],
        cwd=package_root,
        env={"TF_CPP_MIN_LOG_LEVEL": "2", **os.environ, "PYTHONPATH": search_path},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if finished.returncode == os.EX_IOERR:
        with writing_to(scratch_directory):
            raise OSError(finished.stderr.strip().splitlines()[-1])
    if finished.returncode != 0:
        raise VerificationError(
            f"the process that checks the SavedModel ended with status {finished.returncode}",
            finished.stderr.strip().splitlines()[-_MAX_DETAILS:],
        )
    return json.loads(answers_path.read_text(encoding="utf-8"))


def _same_result(one, other):
    """Whether two results of a task are the same, numbers within the tolerance."""
    if isinstance(other, dict):
        return one.keys() == other.keys() and all(_same_result(one[name], other[name]) for name in other)
    if isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(_same_result, one, other))
    if isinstance(other, float):
        return abs(one - other) <= SCORE_TOLERANCE * max(1.0, abs(other))
    return one == other


def _shown(result):
    return repr(result)[:160]


def _widened(array, width, fill):
    widths = [(0, 0)] * array.ndim
    widths[1] = (0, width - array.shape[1])
    return np.pad(array, widths, constant_values=fill)


def _names(message, name):
    # TensorFlow's Python puts lines before a kernel's message, and Assert puts "assertion failed: [".
    return re.search(rf"^(assertion failed: \[)?{re.escape(name)}\b", message, re.MULTILINE) is not None


def _is_utf8(value):
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _row(outputs, row):
    return {name: value[row : row + 1].tolist()[0] for name, value in outputs.items()}
