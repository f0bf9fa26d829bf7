"""Models whose decoders read panels give what they gave before, from other variables."""

import numpy as np
import pytest
from continued_prompts import continuations, whole_and_steps
from keras import ops
from layer_harness import ENCODER_CASES, GPT2_CASES, MODEL_CASES, SOURCE_MASK, B, T, built, call

from zoo.models.decoding_panels import in_panels, variables_read

DECODERS = [*MODEL_CASES, *GPT2_CASES]
every_decoder = pytest.mark.parametrize("case", DECODERS, ids=[case.name for case in DECODERS])
SMALL = 1


def _paths(variables):
    return {variable.path for variable in variables}


@every_decoder
def test_whole_sequences_give_the_same(case):
    model = built(case)
    before = call(case, model)
    with in_panels(model, SMALL) as done:
        assert done
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
    with in_panels(model, SMALL):
        found = list(logits())
    np.testing.assert_allclose(found, before, rtol=0, atol=1e-5)


@pytest.mark.parametrize("case", GPT2_CASES[:2], ids=[case.name for case in GPT2_CASES[:2]])
@pytest.mark.parametrize("num_hypotheses", [1, 3])
def test_steps_after_a_prompt_give_the_same(case, num_hypotheses):
    model = built(case)
    arguments = continuations([3, 0, 1], num_hypotheses)
    whole, before = whole_and_steps(model, *arguments, as_searches=True)
    with in_panels(model, SMALL):
        whole_in_panels, found = whole_and_steps(model, *arguments, as_searches=True)
    np.testing.assert_allclose(found, before, rtol=0, atol=1e-5)
    np.testing.assert_allclose(whole_in_panels, whole, rtol=0, atol=1e-5)


def test_half_precision_gives_the_same():
    case = GPT2_CASES[0]
    model = built(case, "mixed_bfloat16")
    before = call(case, model)
    with in_panels(model, SMALL):
        found = call(case, model)
        assert {variable.dtype for variable in variables_read(model) if variable.path == "panels"} == {"bfloat16"}
    np.testing.assert_allclose(found, before, rtol=0, atol=0.05 * np.abs(before).max())


@every_decoder
def test_panels_stand_in_for_what_the_decoder_multiplies_with(case):
    model = built(case)
    assert variables_read(model) == model.variables
    with in_panels(model, SMALL):
        read = variables_read(model)
        gone = _paths(model.variables) - _paths(read)
        # They begin with the weights, and what is gone is no longer read.
        kept = {id(variable) for variable in read}
        values = {id(v): ops.convert_to_numpy(v) for v in model.variables if id(v) not in kept}
        expected = call(case, model)
        for variable in model.variables:
            if id(variable) in values:
                variable.assign(np.full(variable.shape, np.nan))
        try:
            np.testing.assert_array_equal(call(case, model), expected)
        finally:
            for variable in model.variables:
                if id(variable) in values:
                    variable.assign(values[id(variable)])
    assert variables_read(model) == model.variables
    assert {path.rsplit("/", 1)[1] for path in gone} <= {"kernel", "bias", "embeddings"}
    kernels = [path for path in _paths(model.variables) if "decoder_block" in path and path.endswith("kernel")]
    assert kernels and gone.issuperset(kernels)
    assert model.output_embedding.embeddings.path in gone
    assert not [path for path in gone if "encoder_block" in path]


def test_small_decoders_and_encoders_stay_as_they_are():
    model = built(MODEL_CASES[0])
    with in_panels(model) as done:
        assert not done and variables_read(model) == model.variables
    encoder = built(ENCODER_CASES[0])
    with in_panels(encoder, SMALL) as done:
        assert not done and variables_read(encoder) == encoder.variables


def test_an_error_in_the_context_leaves_no_panels():
    model = built(MODEL_CASES[0])
    with pytest.raises(RuntimeError, match="while tracing"), in_panels(model, SMALL):
        raise RuntimeError("while tracing")
    assert variables_read(model) == model.variables
