"""Names of tensors in Hugging Face's PyTorch files."""

import re

from zoo.architectures.rule import names_of_rules
from zoo.checkpoints.bert_families import needs_pooler, rules_of_model

# Buffers that old versions of transformers saved; they are counted, not learned.
_BUFFERS = (r"(\w+\.)?embeddings\.(position_ids|token_type_ids)",)


def tensor_names(family, kind, num_layers, with_pooler):
    """`TensorName` of every weight of a model; see `rules_of_model`."""
    return names_of_rules(rules_of_model(family, kind, num_layers, with_pooler))


def ignored_names(family, kind, with_pooler):
    """Patterns of names that may be in a file without being used: buffers, and parts that the kind does not have."""
    patterns = list(_BUFFERS)
    used = {rule.theirs for rule in family.heads.get(kind, ())}
    for rules in family.heads.values():
        patterns += [_pattern(rule.theirs) for rule in rules if rule.theirs not in used]
    if kind in ("encoder", "token_classifier", "sequence_classifier"):
        # The output matrix and its bias under their second names; elsewhere they are compared.
        patterns += [re.escape(name) for name in family.copies]
        patterns += family.foreign_heads if kind == "encoder" else ()
    if not with_pooler:
        patterns += [rf"(\w+\.)?{_pattern(rule.theirs)}" for rule in family.pooler]
    return patterns


def _pattern(theirs):
    return rf"{re.escape(theirs)}(\.\w+)?"


def name_in_model(name, family, kind):
    """A tensor's name in a file of the given kind, whatever kind of file it comes from: with or without a prefix."""
    prefix = family.tensor_prefix
    if kind == "encoder":
        return name.removeprefix(prefix)
    starts = tuple({rule.theirs.split(".")[0] + "." for rule in (*family.encoder, *family.pooler)})
    return prefix + name if name.startswith(starts) else name


def pooler_is_there(names):
    """Whether a file holds a pooler, or a part of one."""
    return any("pooler.dense." in name for name in names)


def pooler_is_used(family, kind):
    """Whether transformers' model of a kind has a pooler; for an encoder alone, whether its family has one."""
    return bool(family.pooler) if kind == "encoder" else needs_pooler(family, kind)
