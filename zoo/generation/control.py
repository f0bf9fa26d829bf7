"""An option of a search that every row of a batch can have a value of its own for."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Control:
    """One per-row option, such as `length_penalty`.

    Attributes:
        dtype: "int32", "int64" or "float32".
        default: The value used where the caller gives none.
        minimum, maximum: Inclusive bounds; a value outside is refused with the control's name.
        description: One line for signatures and generated documentation.
        trial: What exports are verified with where any value will do; the default if None.
    """

    dtype: str
    default: int | float
    minimum: int | float
    maximum: int | float
    description: str
    trial: int | float | None = None
