"""Which encoded pairs are kept for training, and a report of those that are not."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.errors import UserError


@dataclass
class FilterReport:
    """How many pairs were kept and how many were dropped for each reason; a pair counts under the first that applies.

    Attributes:
        kept: Pairs that passed.
        empty: Pairs without any token on one side or both.
        source_too_long: Pairs whose source, with its end token, exceeds the limit.
        target_too_long: Pairs whose target, with its end token, exceeds the limit.
        ratio: Pairs of which one side is too many times as long as the other.
        limits: The `LengthFilter` that counted, for printing.

    Example:
        >>> print(report)
        kept 28,990 of 29,000 pairs; dropped 10 (0.03%): 3 empty, 7 with source longer than 64 tokens
    """

    limits: "LengthFilter"
    kept: int = 0
    empty: int = 0
    source_too_long: int = 0
    target_too_long: int = 0
    ratio: int = 0

    @property
    def dropped(self) -> int:
        """Number of pairs dropped for any reason."""
        return self.empty + self.source_too_long + self.target_too_long + self.ratio

    @property
    def total(self) -> int:
        """Number of pairs seen."""
        return self.kept + self.dropped

    def __str__(self):
        text = f"kept {self.kept:,} of {self.total:,} pairs"
        if not self.dropped:
            return text
        reasons = (
            (self.empty, "empty"),
            (self.source_too_long, f"with source longer than {self.limits.max_source_length} tokens"),
            (self.target_too_long, f"with target longer than {self.limits.max_target_length} tokens"),
            (self.ratio, f"with a length ratio above {self.limits.max_length_ratio:g}" if self.ratio else ""),
        )
        listed = ", ".join(f"{count:,} {reason}" for count, reason in reasons if count)
        return f"{text}; dropped {self.dropped:,} ({self.dropped / self.total:.2%}): {listed}"


@dataclass(frozen=True)
class LengthFilter:
    """Keeps pairs with tokens on both sides, neither side too long, and lengths of a similar size.

    Attributes:
        max_source_length: Most source tokens that the model sees, the end token included.
        max_target_length: Most target tokens, the end token (or the start token) included.
        max_length_ratio: Most times that one side may be as long as the other, in tokens without the end token, as
            `clean-corpus-n.perl` of Moses counts; None for any.

    Raises:
        UserError: For limits that no pair could meet.
    """

    max_source_length: int
    max_target_length: int
    max_length_ratio: float | None = None

    def __post_init__(self):
        for name in ("max_source_length", "max_target_length"):
            if getattr(self, name) < 2:
                raise UserError(f"{name}={getattr(self, name)} leaves no room for text: it must be at least 2")
        if self.max_length_ratio is not None and not self.max_length_ratio >= 1:
            raise UserError(f"max_length_ratio={self.max_length_ratio} must be at least 1, or None for no limit")

    def report(self) -> FilterReport:
        """Returns a new `FilterReport` with all counts 0."""
        return FilterReport(self)

    def kept(self, source_lengths: Any, target_lengths: Any, report: Any) -> np.ndarray:
        """Says which pairs pass, and counts them.

        Args:
            source_lengths: int array [N], tokens without special tokens.
            target_lengths: int array [N], likewise.
            report: `FilterReport` to add the counts to.

        Returns:
            bool array [N].
        """
        keep = np.ones(len(source_lengths), bool)
        shorter = np.minimum(source_lengths, target_lengths)
        longer = np.maximum(source_lengths, target_lengths)
        reasons = {
            "empty": shorter == 0,
            "source_too_long": source_lengths + 1 > self.max_source_length,
            "target_too_long": target_lengths + 1 > self.max_target_length,
        }
        if self.max_length_ratio is not None:
            reasons["ratio"] = longer > shorter * self.max_length_ratio
        for reason, applies in reasons.items():
            setattr(report, reason, getattr(report, reason) + int(np.sum(keep & applies)))
            keep &= ~applies
        report.kept += int(np.sum(keep))
        return keep
