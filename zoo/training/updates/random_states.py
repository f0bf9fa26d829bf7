"""States of random generators that are no variables of the model.

Keras's seed generators are variables. Under PyTorch, though, dropout without a seed draws from PyTorch's own
generator, and so does Keras itself whenever it begins to read data.
"""

import keras

from zoo.training.distributed.replicas import replicas_of_torchrun


def random_states():
    """The states to come back to: numpy uint8 arrays, the CPU's first; an empty list except under PyTorch.

    Of several processes each gets the states of all, one process after the other.
    """
    if keras.backend.backend() != "torch":
        return []
    import torch

    # Copies, because PyTorch may share the memory.
    own = [state.numpy().copy() for state in (torch.get_rng_state(), *torch.cuda.get_rng_state_all())]
    _, count = replicas_of_torchrun().shares[0]
    if count == 1:
        return own
    of_all: list = [None] * count
    torch.distributed.all_gather_object(of_all, own)
    return [state for states in of_all for state in states]


def set_random_states(states):
    """Goes back to what `random_states` gave, with as many processes; with others, this one's states stay."""
    if keras.backend.backend() != "torch" or not states:
        return
    import torch

    rank, count = replicas_of_torchrun().shares[0]
    if count > 1:
        each = 1 + torch.cuda.device_count()
        if len(states) != count * each:
            return
        states = states[rank * each : (rank + 1) * each]
    torch.set_rng_state(torch.from_numpy(states[0].copy()))
    for device, state in enumerate(states[1 : 1 + torch.cuda.device_count()]):
        torch.cuda.set_rng_state(torch.from_numpy(state.copy()), device)
