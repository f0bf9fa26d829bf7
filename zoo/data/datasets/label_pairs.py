"""Pairs of texts made of texts with classes: of the same class, or not."""

import numpy as np

from zoo.data.readers.classified_text import ClassifiedText
from zoo.errors import UserError

SAME, DIFFERENT = "same", "different"


def label_pairs(texts, seed=0):
    """Two pairs for every text: one with another text of its class, and one with a text of another class.

    The others are drawn at random, by the seed alone. A text that is the only one of its class has the second pair
    alone.

    Args:
        texts: Iterable of `ClassifiedText` with one label each.
        seed: int >= 0.

    Returns:
        list of `ClassifiedText` with a `text_pair`, in the order of the texts, and the label "same" or "different".

    Raises:
        UserError: if all texts have the same class.
    """
    texts = list(texts)
    labels = np.array([text.labels[0] for text in texts])
    places = {label: np.flatnonzero(labels == label) for label in np.unique(labels)}
    if len(places) < 2:
        raise UserError("pairs of the same class or not need texts of two classes at least")
    rng, pairs = np.random.default_rng(seed), []
    for place, text in enumerate(texts):
        own = places[labels[place]]
        others = own[own != place]
        different = int(rng.integers(len(texts) - len(own)))
        # Counted through the texts of other classes: those of the own one are left out, which are in order.
        for each in own:
            different += each <= different
        chosen = {DIFFERENT: different}
        if len(others):
            chosen[SAME] = int(others[rng.integers(len(others))])
        for label in (SAME, DIFFERENT):
            if label in chosen:
                pairs.append(ClassifiedText(text.text, (label,), text.source, texts[chosen[label]].text))
    return pairs
