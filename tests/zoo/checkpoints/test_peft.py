"""Adapters that PEFT has written answer here as there, and the reverse."""

import json
import shutil

import keras
import numpy as np
import peft
import pytest
import torch
import transformers
from safetensors.numpy import load_file, save_file

from zoo.adapters import adapters_of, fold_adapters
from zoo.checkpoints.hugging_face import load_hugging_face
from zoo.checkpoints.peft import read_peft, write_peft
from zoo.errors import UserError

IDS = np.array([[5, 6, 7, 2, 9, 11], [8, 3, 4, 4, 1, 30]])
_SIZES = dict(hidden_size=16, intermediate_size=24, num_attention_heads=2, num_hidden_layers=2, vocab_size=40)
_T5 = dict(d_model=16, d_kv=8, d_ff=24, num_layers=2, num_heads=2, vocab_size=40, decoder_start_token_id=0)
# Class, configuration, targets of which the last is the second matrix of feed-forward networks, and what else learns.
FAMILIES = {
    "bert": (
        transformers.BertForSequenceClassification,
        transformers.BertConfig(**_SIZES, max_position_embeddings=16, num_labels=3),
        ["query", "value", "attention.output.dense", "output.dense"],
        ["classifier"],
    ),
    # Queries, keys and values side by side, in matrices that lie the other way round.
    "gpt2": (
        transformers.GPT2LMHeadModel,
        transformers.GPT2Config(n_embd=16, n_head=2, n_layer=2, vocab_size=40, n_positions=16),
        ["c_attn", "c_fc", "mlp.c_proj"],
        None,
    ),
    # Side by side and of different widths.
    "phi3": (
        transformers.Phi3ForCausalLM,
        transformers.Phi3Config(**_SIZES, max_position_embeddings=16, pad_token_id=0, num_key_value_heads=1),
        ["qkv_proj", "gate_up_proj", "down_proj"],
        None,
    ),
    "t5": (
        transformers.T5ForConditionalGeneration,
        transformers.T5Config(**_T5, feed_forward_proj="gated-gelu"),
        ["q", "v", "wo"],
        None,
    ),
}


def lora(targets, **options):
    return peft.LoraConfig(r=3, lora_alpha=5, target_modules=targets, **options)


KINDS = {
    "lora": lora,
    "rslora": lambda targets, **options: lora(targets, use_rslora=True, **options),
    "patterns": lambda targets, **options: lora(
        targets, rank_pattern={targets[0]: 2}, alpha_pattern={targets[1]: 9}, **options
    ),
    "dora": lambda targets, **options: lora(targets, use_dora=True, **options),
    "ia3": lambda targets, **options: peft.IA3Config(
        target_modules=targets, feedforward_modules=targets[-1:], **options
    ),
}
CASES = [("bert", kind) for kind in KINDS] + [("gpt2", "dora"), ("gpt2", "ia3"), ("phi3", "lora"), ("t5", "lora")]


def theirs(family, model):
    inputs = {"input_ids": torch.tensor(IDS)}
    if family == "t5":
        inputs["decoder_input_ids"] = torch.tensor(IDS[:, ::-1].copy())
    with torch.no_grad():
        return model.eval()(**inputs).logits.numpy()


def ours(family, model):
    inputs = {"token_ids": IDS, "padding_mask": np.ones_like(IDS)}
    if family == "t5":
        inputs = {f"source_{name}": value for name, value in inputs.items()} | {"target_token_ids": IDS[:, ::-1]}
    elif family != "bert":
        del inputs["padding_mask"]
    return keras.ops.convert_to_numpy(model(inputs))


def write(directory, family, kind):
    """A base and an adapter that have learned something, and what they answer together."""
    make, config, targets, further = FAMILIES[family]
    torch.manual_seed(0)
    base = make(config)
    with torch.no_grad():
        for parameter in base.parameters():
            parameter.normal_(0, 0.4)
    base.save_pretrained(directory / "base")
    model = peft.get_peft_model(base, KINDS[kind](targets, modules_to_save=further))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter) * 0.3)
    model.save_pretrained(directory / "adapter")
    return make, theirs(family, model)


