"""Floating-point operations of an update, counted from a model's structure and the shapes of a batch."""

from typing import Any

from zoo.models.transformer_model import TransformerModel


def training_flops(model: Any, x: Any) -> int:
    """Floating-point operations of forward and backward pass over a batch: what model FLOP/s and MFU are made of.

    Matrix products alone are counted, each multiply-add as two operations. A product with weights of N entries costs
    2 N for each position, attention over S keys 4 S H K for each query (scores and weighted values, H heads of width K,
    no less where a causal mask or a window hides some of them). The backward pass costs the same once for the gradient
    of either factor: three times the forward pass in all, less where layers are frozen. So a GPT-2 of N weights, table
    of logits included, needs `6 N + 12 L T D` for each of T positions.

    Not counted are look-ups in tables, normalisation, activations, softmax, the optimizer, and what is computed anew
    to save memory: the number depends on the model and not on how it is trained. Padding is counted as real tokens are.

    Args:
        model: A built model of `zoo.models`.
        x: dict of arrays, its inputs; only their shapes matter.

    Returns:
        int.

    Raises:
        TypeError: for a model that is none of `zoo.models`.

    Source: Chowdhery et al. 2022 (PaLM), https://arxiv.org/abs/2204.02311, appendix B; the factor 3: Kaplan et al.
    2020, https://arxiv.org/abs/2001.08361, section 2.1.

    Example:
        >>> training_flops(GPT2.from_size("small"), {"token_ids": np.zeros((1, 1024), "int32")})
        874944921600
    """
    if not isinstance(model, TransformerModel):
        raise TypeError(f"the operations of {type(model).__name__} cannot be counted")
    return model.flops(x)
