"""Writing a task as a new version of a served model: SavedModel, warm-up, checks, configuration, publication."""

from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from export.asked_lengths import AskedLengths
from export.directories import check_serving_directory
from export.input_rows import input_rows
from export.limits import DEFAULT_MAX_BATCH_SIZE, MAX_PARITY_TEXTS
from export.op_allow_list import DEFAULT_SERVERS, check_ops, parse_servers
from export.parity import check_parity, check_same_answers, request_to_compare
from export.parity_requests import BUILT_IN_TEXTS
from export.publish import check_version, incoming_version, writing_to
from export.served_form import ServedForm, fixed_width
from export.served_versions import configuration_lock
from export.serving_configs import write_serving_configs
from export.serving_files import allowed_batch_sizes, check_model_name
from export.signatures import ServedTask, build_signatures, in_form
from export.warm_up import MAX_RECORDS, default_buckets, text_of_length, warm_up_requests, write_warm_up
from zoo.errors import UserError
from zoo.weights import PackedWeights


def export_saved_model(
    task: Any,
    serving_directory: str | Path,
    *,
    version: Any = None,
    name: str | None = None,
    buckets: Any = None,
    parity_texts: Any = None,
    servers: Any = DEFAULT_SERVERS,
    max_batch_size: int = DEFAULT_MAX_BATCH_SIZE,
    allowed_ties: int = 0,
    row_errors: bool = True,
    max_entities: int | None = None,
    max_blanks: int | None = None,
    max_items: int | None = None,
) -> Path:
    """Exports a task as the next version of a model that TensorFlow Serving runs: text in, results out.

    The version holds the SavedModel, warm-up requests and the report of its checks; beside the versions lie ready
    configuration files and sample requests (`serving.md` explains them). All of it is written and checked under another
    name first and published by one rename, so a server that watches the directory never sees half a version, and
    existing versions stay as they are. Other threads must not use the task meanwhile.

    Args:
        task: a `zoo.tasks.task.Task`, for example from `zoo.load`, under Keras's TensorFlow backend.
        serving_directory: the directory of all versions of this model; made if it is missing.
        version: the version's number; one more than the highest by default.
        name: the model's name in requests; by default the directory's name.
        buckets: input lengths in tokens to warm up and to check; by default powers of two up to
            `task.max_source_length`.
        parity_texts: list of str or bytes, or for a task of several inputs of dicts of them by input name, on which
            Python and the SavedModel are compared, in addition to texts that tend to break things; by default the first
            200 of `task.examples`, or a few sentences if it has none.
        servers: TensorFlow Serving versions that must be able to run it, for example ("2.19", "2.20"). Checked against
            what their stock binaries contain.
        max_batch_size: most rows in a batch, for the checks and in the server's batching configuration.
        allowed_ties: how many rows may differ by rounding; see `export.parity.check_parity`.
        row_errors: whether a row with a control outside its bounds gets an empty answer and a reason in the output
            `error` of signatures with controls, while its neighbours are answered; else it fails the request, and with
            request batching the requests of others that run with it.
        max_entities, max_blanks: places of every answer's row for entities, or for blanks, so that a server may split
            and join batches; `total` says how many a text has, and those beyond are left out. By default answers have
            as many places as the text of the batch with most of them.
        max_items: the same for whatever the task gives any number of.

    Returns:
        Path of the new version.

    Raises:
        UserError: for an impossible option, an existing version, or a directory that cannot be written or is a preset's
            or a run's.
        VerificationError: if the SavedModel fails a check. Nothing is published then.

    Example:
        >>> import zoo, export
        >>> export.export_saved_model(zoo.load("runs/translation"), "serving/translation")
        PosixPath('serving/translation/1')
    """
    if keras.backend.backend() != "tensorflow":
        raise UserError(
            f"exports need Keras's TensorFlow backend, this process uses {keras.backend.backend()!r}: save the task "
            "with task.save(PRESET_DIR), then `python -m export PRESET_DIR SERVING_DIR` chooses the backend itself"
        )
    serving_directory = Path(serving_directory)
    check_serving_directory(serving_directory)
    check_version(serving_directory, version)
    parse_servers(servers)
    allowed_batch_sizes(max_batch_size)
    form = ServedForm(row_errors, fixed_width(task, entities=max_entities, blanks=max_blanks, items=max_items))
    name = check_model_name(name, serving_directory)
    lengths = AskedLengths(task)
    # A server that loads a large model would go through its records for minutes.
    brief = lengths.large and buckets is None
    buckets = _check_buckets(buckets, task.max_source_length)
    texts = list(_default_texts(task) if parity_texts is None else parity_texts)
    if not texts:
        raise UserError("parity_texts is empty: give at least one text, or leave it out for the task's own examples")
    rows = input_rows(task.inputs, texts)
    words = [text for row in rows for text in row.values()]
    rows_by_bucket = {
        # The end token is part of an input's length, which all texts of a row share.
        length: dict.fromkeys(
            task.inputs, text_of_length(task.tokenizer, words, max((length - 1) // len(task.inputs), 1))
        )
        for length in buckets
    }
    longest = max((length for length in buckets if length <= (lengths.together or 0)), default=buckets[0])
    warmed_up = {longest: rows_by_bucket[longest]} if brief else rows_by_bucket
    with incoming_version(serving_directory) as incoming:
        directory = incoming.version_directory
        packed = PackedWeights()
        with in_form(task, packed) as exported:
            signatures = build_signatures(exported, form)
            with writing_to(serving_directory):
                tf.saved_model.save(ServedTask(exported), str(directory), signatures=signatures)
                write_warm_up(directory, warm_up_requests(exported, warmed_up, brief))
            accepting_servers = check_ops(directory, servers)
            report = check_parity(
                directory,
                exported,
                texts,
                rows_by_bucket,
                scratch_directory=incoming.directory,
                max_batch_size=max_batch_size,
                allowed_ties=allowed_ties,
                form=form,
            )
            answers = None if exported is task else request_to_compare(exported, texts)
        if answers is not None:
            check_same_answers(answers, task, packed, allowed_ties)
        report.servers, report.not_served = accepting_servers, task.not_served
        with writing_to(serving_directory), configuration_lock(serving_directory):
            report.write(directory)
            write_serving_configs(
                incoming.beside_directory,
                serving_directory,
                name=name,
                declared=task.signatures,
                items=task.ragged_items,
                rows=rows,
                servers=accepting_servers,
                signatures=report.signatures,
                form=form,
                max_batch_size=max_batch_size,
            )
            return incoming.publish(version)


def _default_texts(task):
    return list(getattr(task, "examples", ()))[:MAX_PARITY_TEXTS] or BUILT_IN_TEXTS


def _check_buckets(buckets, max_source_length):
    if buckets is None:
        return default_buckets(max_source_length)
    buckets = tuple(sorted(set(buckets)))
    if not buckets or buckets[0] < 1 or buckets[-1] > max_source_length:
        raise UserError(
            f"--buckets: lengths must lie between 1 and the model's longest input, {max_source_length} tokens"
        )
    if len(buckets) > MAX_RECORDS // 2:
        raise UserError(
            f"--buckets: at most {MAX_RECORDS // 2}, since servers take at most {MAX_RECORDS} warm-up records"
        )
    return buckets
