"""What every layer and model of the zoo must pass: the cases, and the checks as functions of a case.

A case names its inputs by the arguments of `call`. B = 4 rows: full length, two with padding at the end, and one with
no real position at all. `positions` marks the output positions that mean something.
"""

import functools
import json
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.architectures.albert.model import Albert
from zoo.architectures.gemma2.model import Gemma
from zoo.architectures.llama.model import Llama
from zoo.layers import (
    Attention,
    FeedForward,
    MaskedLanguageModelHead,
    PositionEmbedding,
    RMSNorm,
    RotaryPositions,
    TokenEmbedding,
    TransformerBlock,
)
from zoo.models import GPT2, T5, Encoder, EncoderDecoder, MaskedTokenPredictor, SequenceClassifier, TokenClassifier
from zoo.models.encoder_model import EncoderModel

B, T, S, D, V = 4, 5, 6, 16, 23
SOURCE_MASK = np.array([[1] * 6, [1] * 4 + [0] * 2, [1] + [0] * 5, [0] * 6], "int32")
TARGET_MASK = np.array([[1] * 5, [1] * 3 + [0] * 2, [1] + [0] * 4, [1] * 5], "int32")
# Two documents packed in each of the first rows.
SEGMENT_IDS = np.array([[1, 1, 1, 2, 2, 2], [1, 2, 2, 2, 0, 0], [1] + [0] * 5, [0] * 6], "int32")
# Standard deviation of rounding with 8 and 11 bits of mantissa, through the few layers of these cases.
TOLERANCE = {"mixed_bfloat16": 0.06, "mixed_float16": 0.01}


@dataclass(frozen=True, eq=False)
class Case:
    """A layer or model to check.

    Attributes:
        name: For test ids and file names.
        make: From keyword arguments of every layer, such as dtype, to a new one.
        inputs: numpy arrays by argument of `call`; a model's single dictionary argument is under "inputs".
        positions: bool [B, T] or [B], output positions that real positions alone decide and that mean something.
        padding: Names of inputs to their masks, [B, length], 0 where the content must not matter.
        options: Other arguments of `call`.
        take: From the output to one tensor, of a model with several.
    """

    name: str
    make: Any
    inputs: dict
    positions: np.ndarray
    padding: dict = field(default_factory=dict)
    options: dict = field(default_factory=dict)
    take: Any = None


def _floats(seed, length):
    return np.random.default_rng(seed).normal(size=(B, length, D)).astype("float32")


def _ids(seed, length):
    return np.random.default_rng(seed).integers(3, V, size=(B, length)).astype("int32")


SOURCE, TARGET = _floats(0, S), _floats(1, T)
EVERYWHERE = np.ones((B, T), bool)
# Every position sees itself and some of the others.
ATTENTION_MASK = (np.random.default_rng(9).random((B, T, T)) < 0.5).astype("int32") | np.eye(T, dtype="int32")
SOURCE_POSITIONS = SOURCE_MASK.astype(bool)
# A target row attends to its source, so the row without a source means nothing.
TARGET_POSITIONS = TARGET_MASK.astype(bool) & SOURCE_POSITIONS.any(axis=1, keepdims=True)


def _block(attention=None, feed_forward=None, **options):
    attention = dict(num_heads=4, **(attention or {}))
    feed_forward = dict(intermediate_dim=24, **(feed_forward or {}))
    return lambda **kwargs: TransformerBlock(D, attention, feed_forward, **options, **kwargs)


def _model(**options):
    sizes = dict(hidden_dim=D, intermediate_dim=24, num_heads=4, num_encoder_layers=2, num_decoder_layers=2)
    options = {"source_vocabulary_size": V, "target_vocabulary_size": V, "max_sequence_length": 12, **sizes, **options}
    return lambda **kwargs: EncoderDecoder(**options, **kwargs)


def _attention_cases():
    def make(**kwargs):
        return Attention(D, num_heads=4, **kwargs)

    def grouped(**kwargs):
        options = dict(num_key_value_heads=2, head_dim=6, use_bias=False, positions=RotaryPositions(4))
        return Attention(
            D, num_heads=4, **options, window=3, softcap=2.0, qk_norm=True, norm_unit_offset=True, **kwargs
        )

    source = {"query": SOURCE, "padding_mask": SOURCE_MASK}
    yield Case("attention", make, source, SOURCE_POSITIONS, {"query": SOURCE_MASK})
    yield Case("attention_causal", make, {"query": TARGET}, TARGET_POSITIONS, {"query": TARGET_MASK}, {"causal": True})
    masked = {"query": TARGET, "attention_mask": ATTENTION_MASK}
    yield Case("attention_masked", make, masked, EVERYWHERE, options={"causal": True})
    target = {"query": TARGET}
    yield Case("attention_grouped", grouped, target, TARGET_POSITIONS, {"query": TARGET_MASK}, {"causal": True})
    yield Case("attention_grouped_both_ways", grouped, source, SOURCE_POSITIONS, {"query": SOURCE_MASK})
    cross = {"query": TARGET, "key_value": SOURCE, "padding_mask": SOURCE_MASK}
    yield Case("attention_cross", make, cross, TARGET_POSITIONS, {"key_value": SOURCE_MASK, "query": TARGET_MASK})