@pytest.mark.parametrize(("family", "kind"), CASES)
def test_adapters_answer_alike_in_both_directions(tmp_path, family, kind):
    make, expected = write(tmp_path, family, kind)
    model = load_hugging_face(tmp_path / "base").model
    assert np.abs(ours(family, model) - expected).max() > 0.1
    read_peft(model, tmp_path / "adapter")
    np.testing.assert_allclose(ours(family, model), expected, rtol=0, atol=1e-4)
    # As in a run, where a new head learns.
    if family == "bert":
        model.encoder.trainable = False
        for adapter in adapters_of(model).values():
            adapter.trainable = True
    write_peft(model, tmp_path / "written", tmp_path / "base")
    again = peft.PeftModel.from_pretrained(make.from_pretrained(tmp_path / "base"), tmp_path / "written")
    np.testing.assert_allclose(theirs(family, again), expected, rtol=0, atol=1e-4)
    fold_adapters(model)
    np.testing.assert_allclose(ours(family, model), expected, rtol=0, atol=1e-4)


@pytest.fixture(scope="module")
def adapted(tmp_path_factory):
    directory = tmp_path_factory.mktemp("adapted")
    write(directory, "bert", "lora")
    write(directory / "other", "gpt2", "lora")
    return directory, load_hugging_face(directory / "base").model


def with_key(name, value):
    def change(directory):
        path = directory / "adapter_config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), name: value}))

    return change


def with_tensor(part, new):
    def change(directory):
        path = directory / "adapter_model.safetensors"
        tensors = load_file(path)
        name = next(name for name in tensors if name.endswith(part))
        values = new(tensors.pop(name))
        save_file({**tensors, **({} if values is None else {name: values})}, path)

    return change


def cut(directory):
    path = directory / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:-7])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (with_key("peft_type", "PREFIX_TUNING"), "adapters of peft_type 'PREFIX_TUNING' are not supported"),
        (with_key("bias", "all"), "bias 'all' is not supported"),
        (with_key("init_lora_weights", "pissa_niter_4"), "init_lora_weights 'pissa_niter_4' also changes the base"),
        (with_key("r", 4), "has rank 3, adapter_config.json says another"),
        (with_key("use_dora", True), r"has \['lora_A', 'lora_B'\] instead of"),
        (with_tensor("lora_B.weight", lambda values: values[:-1]), r"has shape \[15, 3\] instead of \[16, 3\]"),
        (with_tensor("lora_A.weight", lambda values: None), r"has \['lora_B'\] instead of"),
        (with_tensor("classifier.weight", lambda values: values[:2]), r"classifier.weight has shape \[2, 16\]"),
        (cut, "adapter_model.safetensors is missing or damaged"),
        (lambda directory: (directory / "adapter_config.json").unlink(), "adapter_config.json is missing or damaged"),
    ],
)
def test_what_is_not_followed_is_refused_before_anything_is_set(tmp_path, adapted, change, message):
    directory, model = adapted
    shutil.copytree(directory / "adapter", tmp_path / "adapter")
    change(tmp_path / "adapter")
    before = ours("bert", model)
    with pytest.raises(UserError, match=message):
        read_peft(model, tmp_path / "adapter")
    assert not adapters_of(model)
    np.testing.assert_array_equal(ours("bert", model), before)


def test_adapters_of_another_family_or_a_second_one_are_refused(adapted, tmp_path):
    directory, model = adapted
    with pytest.raises(UserError, match="holds tensors without a place in the model, which is of another family"):
        read_peft(model, directory / "other" / "adapter")
    with pytest.raises(UserError, match="the model has no adapters to write"):
        write_peft(model, tmp_path)
    read_peft(model, directory / "adapter")
    with pytest.raises(UserError, match="the model has adapters already"):
        read_peft(model, directory / "adapter")
