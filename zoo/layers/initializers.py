"""Weight initialisers of the zoo, each drawn from `keras.utils.set_random_seed`'s global seed."""

import keras


def glorot_uniform():
    """Uniform in +-sqrt(6 / (fan_in + fan_out)), for projections (Glorot & Bengio 2010)."""
    return keras.initializers.GlorotUniform()


def embedding_normal(hidden_dim):
    """Normal with standard deviation hidden_dim ** -0.5, so that scaled embeddings have unit variance."""
    return keras.initializers.RandomNormal(stddev=hidden_dim**-0.5)
