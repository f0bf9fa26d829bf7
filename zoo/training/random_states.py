"""States of random generators that are no variables of the model.

Keras's seed generators are variables. Under PyTorch, though, dropout without a seed draws from PyTorch's own
generator, and so does Keras itself whenever it begins to read data.
"""

import keras


def random_states():
    """The states to come back to: numpy uint8 arrays, the CPU's first; an empty list except under PyTorch."""
    if keras.backend.backend() != "torch":
        return []
    import torch

    # Copies, because PyTorch may share the memory.
    return [state.numpy().copy() for state in (torch.get_rng_state(), *torch.cuda.get_rng_state_all())]


def set_random_states(states):
    """Goes back to what `random_states` gave; states of devices that are not here are left out."""
    if keras.backend.backend() != "torch" or not states:
        return
    import torch

    torch.set_rng_state(torch.from_numpy(states[0].copy()))
    for device, state in enumerate(states[1 : 1 + torch.cuda.device_count()]):
        torch.cuda.set_rng_state(torch.from_numpy(state.copy()), device)
