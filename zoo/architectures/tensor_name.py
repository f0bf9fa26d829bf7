"""Which weight of a model is which tensor of a file."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TensorName:
    """One variable and one tensor that hold the same values.

    Attributes:
        ours: Attributes and indices from the model to the variable, such as
            "encoder_blocks.0.feed_forward.up_projection.kernel".
        theirs: Name in the file.
        transposed: Whether the file holds the transposed matrix.
        part: If the file holds n such tensors side by side, joined on their last dimension in our orientation, and this
            one is number i of them, counted from 0: (i, n).
        columns: If it holds tensors of any widths side by side, in our orientation: where this one begins, and how wide
            all are together.
    """

    ours: str
    theirs: str
    transposed: bool = False
    part: tuple[int, int] | None = None
    columns: tuple[int, int] | None = None
