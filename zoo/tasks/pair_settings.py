"""How a task reads two texts as one row of tokens."""

from dataclasses import dataclass

from zoo.errors import UserError
from zoo.tasks.pair_rows import TRUNCATIONS


@dataclass(frozen=True)
class PairSettings:
    """What stands between and around two texts, and which of them is cut; for the settings of a task to inherit.

    Raises:
        UserError: for an impossible value, naming the attribute.

    Attributes:
        separators: End tokens between the texts: 1 in `[CLS] a [SEP] b [SEP]` of BERT, 2 in `<s> a </s></s> b </s>` of
            RoBERTa.
        second_segment: Segment of the second text: 1 in BERT, 0 in models that do not tell the texts apart by segments.
    """

    separators: int = 1
    second_segment: int = 1

    def __post_init__(self):
        for name, least, most in (("separators", 1, 2), ("second_segment", 0, 1)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
                raise UserError(f"{name} must be {least} or {most}, got {value!r}")


@dataclass(frozen=True)
class CutPairSettings(PairSettings):
    """`PairSettings` of tasks that cut off what is too long.

    Attributes:
        truncation: Which text loses its end where both are too long together: "longest_first", down to the length of
            the other and then both alike, "only_first" or "only_second".
    """

    truncation: str = "longest_first"

    def __post_init__(self):
        super().__post_init__()
        if self.truncation not in TRUNCATIONS:
            raise UserError(f"truncation must be one of {', '.join(TRUNCATIONS)}, got {self.truncation!r}")