def _block_cases():
    for order in ("post", "pre"):
        encoder = {"inputs": SOURCE, "padding_mask": SOURCE_MASK}
        make = _block(order=order)
        yield Case(f"encoder_block_{order}", make, encoder, SOURCE_POSITIONS, {"inputs": SOURCE_MASK})
        decoder = {"inputs": TARGET, "encoded": SOURCE, "encoded_padding_mask": SOURCE_MASK}
        make = _block(feed_forward=dict(activation="gelu"), order=order, causal=True, cross_attention=True)
        padding = {"inputs": TARGET_MASK, "encoded": SOURCE_MASK}
        yield Case(f"decoder_block_{order}", make, decoder, TARGET_POSITIONS, padding)
        options = dict(feed_forward=dict(activation="gelu_approximate"), order=order)
        make = _block(**options, causal=True, residual_initializer_stddev=0.1)
        inputs, positions = {"inputs": TARGET}, TARGET_MASK.astype(bool)
        yield Case(f"causal_block_{order}", make, inputs, positions, {"inputs": TARGET_MASK})
    yield Case("causal_block_masked", make, {"inputs": TARGET, "attention_mask": ATTENTION_MASK}, EVERYWHERE)
    make = _block(
        dict(
            num_key_value_heads=1, use_bias=False, positions=RotaryPositions(4, 100.0, dict(kind="linear", factor=2.0))
        ),
        dict(activation="swish", gated=True, use_bias=False),
        causal=True,
        cross_attention=True,
        norm="rms",
        order="both",
    )
    yield Case("decoder_block_both", make, decoder, TARGET_POSITIONS, padding)
    make = _block(order="pre", norm_bias=False, first_norm=False)
    yield Case("encoder_block_without_first_norm", make, encoder, SOURCE_POSITIONS, {"inputs": SOURCE_MASK})


def _model_cases():
    inputs = {"source_token_ids": _ids(2, S), "source_padding_mask": SOURCE_MASK, "target_token_ids": _ids(3, T)}
    padding = {"source_token_ids": SOURCE_MASK, "target_token_ids": TARGET_MASK}
    for name, options in {
        "model_post_all": {},
        "model_pre_none": dict(norm="pre", tied_embeddings="none", target_vocabulary_size=29, positions="learned"),
        "model_post_target": dict(tied_embeddings="target", target_vocabulary_size=29, activation="swish"),
        "model_pre_all": dict(norm="pre", activation="gelu_approximate"),
        "model_bart": dict(
            positions="learned",
            position_offset=2,
            scale_embedding=False,
            embedding_norm=True,
            logits_bias=True,
            num_decoder_heads=2,
            decoder_intermediate_dim=40,
        ),
        # With one decoder layer and no bias, searches find the same tokens for nearly every source.
        "model_marian": dict(
            positions="sinusoidal_as_published",
            tied_embeddings="target",
            num_decoder_layers=1,
            activation="swish",
            logits_bias=True,
        ),
    }.items():
        yield Case(name, _model(**options), {"inputs": inputs}, TARGET_POSITIONS, padding)
    sizes = dict(hidden_dim=D, intermediate_dim=24, num_heads=3, head_dim=6, num_encoder_layers=2, num_decoder_layers=2)
    for name, options in {
        "model_t5": dict(num_buckets=8, max_distance=5),
        "model_t5_gated": dict(activation="gelu_approximate", gated=True, tied_embeddings=False, norm_epsilon=1e-3),
    }.items():
        make = lambda options=options, **kwargs: T5(V, **sizes, **options, **kwargs)  # noqa: E731
        yield Case(name, make, {"inputs": inputs}, TARGET_POSITIONS, padding)


