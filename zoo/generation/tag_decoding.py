"""The best legal tag sequence for word scores (Viterbi), and the entities it spells, all in tensors.

Runs in a TensorFlow graph with all sizes unknown while tracing, under `jax.jit` (with `max_spans`) and eagerly on all
backends.
"""

from typing import Any, NamedTuple

import numpy as np
from keras import ops

from zoo.errors import UserError
from zoo.generation.arg_max import arg_max
from zoo.generation.row_gather import gather_per_row

_BEGIN, _INSIDE, _END, _SINGLE = "B", "IM", "EL", "SU"
_OUTSIDE = "O"
SIMPLE = "SIMPLE"
"""The scheme of tags of any spelling, as aggregation_strategy "simple" of transformers' pipeline reads them."""


class TagRules:
    """Which tag may follow which, and where entities begin, as constants for a decoder.

    Tags are "O" or a prefix, a hyphen and a label. They may come in any order, as in a checkpoint from elsewhere.

    Args:
        tags: Sequence of C str, the tag of each id.
        scheme: "BIO": I-x follows B-x or I-x only. "IOB1": everything may follow everything. "BIOES": also ends and
            single tokens, with the letters of BILOU and BMES as well. "SIMPLE": tags of any spelling, of which
            neighbours that are alike but for the prefixes B- and I- are one entity, unless the second has B-; the label
            is what follows the first hyphen, or the whole tag, and "O" is no entity.

    Attributes:
        tags: tuple of str.
        labels: tuple of str, in the order in which the tags first name them.
        label_ids: int32 [C], the index in `labels` of each tag's label; 0 for "O".
        is_outside: bool [C].
        may_begin: bool [C], whether a sequence may begin with the tag.
        may_end: bool [C].
        scheme: As given.
        may_follow: bool [C, C]; entry [y, x] says whether x may come after y.
        begins: bool [C, C]; entry [y, x] says whether an entity begins at x when it comes after y.

    Raises:
        UserError: The tags are of another scheme, or the same tag comes twice.
    """

    def __init__(self, tags, scheme="BIO"):
        allowed = {"BIO": "BI", "IOB1": "BI", "BIOES": "BIMELSU", SIMPLE: ""}
        if scheme not in allowed:
            raise UserError(f"tags cannot be decoded as {scheme!r}; the schemes are {', '.join(allowed)}")
        self.tags, self.scheme = tuple(tags), scheme
        if len(set(self.tags)) != len(self.tags):
            twice = next(tag for tag in self.tags if self.tags.count(tag) > 1)
            raise UserError(f"the tag {twice!r} comes twice; each tag needs an id of its own")
        prefixes, labels = [], []
        for tag in self.tags:
            prefix, hyphen, label = tag.partition("-")
            if scheme == SIMPLE:
                prefix, label = _read_simply(tag)
            elif tag != _OUTSIDE and (not hyphen or not label or len(prefix) != 1 or prefix not in allowed[scheme]):
                raise UserError(f"{tag!r} is no tag of {scheme}: tags are O or one of {allowed[scheme]}, - and a label")
            prefixes.append(prefix)
            labels.append(label)
        places = list(zip(prefixes, labels, strict=True))
        if scheme == SIMPLE:
            # What is compared is the tag without B- and I-, what is given the text behind the first hyphen.
            labels = [tag.split("-", 1)[-1] for tag in self.tags]
            labels = ["" if label == _OUTSIDE else label for label in labels]
            self.is_outside = np.array([not label for label in labels])
        else:
            self.is_outside = np.array([tag == _OUTSIDE for tag in self.tags])
        self.labels = tuple(dict.fromkeys(label for label in labels if label))
        self.label_ids = np.array([self.labels.index(label) if label else 0 for label in labels], np.int32)
        outside = (_OUTSIDE, "")
        self.may_begin = np.array([_may_follow(outside, here, scheme) for here in places])
        self.may_end = np.array([_may_follow(here, outside, scheme) for here in places])
        self.may_follow = np.array([[_may_follow(before, here, scheme) for here in places] for before in places])
        self.begins = np.array([[_begins(before, here) for here in places] for before in places])
        if scheme == SIMPLE:
            self.begins = np.array([[here[0] == "B" or here[1] != before[1] for here in places] for before in places])
            self.begins &= ~self.is_outside
        dead_ends = [tag for tag, may in zip(self.tags, np.any(self.may_follow, axis=1), strict=True) if not may]
        if dead_ends:
            raise UserError(f"nothing may follow {dead_ends[0]} among the tags {', '.join(self.tags)} in {scheme}")
        if not self.may_begin.any():
            raise UserError(f"no sequence can begin with any of the tags {', '.join(self.tags)} in {scheme}")


