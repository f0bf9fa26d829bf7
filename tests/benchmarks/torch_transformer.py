"""The same Transformer in PyTorch: `torch.nn.Transformer` with the parts around it that it leaves to the user."""

import math

import torch


class TorchTransformer(torch.nn.Module):
    """`zoo.models.EncoderDecoder` with post-norm, relu, sinusoidal positions and all embeddings tied.

    What `nn.Transformer` has in addition is taken out, so that neither side does more work: the final normalisations
    of encoder and decoder, and dropout on attention weights and inside the feed-forward networks.

    Args:
        vocabulary_size, hidden_dim, intermediate_dim, num_heads, num_layers, dropout, max_sequence_length: As in
            `EncoderDecoder`.
    """

    def __init__(
        self, vocabulary_size, hidden_dim, intermediate_dim, num_heads, num_layers, dropout, max_sequence_length=512
    ):
        super().__init__()
        self.embedding = torch.nn.Embedding(vocabulary_size, hidden_dim)
        torch.nn.init.normal_(self.embedding.weight, std=hidden_dim**-0.5)
        self.scale = math.sqrt(hidden_dim)
        self.register_buffer("positions", _sinusoids(max_sequence_length, hidden_dim), persistent=False)
        self.dropout = torch.nn.Dropout(dropout)
        self.transformer = torch.nn.Transformer(
            hidden_dim,
            num_heads,
            num_layers,
            num_layers,
            intermediate_dim,
            dropout,
            activation="relu",
            batch_first=True,
            norm_first=False,
        )
        self.transformer.encoder.norm = self.transformer.decoder.norm = None
        for layer in [*self.transformer.encoder.layers, *self.transformer.decoder.layers]:
            layer.dropout = torch.nn.Identity()
            layer.self_attn.dropout = 0.0
        for layer in self.transformer.decoder.layers:
            layer.multihead_attn.dropout = 0.0

    def _embed(self, token_ids):
        vectors = self.embedding(token_ids) * self.scale + self.positions[: token_ids.shape[1]]
        return self.dropout(vectors)

    def forward(self, source_token_ids, source_padding_mask, target_token_ids):
        """Logits `[B, T, V]`; the mask is int `[B, S]`, 1 for real tokens."""
        padding = source_padding_mask == 0
        length = target_token_ids.shape[1]
        hidden = self.transformer(
            self._embed(source_token_ids),
            self._embed(target_token_ids),
            tgt_mask=torch.nn.Transformer.generate_square_subsequent_mask(length),
            tgt_is_causal=True,
            src_key_padding_mask=padding,
            memory_key_padding_mask=padding,
        )
        return hidden @ self.embedding.weight.T

    def load_weights_of(self, model):
        """Copies the weights of a built `EncoderDecoder` of the same sizes."""
        with torch.no_grad():
            _copy(self.embedding.weight, model.target_embedding.embeddings)
            for layer, block in zip(self.transformer.encoder.layers, model.encoder_blocks, strict=True):
                _copy_attention(layer.self_attn, block.self_attention)
                _copy_norms([layer.norm1, layer.norm2], [block.self_attention_norm, block.feed_forward_norm])
                _copy_feed_forward(layer, block.feed_forward)
            for layer, block in zip(self.transformer.decoder.layers, model.decoder_blocks, strict=True):
                _copy_attention(layer.self_attn, block.self_attention)
                _copy_attention(layer.multihead_attn, block.cross_attention)
                norms = [block.self_attention_norm, block.cross_attention_norm, block.feed_forward_norm]
                _copy_norms([layer.norm1, layer.norm2, layer.norm3], norms)
                _copy_feed_forward(layer, block.feed_forward)


def _sinusoids(length, dim):
    """Sines, then cosines, of wavelengths from 2 pi to 20,000 pi."""
    wavelengths = 10000.0 ** torch.linspace(0, 1, dim // 2, dtype=torch.float64)
    angles = torch.arange(length, dtype=torch.float64)[:, None] / wavelengths
    return torch.cat([angles.sin(), angles.cos()], dim=1).float()


def _tensor(variable):
    return torch.from_numpy(variable.numpy().copy())


def _copy(parameter, variable):
    parameter.copy_(_tensor(variable))


def _copy_linear(linear, dense):
    linear.weight.copy_(_tensor(dense.kernel).T)
    linear.bias.copy_(_tensor(dense.bias))


def _copy_attention(theirs, ours):
    layers = (ours.query, ours.key, ours.value)
    theirs.in_proj_weight.copy_(torch.cat([_tensor(layer.kernel).T for layer in layers]))
    theirs.in_proj_bias.copy_(torch.cat([_tensor(layer.bias) for layer in layers]))
    _copy_linear(theirs.out_proj, ours.output_projection)


def _copy_norms(theirs, ours):
    for norm, layer in zip(theirs, ours, strict=True):
        _copy(norm.weight, layer.gamma)
        _copy(norm.bias, layer.beta)


def _copy_feed_forward(theirs, ours):
    _copy_linear(theirs.linear1, ours.up_projection)
    _copy_linear(theirs.linear2, ours.down_projection)
