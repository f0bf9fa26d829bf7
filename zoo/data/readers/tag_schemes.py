"""Tag schemes: how one tag per token spells entities that are several tokens long.

A tag is "O" (outside) or a prefix, a hyphen and a label: "B-person". The prefixes say where in its entity a token is.

| scheme | first | middle | last | only | |
|---|---|---|---|---|---|
| BIO | B | I | I | B | also called IOB2 |
| IOB1 | I | I | I | I | B instead where an entity follows another of its label directly; CoNLL-2003 as published |
| BIOES | B | I | E | S | |
| BILOU | B | I | L | U | |
| BMES | B | M | E | S | usual for Chinese |

Sources: Ramshaw and Marcus 1995 (IOB1), Tjong Kim Sang and Veenstra 1999 (BIO), Ratinov and Roth 2009 (BILOU).
"""

import itertools

from zoo.errors import UserError

TAG_SCHEMES = ("BIO", "IOB1", "BIOES", "BILOU", "BMES")
_PLACES = {
    "BIO": {"B": "begin", "I": "inside"},
    "IOB1": {"B": "begin", "I": "inside"},
    "BIOES": {"B": "begin", "I": "inside", "E": "end", "S": "single"},
    "BILOU": {"B": "begin", "I": "inside", "L": "end", "U": "single"},
    "BMES": {"B": "begin", "M": "inside", "E": "end", "S": "single"},
}
_OUTSIDE = ("outside", "")


class TagError(Exception):
    """A tag that cannot be, with its place.

    Attributes:
        position: Index of the tag in its sequence, from 0.
        problem: What is wrong and what to do; readers put file and line before it.
    """

    def __init__(self, position, problem):
        super().__init__(f"tag {position}: {problem}")
        self.position = position
        self.problem = problem


def split_tag(tag):
    """Returns (prefix, label) of a tag: ("B", "person") for "B-person" and ("O", "") for "O".

    Raises:
        ValueError: The text is no tag; the message says why.
    """
    if tag == "O":
        return "O", ""
    prefix, hyphen, label = tag.partition("-")
    known = "BIELSUM"
    if not hyphen:
        raise ValueError(f"the tag {tag!r} has no prefix; a tag is O, or a prefix, - and a label, such as B-person")
    if len(prefix) != 1 or prefix not in known:
        raise ValueError(f"the tag {tag!r} has the unknown prefix {prefix!r}; prefixes are {', '.join(known)}")
    if label != label.strip():
        raise ValueError(f"the tag {tag!r} has blanks around its label; remove them")
    if not label:
        raise ValueError(f"the tag {tag!r} has no label; a type of entity must follow the hyphen, as in B-person")
    return prefix, label


class SchemeDetector:
    """Finds out the tag scheme of a data set; sees every sequence once.

    IOB1 and BIO share their prefixes. They differ where an entity begins: an I- that continues nothing is IOB1, a B-
    that does not directly follow a tag of its own label is BIO.

    Example:
        >>> detector = SchemeDetector()
        >>> detector.see(["O", "I-person", "I-person"], ["file:1", "file:2", "file:3"])
        >>> detector.scheme()
        'IOB1'
    """

    def __init__(self):
        self._first = {}

    def see(self, tags, places):
        """Takes in one sequence.

        Args:
            tags: list of str.
            places: Where each tag stands, for messages; same length.

        Raises:
            UserError: For a text that is no tag.
        """
        previous = ""
        for tag, place in zip(tags, places, strict=True):
            try:
                prefix, label = split_tag(tag)
            except ValueError as error:
                raise UserError(f"{place}: {error}") from error
            self._note(prefix, tag, place)
            if label and label != previous:
                self._note(f"new {prefix}", tag, place)
            previous = label

    def _note(self, what, tag, place):
        self._first.setdefault(what, (place, tag))

    @property
    def has_ends(self):
        """Whether there were prefixes for the ends of entities, which only BIOES and its like have."""
        return any(prefix in self._first for prefix in "ELSUM")

    def scheme(self):
        """The one scheme in `TAG_SCHEMES` that has all that was seen; "BIO" if there was no entity.

        Raises:
            UserError: No scheme has it; the message shows two tags that do not go together.
        """
        seen = [prefix for prefix in "BIELSUM" if prefix in self._first]
        if {"B", "I"}.issuperset(seen):
            if "new I" not in self._first:
                return "BIO"
            if "new B" not in self._first:
                return "IOB1"
            (iob1_place, iob1_tag), (bio_place, bio_tag) = self._first["new I"], self._first["new B"]
            raise UserError(
                f"{iob1_place}: {iob1_tag} begins an entity, as in IOB1, but at {bio_place} {bio_tag} does, as in BIO; "
                "make them alike, or read the file leniently, which takes both as beginnings"
            )
        for scheme in ("BIOES", "BMES", "BILOU"):
            if set(seen) <= set(_PLACES[scheme]):
                return scheme
        fits = [[prefix for prefix in seen if prefix in _PLACES[scheme]] for scheme in ("BIOES", "BILOU", "BMES")]
        best = max(fits, key=len)
        stranger = next(prefix for prefix in seen if prefix not in best)
        (place, tag), (other_place, other) = self._first[stranger], self._first[best[-1]]
        raise UserError(
            f"{place}: {tag} does not go with {other} at {other_place}: no scheme has the prefixes {', '.join(seen)}; "
            f"schemes are {', '.join(TAG_SCHEMES)}"
        )


