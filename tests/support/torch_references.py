"""PyTorch's own Transformer layers with the weights of ours."""

import torch
from keras import ops


def tensor(value):
    """A float32 or integer torch tensor of anything array-like."""
    return torch.tensor(ops.convert_to_numpy(value))


def _copy_linear(linear, dense):
    with torch.no_grad():
        linear.weight.copy_(tensor(dense.kernel).T)
        linear.bias.copy_(tensor(dense.bias))


def _copy_norm(norm, layer):
    with torch.no_grad():
        norm.weight.copy_(tensor(layer.gamma))
        norm.bias.copy_(tensor(layer.beta))


def _copy_attention(reference, layer):
    parts = (layer.query, layer.key, layer.value)
    kernels = [tensor(part.kernel).T for part in parts]
    with torch.no_grad():
        if reference.in_proj_weight is None:
            for weight, kernel in zip(
                (reference.q_proj_weight, reference.k_proj_weight, reference.v_proj_weight), kernels, strict=True
            ):
                weight.copy_(kernel)
        else:
            reference.in_proj_weight.copy_(torch.cat(kernels))
        reference.in_proj_bias.copy_(torch.cat([tensor(part.bias) for part in parts]))
    _copy_linear(reference.out_proj, layer.output_projection)


def attention(layer, key_value_dim=None):
    """`torch.nn.MultiheadAttention` of a built `Attention`."""
    reference = torch.nn.MultiheadAttention(
        layer.hidden_dim, layer.num_heads, kdim=key_value_dim, vdim=key_value_dim, batch_first=True
    )
    _copy_attention(reference, layer)
    return reference


def _options(block):
    config = block.get_config()
    return dict(
        d_model=config["hidden_dim"],
        nhead=config["attention"]["num_heads"],
        dim_feedforward=config["feed_forward"]["intermediate_dim"],
        dropout=0.0,
        activation=config["feed_forward"]["activation"],
        layer_norm_eps=config["norm_epsilon"],
        norm_first=config["order"] == "pre",
        batch_first=True,
    )


def _copy_feed_forward(reference, block):
    _copy_linear(reference.linear1, block.feed_forward.up_projection)
    _copy_linear(reference.linear2, block.feed_forward.down_projection)


def encoder_layer(block):
    """`torch.nn.TransformerEncoderLayer` of a built `TransformerBlock`."""
    reference = torch.nn.TransformerEncoderLayer(**_options(block))
    _copy_attention(reference.self_attn, block.self_attention)
    _copy_norm(reference.norm1, block.self_attention_norm)
    _copy_feed_forward(reference, block)
    _copy_norm(reference.norm2, block.feed_forward_norm)
    return reference


def decoder_layer(block):
    """`torch.nn.TransformerDecoderLayer` of a built causal `TransformerBlock` with cross-attention."""
    reference = torch.nn.TransformerDecoderLayer(**_options(block))
    _copy_attention(reference.self_attn, block.self_attention)
    _copy_norm(reference.norm1, block.self_attention_norm)
    _copy_attention(reference.multihead_attn, block.cross_attention)
    _copy_norm(reference.norm2, block.cross_attention_norm)
    _copy_feed_forward(reference, block)
    _copy_norm(reference.norm3, block.feed_forward_norm)
    return reference


def layer_norm(layer):
    """`torch.nn.LayerNorm` of a built `keras.layers.LayerNormalization`, or the identity for None."""
    if layer is None:
        return torch.nn.Identity()
    reference = torch.nn.LayerNorm(layer.gamma.shape[0], eps=layer.epsilon)
    _copy_norm(reference, layer)
    return reference


def hidden_positions(length):
    """The additive mask of causal attention, True where a position must not be seen."""
    return torch.triu(torch.ones(length, length, dtype=torch.bool), diagonal=1)
