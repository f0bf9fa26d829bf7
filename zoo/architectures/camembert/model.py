"""The encoder of CamemBERT: RoBERTa's, with a French vocabulary."""

import keras

from zoo.models.encoder import Encoder

_OWN = dict(vocabulary_size=32005, max_sequence_length=512, num_segments=1, position_offset=2, layer_norm_epsilon=1e-5)
# Martin et al. 2020, section 4.
SIZES = {size: {**Encoder.sizes[size], **_OWN} for size in ("base", "large")}


@keras.saving.register_keras_serializable(package="zoo")
class Camembert(Encoder):
    """An `Encoder` as it is published for CamemBERT.

    Source: Martin et al. 2020, https://arxiv.org/abs/1911.03894.

    Example:
        >>> encoder = Camembert.from_size("base", vocabulary_size=100)
        >>> ids = np.array([[5, 6, 2]])
        >>> encoder({"token_ids": ids, "padding_mask": ids != 1})["hidden_states"].shape
        (1, 3, 768)
    """

    sizes = SIZES
