"""Answers of a task as plain text."""

from zoo.errors import UserError


def check_plain_text(task):
    """Refuses plain text for tasks whose answers are more than one.

    Raises:
        UserError: naming the task.
    """
    if task.ragged_items:
        raise UserError(
            f"the answers of a {type(task).__name__} are no plain text; write JSON Lines: --output-format jsonl"
        )


def plain_text(task, record):
    """One line of text: the first output of a task, with tabs between where it is several.

    Args:
        task: A `zoo.tasks.Task`.
        record: One of its `records`.
    """
    value = record[next(iter(task.outputs))]
    return "\t".join(map(str, value)) if isinstance(value, list) else str(value).replace("\n", " ")
