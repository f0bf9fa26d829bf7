"""Comparison of served answers with Python's, row by row."""

import re
from dataclasses import replace

import numpy as np

from export.errors import VerificationError, shorten_message
from export.json_arrays import decode_array
from export.parity_rounding import Rounding, same_result
from export.served_form import COUNT, ERROR, TOTAL
from zoo.tasks.signature import SERVING_DEFAULT

MAX_DETAILS = 10


class Comparison:
    """Collects what differs, so that one run shows all of it.

    Args:
        report: `ParityReport`, which is filled in.
        task: the `zoo.tasks.task.Task` that Python's answers come from.
        form: `ServedForm` of the served answers.
    """

    def __init__(self, report, task, form):
        self.report = report
        self.problems = []
        self.ties = []
        self._task = task
        self._form = form
        self._rounding = Rounding(task, self._in_form, report.score_tolerance)

    def check_signatures(self, expected):
        """Compares the inputs of the signatures, types by name."""
        for name, inputs in expected.items():
            found = self.report.signatures.get(name, {"inputs": {}})["inputs"]
            if {key: value["dtype"] for key, value in found.items()} != inputs:
                self.problems.append(f"signature {name} takes {found}, expected {inputs}")

    def check_warm_up(self, record):
        """Notes a warm-up record that failed."""
        self.report.warm_up_records += 1
        if "error" in record:
            self.problems.append(f"warm-up record for {record['signature']}: {shorten_message(record['error'])}")

    def check_answer(self, request, answer):
        """Compares the answer to a `ParityRequest`, as the fresh process gives it, with Python's."""
        self.report.requests += 1
        self.report.rows += request.num_rows
        self.report.row_errors += len(request.errors)
        if "error" in answer:
            self.problems.append(f"{request.describe()}: {shorten_message(answer['error'])}")
            return
        self.compare(request, {name: decode_array(value) for name, value in answer["outputs"].items()})

    def compare(self, request, served):
        """Compares served outputs, numpy arrays by name, with Python's answer to a request."""
        request = self._in_form(request)
        if self._form.width is None:
            served, request = self._of_one_width(served, request)
        shapes = {name: value.shape for name, value in served.items()}
        expected_shapes = {name: value.shape for name, value in request.expected.items()}
        if shapes != expected_shapes:
            self.problems.append(f"{request.describe()}: outputs have shapes {shapes}, Python's {expected_shapes}")
        elif request.num_rows:
            self._compare_rows(request, served)

    def _in_form(self, request):
        """The request with Python's answer as it must be served."""
        task, width = self._task, self._form.width
        expected = dict(request.expected)
        declared = task.signatures[request.signature]
        ragged = declared.ragged_outputs
        if width is not None and ragged:
            for name, fill in ragged.items():
                expected[name] = _widened(expected[name][:, :width], width, fill)
            expected[TOTAL] = expected[COUNT]
            expected[COUNT] = np.minimum(expected[COUNT], width).astype(expected[TOTAL].dtype)
        if self._form.row_errors and (declared.controls or declared.required):
            errors = [request.errors.get(row, "").encode() for row in range(request.num_rows)]
            expected[ERROR] = np.empty(len(errors), object)
            expected[ERROR][:] = errors
        return replace(request, expected=expected)

    def _of_one_width(self, served, request):
        """Fills up outputs whose width depends on the batch: Python's batch may have been another one."""
        expected = dict(request.expected)
        for name, fill in self._task.signatures[request.signature].ragged_outputs.items():
            if name in served and served[name].ndim >= 2:
                width = max(served[name].shape[1], expected[name].shape[1])
                served[name], expected[name] = (
                    _widened(value, width, fill) for value in (served[name], expected[name])
                )
        return served, replace(request, expected=expected)

    def _compare_rows(self, request, served):
        rows = request.num_rows
        same = np.ones(rows, bool)
        for name, value in served.items():
            value, expected = value.reshape(rows, -1), request.expected[name].reshape(rows, -1)
            if value.dtype == object:
                same &= (value == expected).all(axis=1)
                for row in np.flatnonzero([not all(map(_is_utf8, strings)) for strings in value]):
                    self.problems.append(f"{request.describe(row)}: {name} is not valid UTF-8: {value[row][:1]!r}")
            elif np.issubdtype(value.dtype, np.floating):
                difference = np.abs(value - expected) / np.maximum(1.0, np.abs(expected))
                same &= (difference <= self.report.score_tolerance).all(axis=1)
                largest = np.max(difference, initial=0.0, where=np.isfinite(difference))
                self.report.max_score_difference = max(self.report.max_score_difference, float(largest))
                for row in np.flatnonzero(~np.isfinite(value).all(axis=1)):
                    self.problems.append(f"{request.describe(row)}: {name} holds {value[row]}, which JSON cannot carry")
            elif name in self._task.rounded_outputs:
                same &= (np.abs(value.astype(np.int64) - expected) <= 1).all(axis=1)
            else:
                same &= (value == expected).all(axis=1)
        for row in np.flatnonzero(~same):
            found, wanted = _row(served, row), _row(request.expected, row)
            line = f"{request.describe(row)}: served {found}, Python {wanted}"
            (self.ties if self._rounding.explains(request, row, found, wanted) else self.problems).append(line)

    def check_refusal(self, request, answer):
        """Notes a request that should have been refused by the name of a control, and was not."""
        self.report.refusals += 1
        values = f"{request.refused_name}={request.inputs[request.refused_name].tolist()}"
        if "error" not in answer:
            self.problems.append(f"{request.signature} accepts {values} for {request.num_rows} texts")
        elif answer.get("error_type") != "InvalidArgumentError" or not _names(answer["error"], request.refused_name):
            self.problems.append(
                f"{request.signature} refuses {values} with a message that does not start with the name: "
                f"{answer.get('error_type')}: {shorten_message(answer['error'])}"
            )

    def check_call(self, requests):
        """`task(texts)`, which batches in its own way, must give the same results as the requests.

        A task that draws at random is asked one text at a time, as in the requests of one text. Rows that are asked
        only once are left out.
        """
        task, expected = self._task, {}
        for request in requests:
            rows = request.num_rows
            if request.signature == SERVING_DEFAULT and not request.once and (rows == 1 if task.draws else rows):
                try:
                    results = task.unpack(request.expected)
                except UnicodeDecodeError:
                    # Python's str cannot hold it; what was served has been reported by now.
                    continue
                for row, result in enumerate(results):
                    if row in request.errors:
                        # Python refuses them.
                        continue
                    expected.setdefault(tuple(request.row_texts(row)), (result, request, row))
        if task.draws:
            results = [task(*([text] for text in texts))[0] for texts in expected]
        else:
            results = task(*map(list, zip(*expected, strict=True))) if expected else []
        for (texts, (wanted, request, row)), result in zip(expected.items(), results, strict=True):
            if not same_result(result, wanted, self.report.score_tolerance, rounded=bool(task.rounded_outputs)):
                shown = ", ".join(repr(text[:80].decode("utf-8", "backslashreplace")) for text in texts)
                line = f"task({shown}): {_shown(result)}, in a request's batch {_shown(wanted)}"
                (self.ties if self._rounding.of_call(request, row, result) else self.problems).append(line)

    def raise_problems(self, allowed_ties, failure="the SavedModel does not do what Python does"):
        """Raises `VerificationError` for any real difference, and for more than `allowed_ties` that rounding has made.

        Args:
            allowed_ties: int.
            failure: what a real difference means.
        """
        report = self.report
        report.ties = len(self.ties)
        if self.problems:
            raise VerificationError(
                f"{failure}: {len(self.problems)} findings in {report.rows} rows, the first of them above",
                self.problems[:MAX_DETAILS],
            )
        if report.ties > allowed_ties:
            raise VerificationError(
                f"{report.ties} rows differ by rounding alone: Python gives both answers, depending on the batch or as "
                f"equally good ones; --allowed-ties {report.ties} accepts them",
                self.ties[:MAX_DETAILS],
            )


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
