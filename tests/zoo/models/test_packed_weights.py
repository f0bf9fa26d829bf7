"""Models whose decoders read packed weights give what they gave before, from other variables."""

import contextlib

import numpy as np
import pytest
from changed_models import quantize_layers
from continued_prompts import continuations, whole_and_steps
from keras import ops
from layer_harness import ENCODER_CASES, GPT2_CASES, MODEL_CASES, SOURCE_MASK, B, T, built, call

from zoo.models import GPT2
from zoo.weights import PackedWeights

DECODERS = [*MODEL_CASES, *GPT2_CASES]
every_decoder = pytest.mark.parametrize("case", DECODERS, ids=[case.name for case in DECODERS])
SMALL = 1


def _paths(variables):
    return {variable.path for variable in variables}


def _ids(variables):
    return set(map(id, variables))


def variables_read(model):
    return PackedWeights().variables(model)


@contextlib.contextmanager
def packed_in(model, min_decoder_bytes=None):
    form = PackedWeights(min_decoder_bytes)
    with form.applied_to(model) as same:
        assert same is model
        yield form.applied


@contextlib.contextmanager
def with_nothing_but_packed(model):
    """The model with packed weights, and NaN in whatever they replace."""
    with packed_in(model, SMALL) as done:
        assert done
        read = _ids(variables_read(model))
        replaced = [variable for variable in model.variables if id(variable) not in read]
        values = [ops.convert_to_numpy(variable) for variable in replaced]
        for variable in replaced:
            variable.assign(np.full(variable.shape, np.nan))
        try:
            yield replaced
        finally:
            for variable, value in zip(replaced, values, strict=True):
                variable.assign(value)


@every_decoder
def test_whole_sequences_give_the_same(case):
    model = built(case)
    before = call(case, model)
    with with_nothing_but_packed(model):
        found = call(case, model)
    np.testing.assert_allclose(found, before, rtol=0, atol=1e-5)
    np.testing.assert_array_equal(call(case, model), before)


@pytest.mark.parametrize("case", MODEL_CASES, ids=[case.name for case in MODEL_CASES])
@pytest.mark.parametrize("num_hypotheses", [1, 3])
def test_steps_after_a_source_give_the_same(case, num_hypotheses):
    model = built(case)
    source_token_ids = case.inputs["inputs"]["source_token_ids"]
    targets = np.random.default_rng(8).integers(3, 23, size=(B * num_hypotheses, T)).astype("int32")

    def logits():
        encoded = model.encode(source_token_ids, SOURCE_MASK)
        cache, cross_cache = model.start_cache(encoded, T, num_hypotheses)
        output_matrix = model.output_matrix()
        for index in range(T):
            token_ids, index = ops.convert_to_tensor(targets[:, index]), ops.convert_to_tensor(index)
            step, cache = model.decode_step(token_ids, index, cache, cross_cache, SOURCE_MASK, output_matrix)
            yield ops.convert_to_numpy(step)

    before = list(logits())
    with with_nothing_but_packed(model):
        found = list(logits())
    np.testing.assert_allclose(found, before, rtol=0, atol=1e-5)


@pytest.mark.parametrize("case", GPT2_CASES[:2], ids=[case.name for case in GPT2_CASES[:2]])
@pytest.mark.parametrize("num_hypotheses", [1, 3])
def test_steps_after_a_prompt_give_the_same(case, num_hypotheses):
    model = built(case)
    arguments = continuations([3, 0, 1], num_hypotheses)
    whole, before = whole_and_steps(model, *arguments, as_searches=True)
    with with_nothing_but_packed(model):
        whole_packed, found = whole_and_steps(model, *arguments, as_searches=True)
    np.testing.assert_allclose(found, before, rtol=0, atol=1e-5)
    np.testing.assert_allclose(whole_packed, whole, rtol=0, atol=1e-5)


@pytest.mark.parametrize("case", [GPT2_CASES[0], MODEL_CASES[-1]], ids=["gpt2", "t5"])
def test_half_precision_gives_the_same(case):
    model = built(case, "mixed_bfloat16")
    before = call(case, model)
    with with_nothing_but_packed(model):
        found = call(case, model)
        dtypes = {variable.dtype for variable in variables_read(model) if variable.path in ("panels", "bias")}
    assert dtypes == {"bfloat16"}
    np.testing.assert_allclose(found, before, rtol=0, atol=0.05 * np.abs(before).max())


@every_decoder
def test_packed_weights_replace_what_the_decoder_multiplies_with(case):
    model = built(case)
    assert _ids(variables_read(model)) == _ids(model.variables)
    with with_nothing_but_packed(model) as replaced:
        gone = _paths(replaced)
    assert _ids(variables_read(model)) == _ids(model.variables)
    kernels = [path for path in _paths(model.variables) if "decoder_block" in path and path.endswith("kernel")]
    assert kernels and gone.issuperset(kernels)
    assert model.output_embedding.embeddings.path in gone
    assert {path.rsplit("/", 1)[1] for path in gone} <= {"kernel", "bias", "embeddings"}
    assert not [path for path in gone if "encoder_block" in path]


def test_small_decoders_and_encoders_stay_as_they_are():
    model = built(MODEL_CASES[0])
    with packed_in(model) as done:
        assert not done and _ids(variables_read(model)) == _ids(model.variables)
    encoder = built(ENCODER_CASES[0])
    with packed_in(encoder, SMALL) as done:
        assert not done and _ids(variables_read(encoder)) == _ids(encoder.variables)


def test_size_that_decides_is_that_of_the_decoder_in_what_it_computes_in():
    for dtype, width in (("float32", 4), ("mixed_bfloat16", 2)):
        model = GPT2(50, hidden_dim=8, intermediate_dim=16, num_heads=2, num_layers=1, dtype=dtype)
        model.build()
        num_bytes = width * sum(int(np.prod(variable.shape)) for variable in replaced_by_packed(model))
        for given, expected in ((num_bytes, True), (num_bytes + 1, False)):
            with packed_in(model, given) as done:
                assert done is expected


def replaced_by_packed(model):
    with with_nothing_but_packed(model) as replaced:
        return replaced


def test_contexts_may_lie_in_each_other():
    case = GPT2_CASES[0]
    model = built(case)
    with with_nothing_but_packed(model):
        outer = _ids(variables_read(model))
        with pytest.raises(RuntimeError, match="while tracing"), packed_in(model, SMALL):
            raise RuntimeError("while tracing")
        assert _ids(variables_read(model)) == outer
    assert _ids(variables_read(model)) == _ids(model.variables)


def test_quantised_layers_stay_as_they_are():
    model = GPT2(50, hidden_dim=8, intermediate_dim=16, num_heads=2, num_layers=2, max_sequence_length=8)
    model.build()
    inputs = {"token_ids": np.array([[1, 2, 3]])}
    exact = ops.convert_to_numpy(model(inputs))
    blocks = model.decoder_blocks
    quantize_layers([blocks[0].self_attention.key, blocks[1].feed_forward.up_projection], "int8")
    before = ops.convert_to_numpy(model(inputs))
    assert 0 < np.abs(before - exact).max() < 0.05
    with packed_in(model, SMALL):
        assert model.decoder_blocks[0].self_attention.packed is None
        assert model.decoder_blocks[1].self_attention.packed is not None
        np.testing.assert_allclose(ops.convert_to_numpy(model(inputs)), before, rtol=0, atol=1e-5)
