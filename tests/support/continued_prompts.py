"""Continuations of prompts of several lengths, read at once and step by step after a prefill; on any backend."""

import numpy as np
from keras import ops

VOCABULARY = 23


def continuations(prompt_lengths, num_hypotheses=1, num_steps=4, seed=8):
    """Random token ids of prompts [B, P], with noise where there is padding, and of continuations [B * K, T].

    Args:
        prompt_lengths: B numbers of real tokens; P is the largest of them, and one more where it is not 0.
        num_hypotheses: K, each different.
        num_steps: T.
        seed: Of the ids.

    Returns:
        token ids int32 [B, P], mask int32 [B, P], continuations int32 [B * K, T].
    """
    rng = np.random.default_rng(seed)
    lengths = np.array(prompt_lengths)
    longest = lengths.max() + (lengths.max() > 0)
    prompts = rng.integers(3, VOCABULARY, size=(len(lengths), longest)).astype("int32")
    mask = (np.arange(longest) < lengths[:, None]).astype("int32")
    targets = rng.integers(3, VOCABULARY, size=(len(lengths) * num_hypotheses, num_steps)).astype("int32")
    return prompts, mask, targets


def whole_and_steps(model, prompts, mask, targets, spare_room=0, as_searches=False):
    """float32 logits [B * K, T, V] after each token of the continuations: of whole rows at once, and step by step.

    With `as_searches` the steps are those of `after_prompts`.
    """
    num_steps, repeats = targets.shape[1], len(targets) // len(prompts)
    lengths = mask.sum(axis=1).repeat(repeats)
    rows = np.zeros((len(targets), mask.shape[1] + num_steps), "int32")
    for row, length, prompt, target in zip(rows, lengths, prompts.repeat(repeats, axis=0), targets, strict=True):
        row[: length + num_steps] = [*prompt[:length], *target]
    whole = ops.convert_to_numpy(model({"token_ids": rows}))
    whole = np.stack([logits[length : length + num_steps] for logits, length in zip(whole, lengths, strict=True)])

    prompts, mask = ops.convert_to_tensor(prompts), ops.convert_to_tensor(mask)
    if as_searches:
        cache, step = model.after_prompts(prompts, mask, num_steps + spare_room, repeats)
    else:
        prompt_cache, cache = model.prefill(prompts, mask), model.start_cache(len(targets), num_steps + spare_room)

        def step(token_ids, index, cache):
            return model.decode_step(token_ids, index, cache, prompt_cache, mask)

    steps = []
    for index in range(num_steps):
        token_ids, index = ops.convert_to_tensor(targets[:, index]), ops.convert_to_tensor(index, dtype="int32")
        logits, cache = step(token_ids, index, cache)
        steps.append(ops.convert_to_numpy(logits))
    return whole, np.stack(steps, axis=1)
