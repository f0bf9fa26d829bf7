"""Floating-point operations of an update, counted from a model's structure and the shapes of a batch."""

import functools

from zoo.models.encoder import Encoder
from zoo.models.encoder_decoder import EncoderDecoder
from zoo.models.gpt2 import GPT2
from zoo.models.masked_token_predictor import MaskedTokenPredictor
from zoo.models.sequence_classifier import SequenceClassifier
from zoo.models.t5 import T5
from zoo.models.token_classifier import TokenClassifier
from zoo.weights import Matrix, matrices_of


@functools.singledispatch
def training_flops(model, x):
    """Floating-point operations of forward and backward pass over a batch: what model FLOP/s and MFU are made of.

    Matrix products alone are counted, each multiply-add as two operations. A product with weights of N entries costs
    2 N for each position, attention over S keys 4 S H K for each query (scores and weighted values, H heads of width
    K, no less where a causal mask hides half of them). The backward pass costs the same once for the gradient of
    either factor: three times the forward pass in all, less where layers are frozen. So a GPT-2 of N weights, table of
    logits included, needs `6 N + 12 L T D` for each of T positions.

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
    raise TypeError(f"the operations of {type(model).__name__} cannot be counted")


class _Activations:
    """Vectors of all positions on their way through a model, and the operations that they have cost.

    Args:
        rows, length: B and T.
        learns: Whether a gradient with regard to them is needed: whether any weight before them is trained.
    """

    def __init__(self, rows, length, learns=False):
        self.rows = rows
        self.length = length
        self.learns = learns
        self.flops = 0

    def look_up(self, *layers):
        """Layers without products of matrices: tables and normalisations, None for one that is not there."""
        self.learns = self.learns or any(layer.trainable_variables for layer in layers if layer is not None)

    def multiply(self, *layers):
        """Products with the matrices of dense layers that all read these vectors."""
        matrices = [matrices_of(layer) for layer in layers]
        for own, *adapter in matrices:
            self._multiply(own, self.learns)
            # The second matrix of an adapter reads what the first one has made.
            learns = self.learns
            for matrix in adapter:
                self._multiply(matrix, learns)
                learns = learns or matrix.trainable
        self.learns = self.learns or any(matrix.trainable for each in matrices for matrix in each)

    def multiply_table(self, embedding):
        """The product with the table of a `TokenEmbedding` that gives logits."""
        table = embedding.embeddings
        self._multiply(Matrix(*table.shape, bool(table.trainable)), self.learns)
        self.learns = self.learns or bool(table.trainable)

    def _multiply(self, matrix, learns):
        once = 2 * self.rows * self.length * matrix.rows * matrix.columns
        self.flops += once * (1 + learns + matrix.trainable)

    def attend(self, attention, source=None):
        """An attention layer over these vectors, or from them to those of a source."""
        source = self if source is None else source
        query, key, value = attention.query, attention.key, attention.value
        read, written = (_Activations(each.rows, each.length, each.learns) for each in (self, source))
        read.multiply(query)
        written.multiply(key, value)
        once = 2 * self.rows * self.length * source.length * query.units
        keys_learn, values_learn = (source.learns or _learns(layer) for layer in (key, value))
        weights_learn = read.learns or keys_learn
        scores = once * (1 + read.learns + keys_learn)
        weighted_values = once * (1 + weights_learn + values_learn)
        self.flops += read.flops + written.flops + scores + weighted_values
        self.learns = weights_learn or values_learn
        self.multiply(attention.output_projection)

    def pass_block(self, block, source=None):
        """A block of `zoo.layers`; one of a decoder with the source that it attends to."""
        self._pass_sublayer(block, block.self_attention_norm, lambda: self.attend(block.self_attention))
        if source is not None:
            attend = functools.partial(self.attend, block.cross_attention, source)
            self._pass_sublayer(block, block.cross_attention_norm, attend)
        self._pass_sublayer(block, block.feed_forward_norm, lambda: self._feed_forward(block))

    def _pass_sublayer(self, block, norm, sublayer):
        if _normalises_first(block):
            self.look_up(norm)
        sublayer()
        if not _normalises_first(block):
            self.look_up(norm)

    def _feed_forward(self, block):
        network = block.feed_forward
        self.multiply(*(each for each in (network.gate_projection, network.up_projection) if each is not None))
        self.multiply(network.down_projection)


def _learns(layer):
    """Whether an update changes a matrix of a dense layer."""
    return any(matrix.trainable for matrix in matrices_of(layer))


def _normalises_first(block):
    return block.order != "post"


def _encoded(encoder, x):
    """What an `Encoder` makes of its input; the pooler is not in it."""
    activations = _Activations(*x["token_ids"].shape)
    activations.look_up(
        encoder.token_embedding, encoder.segment_embedding, encoder.position_embedding, encoder.embedding_norm
    )
    for block in encoder.encoder_blocks:
        activations.pass_block(block)
    activations.look_up(encoder.final_norm)
    return activations


def _first_position(activations, *layers):
    """The operations of dense layers over each row's first vector."""
    first = _Activations(activations.rows, 1, activations.learns)
    for layer in layers:
        first.multiply(layer)
    return first.flops


