"""Which parts of a pretrained encoder learn, and how fast: freezing and layer-wise learning rates."""

from typing import Any

from zoo.errors import UserError
from zoo.ranges import check_range


def freeze(model: Any, trainable_blocks: Any = None) -> None:
    """Keeps the lower layers of a model's encoder as they are.

    Args:
        model: A model with a head over an encoder, such as `zoo.models.TokenClassifier`.
        trainable_blocks: How many of the encoder's blocks learn, counted from the top, besides the head and the
            pooler; None for everything, embeddings included. A block that several layers share learns if one of them
            does.

    Raises:
        UserError: for more blocks than there are, or fewer than none.
    """
    encoder = model.encoder
    if trainable_blocks is not None and not 0 <= trainable_blocks <= encoder.num_layers:
        raise UserError(
            f"the encoder has {encoder.num_layers} blocks; {trainable_blocks} of them cannot be trained: "
            f"give a number from 0 to {encoder.num_layers}, or none to train everything"
        )
    # Layer by layer: under TensorFlow, Keras ignores `encoder.trainable = True` if the encoder itself already is.
    for layer in encoder.embedding_layers:
        layer.trainable = trainable_blocks is None
    for block, height in _heights(encoder):
        block.trainable = trainable_blocks is None or height < trainable_blocks


def layer_rate_factors(model: Any, decay: Any) -> dict[str, float]:
    """Factors of the learning rate that shrink from the head down to the embeddings.

    The head and the pooler have factor 1, the top block `decay`, the one below `decay ** 2`, and so on. A block that
    several layers share counts as the top one of them.

    Args:
        model: A built model with a head over an encoder.
        decay: Above 0 and at most 1.

    Returns:
        dict from variable path to factor, for `zoo.training.build_optimizer`.

    Raises:
        UserError: for an impossible decay.

    Source: Howard and Ruder 2018, https://arxiv.org/abs/1801.06146, section 3.2 (discriminative fine-tuning).
    """
    check_range("the layer-wise learning-rate decay", decay, above=0, most=1)
    encoder = model.encoder
    factors = {}
    for block, height in _heights(encoder):
        factors.update({variable.path: decay ** (height + 1) for variable in block.variables})
    for layer in encoder.embedding_layers:
        factors.update({variable.path: decay ** (encoder.num_layers + 1) for variable in layer.variables})
    return factors


def _heights(encoder):
    """Each block and how many layers are above the last one that it makes."""
    passes = list(encoder.passes)
    layers_of_pass = encoder.num_layers / len(passes)
    for i, block in enumerate(encoder.encoder_blocks):
        # A block that no layer goes through has nothing to learn.
        above = passes[::-1].index(i) if i in passes else len(passes)
        yield block, int(above * layers_of_pass)