def _may_follow(before, here, scheme):
    """Whether a tag may come after another, given as (prefix, label)."""
    if scheme in ("IOB1", SIMPLE):
        return True
    open_before = before[0] in _BEGIN or before[0] in _INSIDE
    continues = here[0] in _INSIDE or here[0] in _END
    if continues:
        return open_before and before[1] == here[1]
    return scheme == "BIO" or not open_before


def _read_simply(tag):
    """(prefix, what must be alike in an entity) of a tag, in the scheme "SIMPLE"."""
    return (tag[0], tag[2:]) if tag.startswith(("B-", "I-")) else ("I", tag)


def _begins(before, here):
    """Whether an entity begins at a tag; for sequences that are legal nowhere, as conlleval decides it."""
    closed = before[0] in _END or before[0] in _SINGLE
    return here[0] != _OUTSIDE and (here[0] in _BEGIN or here[0] in _SINGLE or closed or before[1] != here[1])


class TagSpans(NamedTuple):
    """The entities of a batch of texts, in the order of their words.

    B texts, N entities at most. Places after a text's last entity hold zeros.

    Attributes:
        starts: int32 [B, N], index of the first word.
        ends: int32 [B, N], index of the word after the last.
        label_ids: int32 [B, N], indices in `TagRules.labels`.
        scores: float32 [B, N]: the geometric mean, over the words of the entity, of the softmax probability of each
            word's tag: the exponential of the mean log-probability. Between 0 and 1. The arithmetic mean in the scheme
            "SIMPLE".
        counts: int32 [B], how many entities each text has.
    """

    starts: Any
    ends: Any
    label_ids: Any
    scores: Any
    counts: Any


def best_tags(scores, lengths, rules, transitions=None, begin_scores=None, end_scores=None):
    """The legal tag sequence with the largest sum of scores (Viterbi 1967).

    Args:
        scores: float [B, T, C]: log-probabilities, or logits (equal for sequences without learned transitions).
        lengths: int32 [B], words of each text.
        rules: `TagRules` of C tags.
        transitions: float [C, C] or None. Learned scores of a linear-chain CRF; entry [y, x] is added where x follows
            y. Forbidden steps stay forbidden.
        begin_scores, end_scores: float [C] or None, likewise for the first and the last tag.

    Returns:
        int32 [B, T]; 0 after a text's end. Which of several equal sums wins is not promised, but a
        text's tags do not depend on the texts beside it.
    """
    # Minus infinity for all tags at once would leave nothing to compare.
    lengths = ops.cast(lengths, "int32")
    scores = ops.clip(ops.cast(scores, "float32"), -1e9, 1e9)
    within = ops.expand_dims(ops.arange(ops.shape(scores)[1], dtype="int32"), 0) < ops.expand_dims(lengths, 1)
    if not (transitions is None and begin_scores is None and end_scores is None):
        return ops.where(within, _viterbi(scores, within, rules, transitions, begin_scores, end_scores), 0)
    # Without learned scores, the best tag of every word is the best sequence wherever it is a legal one. That spares
    # most batches the loop over their words.
    tags = ops.where(within, arg_max(scores, axis=2), 0)
    legal = _are_legal(tags, within, rules)
    return ops.cond(
        ops.all(legal),
        lambda: tags,
        lambda: ops.where(ops.logical_or(legal, ops.logical_not(within)), tags, _viterbi(scores, within, rules)),
    )