def _gpt2_cases():
    inputs = {"token_ids": _ids(2, S), "padding_mask": SOURCE_MASK}
    packed = {**inputs, "segment_ids": SEGMENT_IDS}
    sizes = dict(hidden_dim=D, intermediate_dim=24, num_heads=4, num_layers=2, max_sequence_length=12)
    for name, given, options in (
        ("gpt2_tied", inputs, {}),
        ("gpt2_untied", inputs, dict(tied_embeddings=False, activation="relu", layer_norm_epsilon=1e-3)),
        ("gpt2_packed", packed, dict(embedding_dropout=0.3)),
    ):
        make = lambda options=options, **kwargs: GPT2(V, **sizes, **options, **kwargs)  # noqa: E731
        yield Case(name, make, {"inputs": given}, SOURCE_POSITIONS, {"token_ids": SOURCE_MASK})


def _rotary_decoder_cases():
    inputs = {"token_ids": _ids(2, S), "padding_mask": SOURCE_MASK}
    packed = {**inputs, "segment_ids": SEGMENT_IDS}
    sizes = dict(
        hidden_dim=D,
        intermediate_dim=24,
        num_heads=4,
        num_layers=2,
        num_key_value_heads=2,
        head_dim=6,
        max_sequence_length=12,
    )
    yarn = dict(kind="yarn", factor=4.0, original_max_length=8)
    windows = dict(windows=3, rotary_layers=[True, False], qk_norm=True, tied_embeddings=True)
    windowed = dict(windows=[3, None], full_rotary_base=500.0, attention_softcap=2.0, logits_softcap=1.5, scale=0.3)
    for name, cls, given, options in (
        ("llama_grouped", Llama, packed, dict(rotary_scaling=yarn, rotary_share=0.7, attention_bias=True)),
        ("llama_windows", Llama, inputs, windows),
        ("gemma", Gemma, packed, windowed),
    ):
        make = lambda cls=cls, options=options, **kwargs: cls(V, **sizes, **options, **kwargs)  # noqa: E731
        yield Case(name, make, {"inputs": given}, SOURCE_POSITIONS, {"token_ids": SOURCE_MASK})


def _encoder(**options):
    sizes = dict(hidden_dim=D, intermediate_dim=24, num_heads=4, num_layers=2, max_sequence_length=12, num_segments=3)
    return lambda **kwargs: Encoder(**{"vocabulary_size": V, **sizes, **options}, **kwargs)


def _albert(**kwargs):
    sizes = dict(hidden_dim=D, intermediate_dim=24, num_heads=4, num_layers=5, max_sequence_length=12, num_segments=3)
    shared = dict(num_groups=2, group_blocks=2, embedding_dim=6)
    return Albert(**{"vocabulary_size": V, **sizes, **shared, "layer_norm_epsilon": 1e-3}, **kwargs)


def _with_head(cls, *arguments, encoder=None, **options):
    def make(dtype=None, **kwargs):
        return cls(_encoder(**(encoder or {}))(dtype=dtype), *arguments, **options, **kwargs)

    return make


def _both(per_token, per_row):
    """From a model's outputs to one tensor: at each position the token's vector and the row's."""

    def take(outputs):
        repeated = ops.repeat(outputs[per_row][:, None], outputs[per_token].shape[1], axis=1)
        return ops.concatenate([outputs[per_token], repeated], axis=-1)

    return take


def _encoder_cases():
    """Of sequences, all named "encoder_..." or with a head "tokens_..." or "sequence_..."."""
    segment_ids = np.random.default_rng(5).integers(0, 3, size=(B, S)).astype("int32")
    inputs = {"inputs": {"token_ids": _ids(2, S), "padding_mask": SOURCE_MASK, "segment_ids": segment_ids}}
    vectors = _both("hidden_states", "pooled")
    rows, padding = SOURCE_POSITIONS.any(axis=1), {"token_ids": SOURCE_MASK}
    roberta = dict(position_offset=2, num_segments=1, activation="gelu_approximate", layer_norm_epsilon=1e-5)
    for name, make, positions, take in (
        ("encoder_bert", _encoder(), SOURCE_POSITIONS, vectors),
        ("encoder_albert", _albert, SOURCE_POSITIONS, vectors),
        ("encoder_roberta", _encoder(**roberta), SOURCE_POSITIONS, vectors),
        (
            "encoder_distilbert",
            _encoder(num_segments=0, pooler=False, norm="pre"),
            SOURCE_POSITIONS,
            lambda outputs: outputs["hidden_states"],
        ),
        ("tokens_classified", _with_head(TokenClassifier, 5, encoder=dict(pooler=False)), SOURCE_POSITIONS, None),
        ("tokens_predicted", _with_head(MaskedTokenPredictor, encoder=dict(pooler=False)), SOURCE_POSITIONS, None),
        (
            "tokens_and_next_sentence",
            _with_head(MaskedTokenPredictor, next_sentence=True, activation="relu"),
            SOURCE_POSITIONS,
            _both("token_logits", "next_sentence_logits"),
        ),
        ("sequence_pooler", _with_head(SequenceClassifier, 7), rows, None),
        (
            "sequence_first",
            _with_head(SequenceClassifier, 7, pooling="first", hidden_activation="tanh", encoder=dict(pooler=False)),
            rows,
            None,
        ),
        ("sequence_mean", _with_head(SequenceClassifier, 7, pooling="mean", encoder=dict(pooler=False)), rows, None),
    ):
        yield Case(name, make, inputs, positions, padding, take=take)


