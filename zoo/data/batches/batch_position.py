"""Where in an epoch a run goes on."""

from zoo.errors import UserError


def check_batch_position(skip_batches: int, epoch: int, num_batches: int) -> None:
    """Refuses a position that an epoch does not have.

    Args:
        skip_batches: Batches that are left out.
        epoch: Number of the epoch.
        num_batches: Batches that it has.

    Raises:
        UserError: if there are fewer.
    """
    if skip_batches > num_batches:
        raise UserError(
            f"cannot resume after batch {skip_batches} of epoch {epoch}, which has {num_batches} batches: "
            "the data or the batch size changed; start the run anew"
        )
