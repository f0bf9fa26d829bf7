"""The encoder of MPNet: BERT's without segments, with a learned bias of attention by distance."""

import keras

from zoo.models.encoder import Encoder

SIZES = {
    # Song et al. 2020, section 3.1.
    "base": dict(
        num_layers=12,
        hidden_dim=768,
        intermediate_dim=3072,
        num_heads=12,
        num_segments=0,
        position_offset=2,
        layer_norm_epsilon=1e-5,
        num_relative_buckets=32,
    ),
}


@keras.saving.register_keras_serializable(package="zoo")
class MPNet(Encoder):
    """An `Encoder` as it is published for MPNet.

    Source: Song et al. 2020, https://arxiv.org/abs/2004.09297.

    Example:
        >>> encoder = MPNet.from_size("base", vocabulary_size=100, num_layers=2)
        >>> ids = np.array([[5, 6, 2]])
        >>> encoder({"token_ids": ids, "padding_mask": ids > 0})["hidden_states"].shape
        (1, 3, 768)
    """

    sizes = SIZES