def _are_legal(tags, within, rules):
    """bool [B, 1], whether the tags of each text follow the rules."""
    num_tags = len(rules.tags)
    # One more tag, for "no word", is before and after every text.
    table = np.ones((num_tags + 1, num_tags + 1), bool)
    table[:num_tags, :num_tags] = rules.may_follow
    table[num_tags, :num_tags] = rules.may_begin
    table[:num_tags, num_tags] = rules.may_end
    tags = ops.pad(ops.where(within, tags, num_tags), ((0, 0), (1, 1)), constant_values=num_tags)
    steps = ops.take(ops.convert_to_tensor(table.reshape(-1)), tags[:, :-1] * (num_tags + 1) + tags[:, 1:])
    return ops.all(steps, axis=1, keepdims=True)


def _viterbi(scores, within, rules, transitions=None, begin_scores=None, end_scores=None):
    """int32 [B, T], the best legal tags for float32 scores [B, T, C]; anything where `within` [B, T] is false."""
    num_words = ops.shape(scores)[1]
    steps = ops.expand_dims(_with_rule(transitions, rules.may_follow), 0)
    first = ops.expand_dims(_with_rule(begin_scores, rules.may_begin), 0)
    last = ops.expand_dims(_with_rule(end_scores, rules.may_end), 0)
    unchanged = ops.expand_dims(ops.arange(len(rules.tags), dtype="int32"), 0)
    # One tensor, because of several the loop wants lengths known beforehand. Two words more than there are, so that
    # it has a step to take when there is no word at all.
    words = ops.concatenate([scores, ops.cast(ops.expand_dims(within, 2), "float32")], axis=2)
    words = ops.transpose(ops.pad(words, ((0, 0), (0, 2), (0, 0))), (1, 0, 2))
    begin = words[0, :, :-1] + first

    def forward(carry, word):
        best, _ = carry
        candidates = ops.expand_dims(best, 2) + steps
        found = ops.max(candidates, axis=1) + word[:, :-1]
        # Only differences count; without this, sums over a long text would lose the digits that decide.
        found = found - ops.max(found, axis=1, keepdims=True)
        real = word[:, -1:] > 0
        parents = ops.where(real, arg_max(candidates, axis=1), unchanged)
        carry = (ops.where(real, found, best), parents)
        return carry, carry

    start = (begin, ops.zeros_like(begin, dtype="int32"))
    (best, _), (_, parents) = ops.scan(forward, start, words[1:])
    final = arg_max(best + last, axis=1)

    def backward(tag, parents):
        before = gather_per_row(parents, ops.expand_dims(tag, 1))[:, 0]
        return before, before

    _, tags = ops.scan(backward, final, parents, reverse=True)
    return ops.transpose(tags)[:, :num_words]


def _with_rule(scores, allowed):
    """float32, minus infinity where a step is not allowed and the learned scores, or 0, elsewhere."""
    forbidden = ops.convert_to_tensor(np.where(allowed, 0.0, -np.inf).astype("float32"))
    return forbidden if scores is None else forbidden + ops.cast(scores, "float32")


