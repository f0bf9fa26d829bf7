"""Validation texts split off where none are given: as many of each label as there are, rare labels together."""

from collections import Counter

from zoo.errors import UserError


def hold_out(texts, share=0.1, *, labels_of=None):
    """Splits off a validation set: of each label, texts at even distances in the file.

    Labels (of texts with several: sets of them) with too few texts for the share are taken together. Each label keeps
    a text to train on. Deterministic, so that a run that is resumed, or repeated with another seed, trains on the same
    texts.

    Args:
        texts: Iterable of `ClassifiedText`, or of `EntityText` with `labels_of`.
        share: Between 0 and 1, how much to hold out.
        labels_of: From a text to its labels, a tuple; its attribute `labels` if None.

    Returns:
        (training, validation): lists in file order; validation has one text at least.

    Raises:
        UserError: The share is not between 0 and 1, or no text can be spared, since its labels occur nowhere else.
    """
    if not 0 < share < 1:
        raise UserError(f"the share to hold out must lie between 0 and 1, not {share}")
    texts = list(texts)
    labels_of = labels_of or (lambda text: text.labels)
    sets = Counter(frozenset(labels_of(text)) for text in texts)
    left = Counter(label for text in texts for label in set(labels_of(text)))
    seen, held, chosen, spare = Counter(), Counter(), set(), None
    for index, text in enumerate(texts):
        labels = frozenset(labels_of(text))
        group = labels if int(sets[labels] * share) else "rare"
        seen[group] += 1
        if len(texts) == 1 or any(left[label] < 2 for label in labels):
            continue
        spare = index
        # The text that completes another whole one of the share; never the first, even for large shares.
        if int(seen[group] * share) > held[group] and seen[group] > 1:
            chosen.add(index)
            held[group] += 1
            left.subtract(labels)
    if not chosen and spare is not None:
        chosen.add(spare)
    if not chosen:
        where = f"{texts[0].source.rpartition(':')[0]}: " if texts and texts[0].source else ""
        raise UserError(
            f"{where}no label has enough texts to hold out a tenth for validation; give validation texts with "
            "--validation"
        )
    return (
        [text for index, text in enumerate(texts) if index not in chosen],
        [text for index, text in enumerate(texts) if index in chosen],
    )
