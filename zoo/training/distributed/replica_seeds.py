"""Dropout that differs between replicas.

All replicas of a model begin with the same random generators, so that all would drop the same places of their rows.
Under JAX there is one generator for the whole batch, and nothing to do.
"""

import keras

# Odd, so that multiples of it do not meet within 32 bits.
_STRIDE = 0x9E3779B9


def spread_generators(replicas):
    """Gives the processes of PyTorch different states of its random generator; called once, at the start of a run."""
    if keras.backend.backend() != "torch" or replicas.count == 1:
        return
    import torch

    rank, _ = replicas.shares[0]
    torch.manual_seed((torch.initial_seed() + rank * _STRIDE) % 2**63)


def spread_seeds(model, replicas):
    """Gives the replicas of a model different states of its random generators.

    Under a strategy of TensorFlow every replica has a copy of each generator's state. That of the first replica, which
    is what checkpoints hold, stays as it is.

    Args:
        model: Built model, whose variables were made or have just been restored.
        replicas: Its `Replicas`.
    """
    if keras.backend.backend() != "tensorflow" or replicas.count == 1:
        return
    import tensorflow as tf

    for variable in seed_states(model):
        copies = model.distribute_strategy.experimental_local_results(variable.value)
        for (replica, _), copy in zip(replicas.shares, copies, strict=True):
            copy.assign(copy + tf.constant([replica * _STRIDE % 2**32, 0], copy.dtype))


def seed_states(model):
    """The variables with the states of a model's random generators, a list."""
    return [variable for variable in model.non_trainable_variables if variable.path.endswith("seed_generator_state")]
