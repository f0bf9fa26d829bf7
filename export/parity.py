"""Proof that a written SavedModel answers as Python does: same texts, same scores, in a process without zoo."""

import json
import os
import subprocess
import sys
from pathlib import Path

import export
from export.asked_lengths import AskedLengths
from export.errors import VerificationError
from export.json_arrays import encode_array
from export.parity_comparison import MAX_DETAILS, Comparison
from export.parity_report import ParityReport
from export.parity_requests import answer_requests, expected_signatures, refusal_requests, request_for
from export.publish import writing_to
from export.served_form import ServedForm
from export.warm_up import WARM_UP_FILE

_MAX_SAME_ANSWERS = 16


def check_parity(
    directory,
    task,
    examples,
    examples_by_bucket,
    *,
    scratch_directory,
    max_batch_size=32,
    allowed_ties=0,
    form=ServedForm(),  # noqa: B008  frozen
):
    """Loads a SavedModel in a fresh process and compares its answers with those of `task`.

    Compared are the examples in batches, the first of them alone, texts that tend to break things (empty, blank,
    emoji, over-long, invalid UTF-8, NUL), one text per bucket, an empty batch, and for signatures with controls the
    default and other values of each. Of a large model long inputs are asked one by one and once, and fewer of the
    others alone; the report says which lengths were. Strings and integers must be equal, other numbers within 1e-4 of
    max(1, |Python's number|); every string must be valid UTF-8 and every number finite, or REST answers would be
    invalid JSON. Controls outside their bounds must be refused by name, or as the `form` has it, get an `error` while
    their neighbours are answered. Every warm-up record must succeed. A task that draws at random is compared with
    Python's answer to a batch of the same shape.

    Args:
        directory: the SavedModel's directory, with its warm-up file.
        task: the task it was made from, which reads its matrices as the SavedModel does: draws depend on rounding.
        examples: list of str or bytes, or of dicts of them by input name.
        examples_by_bucket: dict from a length in tokens to an example of that length.
        scratch_directory: an existing directory for the files that pass between the two processes.
        max_batch_size: rows in a batch.
        allowed_ties: how many rows may differ by rounding: of two results with the same score to the last digits,
            one is served and the other is Python's. Only what Python gives as well, for the row alone or among its best
            answers, is such a tie; every other difference fails the check.
        form: `ServedForm` that the signatures were built with.

    Returns:
        `ParityReport`.

    Raises:
        VerificationError: with the differing examples.
        UserError: The files between the two processes cannot be written.
    """
    requests = answer_requests(task, examples, examples_by_bucket, max_batch_size, form.row_errors)
    refusals = refusal_requests(task, form.row_errors)
    answers = _run_in_fresh_process(directory, requests + refusals, Path(scratch_directory))
    lengths = AskedLengths(task)
    report = ParityReport(
        tensorflow=answers["tensorflow"],
        signatures=answers["signatures"],
        tokens=lengths.of_signatures(requests),
        asked_apart_from=None if lengths.together is None else lengths.together + 1,
    )
    comparison = Comparison(report, task, form)
    comparison.check_signatures(expected_signatures(task))
    for record in answers["warm_up"]:
        comparison.check_warm_up(record)
    for request, answer in zip(requests + refusals, answers["answers"], strict=True):
        if request.refused_name is None:
            comparison.check_answer(request, answer)
        else:
            comparison.check_refusal(request, answer)
    comparison.check_call(requests)
    comparison.raise_problems(allowed_ties)
    return report


def request_to_compare(task, examples):
    """Python's answer to the first examples, a `ParityRequest`, if other rounding hardly ever changes it; else None.

    It does where a task draws at random, and where it computes in less than float32.
    """
    if task.draws or task.model.compute_dtype != "float32":
        return None
    return request_for(task, examples[:_MAX_SAME_ANSWERS])


def check_same_answers(exported, task, weights, allowed_ties=0):
    """Compares what a task answers as it is exported, its weights in another form, with what it answers without.

    Args:
        exported: `ParityRequest` with the answers of the exported task in Python, which `check_parity` compares with
            the SavedModel.
        task: the task it was made from.
        weights: `zoo.weights.WeightForm`, which says how much scores may differ.
        allowed_ties: how many texts may differ by rounding.

    Raises:
        VerificationError: with the differing answers.
    """
    examples = [dict(zip(exported.texts, exported.row_texts(row), strict=True)) for row in range(exported.num_rows)]
    comparison = Comparison(
        ParityReport(rows=len(examples), score_tolerance=weights.score_tolerance), task, ServedForm()
    )
    comparison.compare(request_for(task, examples), exported.expected)
    comparison.raise_problems(allowed_ties, "answers change with the storage of matrices")


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
            finished.stderr.strip().splitlines()[-MAX_DETAILS:],
        )
    return json.loads(answers_path.read_text(encoding="utf-8"))
