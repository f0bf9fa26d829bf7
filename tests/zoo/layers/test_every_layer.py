"""Every layer and model through the harness."""

import layer_harness
import pytest
from layer_harness import CASES, DECODER_CASES, ENCODER_CASES, MODEL_CASES

MODELS = {*MODEL_CASES, *ENCODER_CASES, *DECODER_CASES}
every_case = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
padded_cases = [case for case in CASES if case.padding]
every_padded_case = pytest.mark.parametrize("case", padded_cases, ids=[case.name for case in padded_cases])


@every_case
def test_config_round_trip(case):
    layer_harness.check_config_round_trip(case)


@every_case
def test_no_attribute_of_a_class_hides_a_layer(case):
    layer_harness.check_layers_are_found(case)


def policies():
    """Each case with each policy. Models in float16 do what their layers do; one of each class shows that."""
    shown = {"model_bart", "model_t5_gated", "encoder_bert", "tokens_classified", "tokens_and_next_sentence"}
    shown |= {"sequence_first", "gpt2_packed", "llama_grouped", "gemma"}
    for case in CASES:
        for policy in ("mixed_bfloat16", "mixed_float16"):
            again = case in MODELS and case.name not in shown and policy == "mixed_float16"
            yield pytest.param(case, policy, id=f"{case.name}-{policy}", marks=[pytest.mark.long] if again else [])


@pytest.mark.parametrize(("case", "policy"), policies())
def test_half_precision_is_close_to_float32(case, policy):
    layer_harness.check_precision(case, policy)


@every_padded_case
def test_padding_has_no_influence(case):
    layer_harness.check_padding_has_no_influence(case)


@every_padded_case
@pytest.mark.parametrize("row", [0, 1, 2])
def test_a_row_alone_gives_what_it_gives_in_a_padded_batch(case, row):
    layer_harness.check_shorter_inputs(case, row)


@every_case
def test_gradients_reach_every_weight(case):
    layer_harness.check_gradients(case)
