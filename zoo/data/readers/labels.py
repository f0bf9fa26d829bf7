"""The one rule for names of classes and of kinds of entities, in every format."""

import unicodedata

from zoo.errors import UserError

# Joiners that words of some scripts, and emoji, are written with.
_JOINERS = "\u200c\u200d"


def checked_label(value, what, where):
    """A label without the blanks around it; blanks within belong to it.

    Args:
        value: str.
        what: What the label is of, for messages: "the label", "column 'label'".
        where: Beginning of the messages, such as "train.csv:7".

    Raises:
        UserError: The label is empty, or holds a character that nobody can see, such as a line end.
    """
    label = value.strip()
    if not label:
        raise UserError(f"{where}: {what} is empty; give it one or remove it")
    if not label.isprintable():
        for character in label:
            if unicodedata.category(character)[0] == "C" and character not in _JOINERS:
                raise UserError(
                    f"{where}: {what} {label!r} holds the invisible character U+{ord(character):04X}; remove it"
                )
    return label


def check_look_alikes(labels, where=""):
    """Refuses labels that differ only in how their accents are spelt, and so look the same.

    Args:
        labels: Iterable of str.
        where: Beginning of the message.

    Raises:
        UserError: Two labels are the same after Unicode's NFC.
    """
    composed = {}
    for label in sorted(labels):
        other = composed.setdefault(unicodedata.normalize("NFC", label), label)
        if other != label:
            raise UserError(
                f"{where}the labels {other!a} and {label!a} look the same; spell them alike, such as in NFC"
            )
