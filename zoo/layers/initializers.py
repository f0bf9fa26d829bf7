"""Weight initialisers of the zoo, each drawn from `keras.utils.set_random_seed`'s global seed."""

import keras

# Of every matrix of BERT (Devlin et al. 2019, https://arxiv.org/abs/1810.04805) and of the models that follow it.
BERT_STDDEV = 0.02
FAN_IN = "fan_in"


def projection_initializer(stddev=None, variance=1.0):
    """For projections: truncated normal with the given standard deviation.

    If that is None: uniform in +-sqrt(6 / (fan_in + fan_out)) (Glorot & Bengio 2010). If it is "fan_in", as in T5:
    normal with variance `variance / fan_in`.
    """
    if stddev == FAN_IN:
        return keras.initializers.VarianceScaling(variance, "fan_in", "untruncated_normal")
    return keras.initializers.GlorotUniform() if stddev is None else keras.initializers.TruncatedNormal(stddev=stddev)


def embedding_initializer(hidden_dim, stddev=None):
    """For tables of vectors: truncated normal with the given standard deviation.

    If that is None: normal with standard deviation hidden_dim ** -0.5, so that scaled embeddings have unit variance.
    """
    if stddev is None:
        return keras.initializers.RandomNormal(stddev=hidden_dim**-0.5)
    return keras.initializers.TruncatedNormal(stddev=stddev)
