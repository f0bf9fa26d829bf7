"""Numbers that must lie in a range."""

from zoo.errors import UserError


def check_range(
    name: str,
    value: float | None,
    *,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    below: float | None = None,
) -> None:
    """Refuses a number outside of a range, and what is no number at all (NaN); None passes.

    Args:
        name: What the number is, as the user has written it.
        value: The number.
        least, above: Lower bound that may be reached, or may not.
        most, below: Upper bound that may be reached, or may not.

    Raises:
        UserError: naming the number, its range and its value.

    Example:
        >>> check_range("--label-smoothing", 1.5, least=0, below=1)
        Traceback (most recent call last):
        zoo.errors.UserError: --label-smoothing must be at least 0 and below 1, got 1.5
    """
    if value is None or (
        (least is None or value >= least)
        and (above is None or value > above)
        and (most is None or value <= most)
        and (below is None or value < below)
    ):
        return
    if least is not None and most is not None:
        said = f"between {least} and {most}"
    else:
        bounds = ((least, "at least"), (above, "above"), (most, "at most"), (below, "below"))
        said = " and ".join(f"{words} {bound}" for bound, words in bounds if bound is not None)
    raise UserError(f"{name} must be {said}, got {value}")
