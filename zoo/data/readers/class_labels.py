"""The labels of a data set of texts with classes, and the check that another one has no others."""

from collections import Counter

from zoo.data.readers.labels import check_look_alikes
from zoo.errors import UserError


def class_labels(texts):
    """The labels of a training set.

    Args:
        texts: Iterable of `ClassifiedText`.

    Returns:
        (labels: tuple of str, sorted; multi_label: bool, whether some text does not have exactly one label).

    Raises:
        UserError: There are fewer than two labels, or, where texts have any number of them, none.
    """
    counts, multi_label, source = Counter(), False, ""
    for text in texts:
        source = source or text.source
        counts.update(text.labels)
        multi_label |= len(text.labels) != 1
    if len(counts) < (1 if multi_label else 2):
        where = f"{source.rpartition(':')[0]}: " if source else ""
        found = f"all texts have the label {next(iter(counts))!r}" if counts else "no text has a label"
        raise UserError(f"{where}{found}, so that there is nothing to learn; is the column of the labels right?")
    check_look_alikes(counts, f"{source.rpartition(':')[0]}: " if source else "")
    return tuple(sorted(counts)), multi_label


def check_class_labels(texts, labels, multi_label=False):
    """Refuses texts whose labels a model does not have.

    Args:
        texts: Iterable of `ClassifiedText`, such as a validation or test set.
        labels: The labels of the training set.
        multi_label: Whether texts may have any number of labels.

    Returns:
        `collections.Counter` of the texts by label.

    Raises:
        UserError: naming file and line of the first text with another label, or with another number of them than one.
    """
    known, counts = set(labels), Counter()
    for text in texts:
        where = f"{text.source}: " if text.source else ""
        if not multi_label and len(text.labels) != 1:
            raise UserError(
                f"{where}has {len(text.labels)} labels, but every text of the training data has one; "
                "give it one label, or train with texts that have any number"
            )
        for label in text.labels:
            if label not in known:
                shown = ", ".join(sorted(known)[:10]) + (", ..." if len(known) > 10 else "")
                raise UserError(
                    f"{where}the label {label!r} does not occur in the training data, which has {shown}; "
                    "rename or remove it, or train with texts that have it"
                )
            counts[label] += 1
    return counts
