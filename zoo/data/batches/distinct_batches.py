"""Examples dealt out to batches so that no batch has two that are alike."""

from collections.abc import Iterable, Sequence

import numpy as np

# Open batches that an example is tried in before it begins one of its own.
_MOST_TRIES = 100


def distinct_batches(order: Iterable[int], keys: Sequence, batch_size: int) -> list[np.ndarray]:
    """Fills batches one after the other with examples that have no key in common.

    Where many examples have a key in common, there are more and smaller batches.

    Args:
        order: Numbers of the examples, in the order in which they are dealt.
        keys: For each example its keys, such as its texts, a set.
        batch_size: Examples of a batch, at most.

    Returns:
        list of int arrays, with each example once.
    """
    batches: list[list[int]] = []
    taken: list[set] = []
    first = 0
    for example in order:
        while first < len(batches) and len(batches[first]) == batch_size:
            first += 1
        for place in range(first, min(first + _MOST_TRIES, len(batches))):
            if len(batches[place]) < batch_size and taken[place].isdisjoint(keys[example]):
                batches[place].append(example)
                taken[place] |= keys[example]
                break
        else:
            batches.append([example])
            taken.append(set(keys[example]))
    return [np.array(batch) for batch in batches]


def batches_of_labels(order: Iterable[int], labels: np.ndarray, num_batches: int) -> list[np.ndarray]:
    """Deals examples out to batches of about the same size, none of which has two of one label.

    Of a label with more examples than there are batches, the last ones in the order are left out.

    Args:
        order: Numbers of the examples, in random order.
        labels: int [N], the label of each example.
        num_batches: Batches.

    Returns:
        list of `num_batches` int arrays.
    """
    by_label: dict[int, list[int]] = {}
    for example in order:
        of_label = by_label.setdefault(int(labels[example]), [])
        if len(of_label) < num_batches:
            of_label.append(example)
    # One after the other, so that neighbours, and with them a whole label, go to different batches.
    dealt = np.array([example for examples in by_label.values() for example in examples])
    return [dealt[start::num_batches] for start in range(num_batches)]
