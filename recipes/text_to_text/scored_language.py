"""The language in which a recipe scores what its model writes, and whether that score can move."""

from zoo.errors import UserError
from zoo.metrics import target_language


def scored_language(given, known, references):
    """The language of the scores.

    Args:
        given: The code of --target-language, or None.
        known: The code that a named data set has, or None.
        references: list of str, which decide where there is no code.

    Returns:
        `zoo.metrics.TextLanguage`.

    Raises:
        UserError: There are no references, or they are not written in a script of that language.
    """
    if not any(text.strip() for text in references):
        raise UserError("the validation data has nothing to score, only empty lines; is it the right file?")
    return target_language(given or known, references)


def check_score_moves(metric, scores):
    """Refuses an early-stopping metric that is 0 whatever the model writes.

    Args:
        metric: The metric, such as "val_bleu".
        scores: What the references score against themselves, a dict from name without "val_" to float.

    Raises:
        UserError: naming the option.
    """
    if scores.get(metric.removeprefix("val_")) == 0:
        others = [f"val_{name}" for name, value in scores.items() if value > 0]
        raise UserError(
            f"--early-stopping-metric {metric} cannot be followed: the validation references score 0 even against "
            f"themselves; choose {' or '.join([*others, 'val_nll'])}"
        )