def tag_spans(tag_ids, scores, lengths, rules, max_spans=None):
    """The entities that tags spell, with how sure the model is of each.

    Sequences that break the scheme are read as the script conlleval reads them; `best_tags` returns none.

    Args:
        tag_ids: int32 [B, T], from `best_tags`.
        scores: float [B, T, C], the logits or log-probabilities given to `best_tags`.
        lengths: int32 [B], words of each text.
        rules: `TagRules` of C tags.
        max_spans: Python int: the width N of the result; entities beyond are left out, and not counted. None for
            the largest number of entities of a text, at least 1, which no static shape can have.

    Returns:
        `TagSpans`.
    """
    num_tags = len(rules.tags)
    lengths = ops.cast(lengths, "int32")
    tag_ids = ops.cast(tag_ids, "int32")
    num_rows, num_words = ops.shape(tag_ids)[0], ops.shape(tag_ids)[1]
    positions = ops.expand_dims(ops.arange(num_words + 1, dtype="int32"), 0)
    # One more tag, for "no word", and one more word that has it: what comes before and after a text.
    nothing = ops.full((num_rows, 1), num_tags, dtype="int32")
    tags = ops.concatenate([tag_ids, nothing], axis=1)
    tags = ops.where(positions < ops.expand_dims(lengths, 1), tags, num_tags)
    before = ops.concatenate([nothing, tags[:, :-1]], axis=1)
    after = ops.concatenate([tags[:, 1:], nothing], axis=1)

    table = ops.convert_to_tensor(_begins_table(rules).reshape(-1))
    outside = ops.convert_to_tensor(np.append(rules.is_outside, True))
    begins = ops.take(table, before * (num_tags + 1) + tags)
    inside = ops.logical_not(ops.take(outside, tags))
    cut = ops.logical_or(ops.take(outside, after), ops.take(table, tags * (num_tags + 1) + after))
    ends = ops.logical_and(inside, cut)

    counts = ops.sum(ops.cast(begins, "int32"), axis=1)
    width = ops.max(ops.concatenate([counts, ops.ones((1,), dtype="int32")])) if max_spans is None else max_spans
    counts = ops.minimum(counts, width)

    def in_order(flags):
        """The positions of the flags, first in each row."""
        return _fitted(ops.sort(ops.where(flags, positions, num_words), axis=1), width, max_spans)

    starts, last_words = in_order(begins), in_order(ends)
    found = ops.expand_dims(ops.arange(width, dtype="int32"), 0) < ops.expand_dims(counts, 1)
    labels = ops.take(ops.convert_to_tensor(np.append(rules.label_ids, np.int32(0))), tags)
    simple = rules.scheme == SIMPLE
    sums = _fitted(_entity_sums(tag_ids, scores, begins, inside, simple), width, max_spans)
    sizes = ops.cast(last_words + 1 - starts, "float32")
    means = sums / sizes if simple else ops.exp(sums / sizes)
    return TagSpans(
        starts=ops.where(found, starts, 0),
        ends=ops.where(found, last_words + 1, 0),
        label_ids=ops.where(found, gather_per_row(labels, starts), 0),
        scores=ops.where(found, means, 0.0),
        counts=counts,
    )


def _begins_table(rules):
    """bool [C + 1, C + 1]: `rules.begins` with a last tag that stands for no word."""
    num_tags = len(rules.tags)
    table = np.zeros((num_tags + 1, num_tags + 1), bool)
    table[:num_tags, :num_tags] = rules.begins
    table[num_tags, :num_tags] = ~rules.is_outside
    return table


def _entity_sums(tag_ids, scores, begins, inside, of_probabilities):
    """float32 [B, T + 1]: for the n-th entity of each text, the sum of its words' (log-)probabilities."""
    num_rows, size = ops.shape(begins)[0], ops.shape(begins)[1]
    log_probs = ops.log_softmax(ops.cast(scores, "float32"), axis=-1)
    chosen = ops.sum(ops.where(ops.one_hot(tag_ids, log_probs.shape[-1], dtype="bool"), log_probs, 0.0), axis=-1)
    chosen = ops.pad(ops.exp(chosen) if of_probabilities else chosen, ((0, 0), (0, 1)))
    entity = ops.cumsum(ops.cast(begins, "int32"), axis=1) - 1
    segments = ops.expand_dims(ops.arange(num_rows, dtype="int32") * size, 1) + entity
    # Words outside of entities go to a place of their own at the end.
    segments = ops.where(inside, segments, num_rows * size)
    sums = ops.segment_sum(ops.reshape(chosen, (-1,)), ops.reshape(segments, (-1,)), num_rows * size + 1)
    return ops.reshape(sums[:-1], (num_rows, size))


def _fitted(values, width, max_spans):
    """The first `width` columns; zeros follow where a fixed width asks for more than there are."""
    if max_spans is not None:
        values = ops.pad(values, ((0, 0), (0, max_spans)))
    return values[:, :width]