def _simple_cases():
    for activation in FeedForward.ACTIVATIONS:
        make = lambda activation=activation, **kwargs: FeedForward(D, 24, activation, **kwargs)  # noqa: E731
        yield Case(f"feed_forward_{activation}", make, {"inputs": TARGET}, EVERYWHERE)
    make = lambda **kwargs: FeedForward(D, 24, "swish", gated=True, use_bias=False, **kwargs)  # noqa: E731
    yield Case("feed_forward_gated", make, {"inputs": TARGET}, EVERYWHERE)
    for offset in (False, True):
        make = lambda offset=offset, **kwargs: RMSNorm(1e-3, offset, **{"name": "norm", **kwargs})  # noqa: E731
        yield Case(f"rms_norm_offset_{offset}", make, {"inputs": TARGET}, EVERYWHERE)
    for kind in PositionEmbedding.KINDS:
        make = lambda kind=kind, **kwargs: PositionEmbedding(8, kind, **kwargs)  # noqa: E731
        yield Case(f"position_embedding_{kind}", make, {"inputs": TARGET}, EVERYWHERE)
    for scale in (False, True):
        make = lambda scale=scale, **kwargs: TokenEmbedding(V, D, scale, **kwargs)  # noqa: E731
        yield Case(f"token_embedding_scale_{scale}", make, {"token_ids": _ids(4, T)}, EVERYWHERE)

    head_inputs = {"hidden_states": TARGET, "table": np.random.default_rng(8).normal(size=(V, D)).astype("float32")}
    yield Case(
        "masked_language_model_head", lambda **kwargs: MaskedLanguageModelHead(V, D, **kwargs), head_inputs, EVERYWHERE
    )


MODEL_CASES = list(_model_cases())
ENCODER_CASES = list(_encoder_cases())
GPT2_CASES = list(_gpt2_cases())
DECODER_CASES = [*GPT2_CASES, *_rotary_decoder_cases()]
CASES = [*_simple_cases(), *_attention_cases(), *_block_cases(), *MODEL_CASES, *ENCODER_CASES, *DECODER_CASES]


def randomised(layer, seed=5):
    """The layer with every weight replaced by noise, so that zeros and ones of initialisers hide nothing."""
    rng = np.random.default_rng(seed)
    for weight in layer.weights:
        if "seed" not in weight.path:
            norm_scale = weight.path.endswith(("gamma", "norm/scale"))
            weight.assign(rng.normal(float(norm_scale), 0.3, size=weight.shape))
    return layer


def built(case, dtype="float32"):
    """The layer of a case with random weights, built by calling it. Tests share it, since building takes longest."""
    return _built(case, dtype)


@functools.cache
def _built(case, dtype):
    layer = case.make(dtype=dtype)
    call(case, layer)
    return randomised(layer)


def call(case, layer, inputs=None, **options):
    """The output of a case as float32 numpy."""
    output = run(case, layer, inputs, **options)
    return ops.convert_to_numpy(ops.cast(output, "float32"))


def run(case, layer, inputs=None, **options):
    """The output of a case, one tensor."""
    output = layer(**(inputs or case.inputs), **case.options, **options)
    return case.take(output) if case.take else output


def check_config_round_trip(case):
    layer = built(case)
    config = layer.get_config()
    again = type(layer).from_config(json.loads(json.dumps(config)))
    assert again.get_config() == config
    call(case, again)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(call(case, again), call(case, layer))


def check_layers_are_found(case):
    """PyTorch keeps layers apart from other attributes, and finds an attribute of the class of the same name first."""
    layer = built(case)
    for owner in (layer, *layer._flatten_layers(include_self=False)):
        for name, value in vars(owner).items():
            if isinstance(value, keras.layers.Layer):
                assert not hasattr(type(owner), name), f"{type(owner).__name__}.{name} hides a layer under PyTorch"


