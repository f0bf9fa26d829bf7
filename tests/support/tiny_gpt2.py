"""Tiny random GPT-2 models of transformers, and what they and the zoo answer to the same batch."""

import numpy as np
import torch
import transformers
from keras import ops
from tiny_references import PADDING_MASK, V, token_ids

PUBLISHED = dict(vocab_size=V, n_embd=12, n_layer=2, n_head=3, n_positions=9)
"""What OpenAI's programs leave open; everything else is as published."""
OTHER = dict(
    **PUBLISHED,
    n_inner=20,
    activation_function="relu",
    layer_norm_epsilon=1e-3,
    resid_pdrop=0.11,
    embd_pdrop=0.12,
    attn_pdrop=0.13,
)
"""Values other than the defaults wherever a default could hide a key that is not read."""


def make_gpt2(cls=transformers.GPT2LMHeadModel, **config):
    """A model in evaluation mode, every weight noise; attention is computed by the code that knows every setting."""
    config = transformers.GPT2Config(
        **config, bos_token_id=None, eos_token_id=None, attn_implementation="eager", num_labels=3
    )
    model = cls(config).eval()
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for path, weight in model.named_parameters():
            mean = float(".ln_" in path and path.endswith("weight"))
            weight.copy_(mean + 0.4 * torch.randn(weight.shape, generator=generator))
    return model


def reference_logits(model):
    """float32 [number of real tokens, V] of a model of transformers."""
    with torch.no_grad():
        found = model(
            input_ids=torch.tensor(token_ids()).long(), attention_mask=torch.tensor(PADDING_MASK).long()
        ).logits.numpy()
    return found[PADDING_MASK == 1]


def logits(model):
    """The same of a model of the zoo."""
    found = ops.convert_to_numpy(model({"token_ids": token_ids(), "padding_mask": PADDING_MASK}))
    return found[PADDING_MASK == 1]


def assert_equal_logits(found, expected, tolerance=1e-4):
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)
    assert np.abs(np.diff(expected, axis=0)).max(axis=1).min() > 1e-2  # rows differ, so something is compared