def tags_to_spans(tags, scheme: str | None = "BIO", lenient=False):
    """The entities that a sequence of tags spells.

    Args:
        tags: list of str.
        scheme: One of `TAG_SCHEMES`.
        lenient: Whether to read sequences that break the scheme as conlleval does: a tag begins an entity if its
            prefix says so, if the tag before has another label or is O, or if the tag before ended its entity.

    Returns:
        list of (first, end, label): index of the first token and of the one after the last.

    Raises:
        TagError: A text is no tag of the scheme, or, unless lenient, its place in the sequence breaks the scheme.

    Example:
        >>> tags_to_spans(["O", "B-person", "I-person", "B-place"])
        [(1, 3, 'person'), (3, 4, 'place')]
    """
    places = [_place(position, tag, scheme) for position, tag in enumerate(tags)]
    spans, first = [], None
    for position, (here, following) in enumerate(itertools.pairwise([*places, _OUTSIDE])):
        before = places[position - 1] if position else _OUTSIDE
        if not lenient:
            _check_step(position, before, here, tags, scheme)
        if here == _OUTSIDE:
            continue
        if _begins(before, here):
            first = position
        if following == _OUTSIDE or _begins(here, following):
            spans.append((first, position + 1, here[1]))
    if not lenient and tags:
        _check_step(len(tags), places[-1], _OUTSIDE, tags, scheme)
    return spans


def spans_to_tags(spans, length):
    """The BIO tags of a sequence; the reverse of `tags_to_spans`.

    Args:
        spans: Iterable of (first, end, label) that do not overlap.
        length: Number of tags.

    Returns:
        list of str.
    """
    tags = ["O"] * length
    for first, end, label in spans:
        tags[first:end] = [f"B-{label}"] + [f"I-{label}"] * (end - first - 1)
    return tags


def bio_tags(labels):
    """The tags of a BIO tagger for some labels, in the order of their ids: O, B-a, I-a, B-b, I-b, ..."""
    return ("O", *(f"{prefix}-{label}" for label in labels for prefix in "BI"))


def _place(position, tag, scheme):
    """(place in its entity, label) of a tag."""
    if scheme not in _PLACES:
        raise ValueError(f"scheme must be one of {', '.join(TAG_SCHEMES)}, not {scheme!r}")
    try:
        prefix, label = split_tag(tag)
    except ValueError as error:
        raise TagError(position, str(error)) from error
    if prefix == "O":
        return _OUTSIDE
    if prefix not in _PLACES[scheme]:
        raise TagError(position, f"{tag} is no tag of {scheme}, whose prefixes are O, {', '.join(_PLACES[scheme])}")
    return _PLACES[scheme][prefix], label


def _begins(before, here):
    """Whether a token begins an entity, given the one before; as conlleval decides it."""
    return before[1] != here[1] or here[0] in ("begin", "single") or before[0] in ("end", "single")


def _check_step(position, before, here, tags, scheme):
    """Refuses a tag that must not follow the one before it."""
    shown = tags[position] if position < len(tags) else "the end"
    previous = tags[position - 1] if position else "the beginning"
    continues = here[0] in ("inside", "end")
    if scheme == "IOB1":
        if here[0] == "begin" and before[1] != here[1]:
            raise TagError(position, f"{shown} after {previous} is not IOB1, where B- only parts entities of one label")
        return
    if continues and (before[1] != here[1] or before[0] not in ("begin", "inside")):
        raise TagError(position, f"{shown} after {previous} continues no entity of its label, as {scheme} wants")
    if scheme != "BIO" and not continues and before[0] in ("begin", "inside"):
        last = "L" if scheme == "BILOU" else "E"
        raise TagError(
            position - 1, f"the entity of {previous} goes on to no {last}-{before[1]} before {shown}, as {scheme} wants"
        )
