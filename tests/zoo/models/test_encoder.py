"""Encoders and their heads by themselves; their parity with transformers is in tests/zoo/checkpoints."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from layer_harness import ENCODER_CASES, SOURCE_MASK, B, D, S, V, built

from zoo.checkpoints import load_preset, save_preset
from zoo.errors import UserError
from zoo.models import Encoder, MaskedTokenPredictor, SequenceClassifier, TokenClassifier
from zoo.models.sequence_classifier import mean_over_tokens

CASES = {case.name: case for case in ENCODER_CASES}
INPUTS = CASES["encoder_bert"].inputs["inputs"]
SIZES = dict(
    vocabulary_size=V,
    hidden_dim=D,
    intermediate_dim=24,
    num_heads=4,
    num_layers=2,
    max_sequence_length=12,
    num_segments=3,
)


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


# Millions of parameters in table 1 of Turc et al. 2019, with the heads of pretraining.
@pytest.mark.parametrize(("size", "millions"), [("tiny", 4.4), ("mini", 11.3), ("small", 29.1), ("medium", 41.7)])
def test_sizes_have_the_published_number_of_parameters(size, millions):
    model = MaskedTokenPredictor(Encoder.from_size(size, vocabulary_size=30522), next_sentence=True)
    model.build()
    assert round(sum(np.prod(weight.shape) for weight in model.trainable_weights) / 1e6, 1) == millions


def test_sizes_follow_the_rules_of_the_papers():
    for size, numbers in Encoder.sizes.items():
        config = Encoder.from_size(size, vocabulary_size=9).get_config()
        assert config["num_heads"] * 64 == config["hidden_dim"] == config["intermediate_dim"] // 4, size
        assert (config["max_sequence_length"], config["num_segments"]) == (512, 2)
        assert config["num_layers"] == numbers["num_layers"]
    config = Encoder.from_size("tiny", vocabulary_size=9, num_layers=5, pooler=False).get_config()
    assert (config["num_layers"], config["pooler"], config["hidden_dim"]) == (5, False, 128)


def test_weights_begin_as_published():
    """Truncated normal of 0.02, heads too; biases 0."""
    keras.utils.set_random_seed(3)
    model = TokenClassifier(Encoder(vocabulary_size=500, hidden_dim=96, intermediate_dim=96, num_layers=1), 50)
    model.build()
    for weight in model.trainable_weights:
        values = numpy(weight)
        if values.ndim == 2 and values.size > 3000:
            assert 0.015 < values.std() < 0.02 and np.abs(values).max() <= 0.0401, weight.path
        elif values.ndim == 1:
            assert set(np.unique(values)) <= {0.0, 1.0}, weight.path


def test_segments_left_out_are_the_first():
    model = built(CASES["encoder_bert"])
    given = model({**INPUTS, "segment_ids": np.zeros_like(INPUTS["segment_ids"])})
    left_out = model({key: value for key, value in INPUTS.items() if key != "segment_ids"})
    other = model(INPUTS)
    for name in given:
        np.testing.assert_array_equal(numpy(given[name]), numpy(left_out[name]))
        assert np.abs(numpy(other[name]) - numpy(given[name])).max() > 1e-2


@pytest.mark.parametrize("name", ["encoder_roberta", "encoder_distilbert"])
def test_a_model_of_fewer_than_two_segments_does_not_read_them(name):
    model = built(CASES[name])
    given = model({**INPUTS, "segment_ids": np.full_like(INPUTS["segment_ids"], 1)})["hidden_states"]
    left_out = model({key: value for key, value in INPUTS.items() if key != "segment_ids"})["hidden_states"]
    np.testing.assert_array_equal(numpy(given), numpy(left_out))


def test_the_first_position_is_after_the_offset():
    plain, shifted = Encoder(**SIZES, dropout=0.0), Encoder(**SIZES, dropout=0.0, position_offset=2)
    for model in (plain, shifted):
        model.build()
    weights = plain.get_weights()
    for ours, theirs, values in zip(shifted.weights, plain.weights, weights, strict=True):
        assert ours.path.split("/")[1:] == theirs.path.split("/")[1:]
        ours.assign(np.concatenate([np.full((2, D), 9.0), values]) if ours.name == "positions" else values)
    np.testing.assert_array_equal(numpy(shifted(INPUTS)["hidden_states"]), numpy(plain(INPUTS)["hidden_states"]))


@pytest.mark.parametrize("name", ["tokens_predicted", "tokens_and_next_sentence"])
def test_masked_positions_are_the_rows_of_all_positions(name):
    model = built(CASES[name])
    positions = np.array([[0, 5], [3, 3], [0, 0], [2, 1]], "int32")
    whole, some = model(INPUTS), model({**INPUTS, "masked_positions": positions})
    if isinstance(whole, dict):
        np.testing.assert_array_equal(numpy(some["next_sentence_logits"]), numpy(whole["next_sentence_logits"]))
        whole, some = whole["token_logits"], some["token_logits"]
    assert some.shape == (B, 2, V)
    expected = np.take_along_axis(numpy(whole), positions[:, :, None], axis=1)
    np.testing.assert_allclose(numpy(some), expected, rtol=0, atol=1e-5)


def test_the_output_matrix_is_the_table_of_token_vectors():
    model = MaskedTokenPredictor(Encoder(**SIZES))
    model.build()
    assert [tuple(weight.shape) for weight in model.weights].count((V, D)) == 1
    before = numpy(model(INPUTS))
    table = model.encoder.token_embedding.embeddings
    unused = next(token for token in range(V) if token not in INPUTS["token_ids"])
    changed = numpy(table).copy()
    changed[unused, 0] += 1.0
    table.assign(changed)
    difference = np.abs(numpy(model(INPUTS)) - before).max(axis=(0, 1))
    assert difference[unused] > 0.1 and np.delete(difference, unused).max() == 0


def test_means_are_over_real_tokens():
    hidden_states = np.random.default_rng(0).normal(size=(B, S, D)).astype("float32")
    found = numpy(mean_over_tokens(ops.convert_to_tensor(hidden_states), SOURCE_MASK))
    for row, mask, mean in zip(hidden_states, SOURCE_MASK, found, strict=True):
        expected = row[mask == 1].mean(axis=0) if mask.any() else np.zeros(D)
        np.testing.assert_allclose(mean, expected, rtol=0, atol=1e-6)
    half = mean_over_tokens(ops.full((1, 3000, 1), 0.1, dtype="bfloat16"), np.ones((1, 3000)))
    assert keras.backend.standardize_dtype(half.dtype) == "bfloat16"
    assert abs(float(numpy(ops.cast(half, "float32"))[0, 0]) - 0.1) < 1e-3


@pytest.mark.parametrize("name", ["encoder_bert", "tokens_classified", "sequence_first"])
def test_dropout_acts_in_training_only(name):
    case = CASES[name]
    model = built(case)

    def once(training):
        outputs = model(INPUTS, training=training)
        return numpy(outputs["hidden_states"] if isinstance(outputs, dict) else outputs)

    np.testing.assert_array_equal(once(False), once(False))
    assert np.abs(once(True) - once(True)).max() > 1e-3


def test_shapes_unknown_while_tracing():
    """One graph for every batch and length, as exports need."""
    model = built(CASES["tokens_and_next_sentence"])
    ids = tf.TensorSpec([None, None], tf.int32)

    @tf.function(input_signature=[ids, ids], autograph=False)
    def logits(token_ids, mask):
        return model({"token_ids": token_ids, "padding_mask": mask})["token_logits"]

    for rows, length in ((B, S), (1, 2)):
        token_ids, mask = INPUTS["token_ids"][:rows, :length], SOURCE_MASK[:rows, :length]
        expected = model({"token_ids": token_ids, "padding_mask": mask})["token_logits"]
        np.testing.assert_allclose(logits(token_ids, mask).numpy(), numpy(expected), rtol=0, atol=1e-5)


def test_the_precision_given_at_loading_reaches_the_encoder(tmp_path):
    model = SequenceClassifier(Encoder(**SIZES), 3, pooling="mean")
    model.build()
    save_preset(tmp_path, task="Some", task_config={}, model=model, assets={})
    half = load_preset(tmp_path, dtype="mixed_bfloat16").model
    for layer in (half, half.encoder, half.encoder.encoder_blocks[0].feed_forward.up_projection, half.classifier):
        assert layer.dtype_policy.name == "mixed_bfloat16"
    same = load_preset(tmp_path).model
    np.testing.assert_array_equal(numpy(same(INPUTS)), numpy(model(INPUTS)))
    assert 0 < np.abs(numpy(half(INPUTS)) - numpy(model(INPUTS))).max() < 0.1


def test_a_head_on_an_encoder_keeps_its_weights():
    encoder = built(CASES["encoder_bert"])
    before = [numpy(weight) for weight in encoder.weights]
    model = TokenClassifier(encoder, 4)
    assert model(INPUTS).shape == (B, S, 4) and model.encoder is encoder
    for values, weight in zip(before, encoder.weights, strict=True):
        np.testing.assert_array_equal(values, numpy(weight))


def test_impossible_configurations_are_refused():
    without = Encoder(**SIZES, pooler=False)
    with pytest.raises(UserError, match="size must be one of tiny, mini, small, medium, base, large, got 'huge'"):
        Encoder.from_size("huge", vocabulary_size=9)
    with pytest.raises(UserError, match=r"activation must be one of relu, gelu, .*, got 'mish'"):
        Encoder(**SIZES, activation="mish")
    with pytest.raises(UserError, match="norm must be one of post, pre, got 'none'"):
        Encoder(**SIZES, norm="none")
    with pytest.raises(UserError, match='pooling="pooler" needs an encoder with a pooler'):
        SequenceClassifier(without, 3)
    with pytest.raises(UserError, match="next-sentence prediction needs an encoder with a pooler"):
        MaskedTokenPredictor(without, next_sentence=True)
    with pytest.raises(UserError, match="pooling must be one of pooler, first, mean, got 'max'"):
        SequenceClassifier(without, 3, pooling="max")
    with pytest.raises(UserError, match=r"activation must be one of relu, .*tanh, got 'mish'"):
        SequenceClassifier(without, 3, pooling="first", hidden_activation="mish")
    short = Encoder(**{**SIZES, "max_sequence_length": S - 1})
    with pytest.raises(UserError, match="a sequence of 6 tokens is longer than max_sequence_length 5"):
        short(INPUTS)