@training_flops.register
def _(model: Encoder, x):
    encoded = _encoded(model, x)
    return encoded.flops + _first_position(encoded, *([] if model.pooler is None else [model.pooler]))


@training_flops.register
def _(model: TokenClassifier, x):
    encoded = _encoded(model.encoder, x)
    encoded.multiply(model.classifier)
    return encoded.flops


@training_flops.register
def _(model: SequenceClassifier, x):
    encoded = _encoded(model.encoder, x)
    layers = (model.encoder.pooler if model.pooling == "pooler" else None, model.hidden, model.classifier)
    return encoded.flops + _first_position(encoded, *(layer for layer in layers if layer is not None))


@training_flops.register
def _(model: MaskedTokenPredictor, x):
    encoded = _encoded(model.encoder, x)
    flops = 0
    if model.next_sentence_head is not None:
        flops += _first_position(encoded, model.encoder.pooler, model.next_sentence_head)
    tokens = encoded
    if x.get("masked_positions") is not None:
        flops += encoded.flops
        tokens = _Activations(encoded.rows, x["masked_positions"].shape[1], encoded.learns)
    tokens.multiply(model.token_head.transform)
    tokens.look_up(model.token_head.transform_norm)
    tokens.multiply_table(model.encoder.token_embedding)
    return flops + tokens.flops


@training_flops.register
def _(model: GPT2, x):
    activations = _Activations(*x["token_ids"].shape)
    activations.look_up(model.token_embedding, model.position_embedding)
    for block in model.decoder_blocks:
        activations.pass_block(block)
    activations.look_up(model.final_norm)
    activations.multiply_table(model.output_embedding)
    return activations.flops


@training_flops.register
def _(model: EncoderDecoder, x):
    source, target = (_Activations(*x[f"{side}_token_ids"].shape) for side in ("source", "target"))
    source.look_up(model.source_embedding, model.source_positions, model.source_embedding_norm)
    target.look_up(model.target_embedding, model.target_positions, model.target_embedding_norm)
    return _encoder_decoder_flops(model, source, target)


@training_flops.register
def _(model: T5, x):
    source, target = (_Activations(*x[f"{side}_token_ids"].shape) for side in ("source", "target"))
    source.look_up(model.token_embedding, model.encoder_bias)
    target.look_up(model.token_embedding, model.decoder_bias)
    return _encoder_decoder_flops(model, source, target)


def _encoder_decoder_flops(model, source, target):
    for block in model.encoder_blocks:
        source.pass_block(block)
    source.look_up(model.encoder_norm)
    for block in model.decoder_blocks:
        target.pass_block(block, source)
    target.look_up(model.decoder_norm)
    target.multiply_table(model.output_embedding)
    return source.flops + target.flops
