"""The encoder of ELECTRA: BERT's, in the small size with narrower vectors of tokens."""

import keras

from zoo.models.encoder import Encoder

# Clark et al. 2020, table 6; sizes of the discriminator.
SIZES = {
    "small": dict(num_layers=12, hidden_dim=256, intermediate_dim=1024, num_heads=4, embedding_dim=128, pooler=False),
    "base": dict(num_layers=12, hidden_dim=768, intermediate_dim=3072, num_heads=12, pooler=False),
    "large": dict(num_layers=24, hidden_dim=1024, intermediate_dim=4096, num_heads=16, pooler=False),
}


@keras.saving.register_keras_serializable(package="zoo")
class Electra(Encoder):
    """An `Encoder` as it is published for ELECTRA: perhaps of a narrow embedding, and without a pooler.

    Source: Clark et al. 2020, https://arxiv.org/abs/2003.10555.

    Example:
        >>> encoder = Electra.from_size("small", vocabulary_size=100)
        >>> ids = np.array([[5, 6, 2]])
        >>> encoder({"token_ids": ids, "padding_mask": ids > 0})["hidden_states"].shape
        (1, 3, 256)
    """

    sizes = SIZES