def check_precision(case, policy):
    """Half precision computes in half (so differs from float32), keeps float32 weights, and stays close."""
    reference = built(case)
    layer = built(case, policy)
    for weight, same in zip(layer.weights, reference.weights, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(weight), ops.convert_to_numpy(same))
    assert {weight.dtype for weight in layer.trainable_weights} <= {"float32"}
    raw = run(case, layer)
    computes_logits = not isinstance(layer, EncoderModel) and isinstance(layer, (keras.Model, MaskedLanguageModelHead))
    expected_dtype = "float32" if computes_logits else policy.removeprefix("mixed_")
    assert keras.backend.standardize_dtype(raw.dtype) == expected_dtype
    expected, found = call(case, reference)[case.positions], call(case, layer)
    assert np.isfinite(found).all()
    error = np.abs(found[case.positions] - expected).max() / np.abs(expected).max()
    assert 0 < error < TOLERANCE[policy], error


def _with_other_padding(case, rng):
    """The inputs with different content wherever a mask is 0."""

    def other(name, value):
        if name not in case.padding:
            return value
        if value.ndim == 2:
            return np.where(case.padding[name], value, rng.integers(3, V, size=value.shape)).astype(value.dtype)
        noise = rng.normal(0, 100.0, size=value.shape).astype("float32")
        return np.where(case.padding[name][:, :, None], value, noise)

    def mapped(inputs):
        return {k: mapped(v) if isinstance(v, dict) else other(k, v) for k, v in inputs.items()}

    return mapped(case.inputs)


def check_padding_has_no_influence(case):
    layer = built(case)
    changed = _with_other_padding(case, np.random.default_rng(6))
    before, after = call(case, layer), call(case, layer, changed)
    np.testing.assert_allclose(after[case.positions], before[case.positions], rtol=0, atol=2e-6)
    assert np.isfinite(after).all()
    # The noise did arrive somewhere: positions that do not count have changed; a mean has no such positions.
    assert np.abs(after - before).max() > 1e-3 or case.name == "sequence_mean"


def check_shorter_inputs(case, row):
    """A row alone and cut to its real length gives what it gives in the padded batch."""
    layer = built(case)

    def cut(name, value):
        masks = (
            dict.fromkeys(("padding_mask", "source_padding_mask", "encoded_padding_mask", "segment_ids"), SOURCE_MASK)
            | case.padding
        )
        length = int(masks[name][row].sum()) if name in masks else value.shape[1]
        return value[row : row + 1, :length]

    def mapped(inputs):
        return {k: mapped(v) if isinstance(v, dict) else cut(k, v) for k, v in inputs.items()}

    alone = call(case, layer, mapped(case.inputs))[0]
    together = call(case, layer)[row]
    np.testing.assert_allclose(alone, together[: len(alone)], rtol=0, atol=3e-6)


def check_gradients(case):
    """Every weight gets a gradient, and finite, even with a row that has no real position; TensorFlow only."""
    import tensorflow as tf

    layer = built(case)
    weights = layer.trainable_weights
    # One vector added to all keys shifts a query's logits by one number, which softmax does not see; turned by
    # positions it is no longer the same vector.
    turned = any(getattr(each, "positions", None) is not None for each in layer._flatten_layers())
    with tf.GradientTape() as tape:
        output = run(case, layer, training=True) if weights else tf.zeros(())
        loss = tf.reduce_sum(output * np.random.default_rng(7).normal(size=output.shape).astype("float32"))
    for weight, gradient in zip(weights, tape.gradient(loss, [w.value for w in weights]), strict=True):
        assert gradient is not None, weight.path
        gradient = tf.convert_to_tensor(gradient).numpy()
        assert np.isfinite(gradient).all(), weight.path
        if weight.path.endswith("key/bias") and not turned:
            assert np.abs(gradient).max() < 1e-3, weight.path
        else:
            assert np.abs(gradient).max() > 1e-3, weight.path


def functional(case):
    """A `keras.Model` around a layer of random weights (a model is returned as it is), to save as one `.keras` file."""
    layer = built(case)
    if isinstance(layer, keras.Model):
        return layer
    inputs = {
        name: keras.Input((None, *value.shape[2:]), dtype=value.dtype.name, name=name)
        for name, value in case.inputs.items()
    }
    return keras.Model(inputs, layer(**inputs, **case.options))


def as_a_model(case):
    """Name, `keras.Model` and inputs of a case, as a process of another backend wants them."""
    inputs = case.inputs["inputs"] if isinstance(case.inputs.get("inputs"), dict) else case.inputs
    return case.name, functional(case), inputs
