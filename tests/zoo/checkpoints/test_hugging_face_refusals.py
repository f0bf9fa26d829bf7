"""Hugging Face directories that are refused, and models that cannot be written as one: one UserError with all names."""

import json
import pickle
import re
import shutil

import keras
import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_references import LABELS, assert_equal_outputs, edit_config, make_reference, outputs

from zoo.checkpoints import load_hugging_face, save_hugging_face, save_preset
from zoo.errors import UserError
from zoo.models import T5, Encoder, MaskedTokenPredictor, SequenceClassifier, TokenClassifier

SIZES = dict(vocabulary_size=37, hidden_dim=8, intermediate_dim=12, num_heads=2, num_layers=1, max_sequence_length=9)


@pytest.fixture(scope="module")
def tagger(tmp_path_factory):
    """A reference and the directory it was saved in."""
    reference = make_reference("BertForTokenClassification")
    directory = tmp_path_factory.mktemp("tagger")
    reference.model.save_pretrained(directory)
    return reference, directory


@pytest.fixture
def directory(tagger, tmp_path):
    return shutil.copytree(tagger[1], tmp_path / "model")


def refuse(directory, *words, kind=None):
    with pytest.raises(UserError) as caught:
        load_hugging_face(directory, kind)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message
    return message


def rewrite(directory, change):
    path = directory / "model.safetensors"
    state = load_file(path)
    change(state)
    save_file(state, path)


def test_every_wrong_tensor_is_named_at_once(directory):
    def damage(state):
        state["bert.encoder.layer.1.output.LayerNorm.weights"] = state.pop(
            "bert.encoder.layer.1.output.LayerNorm.weight"
        )
        del state["bert.embeddings.word_embeddings.weight"], state["classifier.bias"]
        state["bert.encoder.layer.0.intermediate.dense.weight"] = torch.zeros(12, 20)
        state["classifier.extra"] = torch.zeros(1)

    rewrite(directory, damage)
    refuse(
        directory,
        f"{directory} does not hold the weights",
        "missing: bert.embeddings.word_embeddings.weight, bert.encoder.layer.1.output.LayerNorm.weight, "
        "classifier.bias; ",
        "unexpected: bert.encoder.layer.1.output.LayerNorm.weights, classifier.extra; ",
        "of another shape: bert.encoder.layer.0.intermediate.dense.weight [12, 20] instead of [20, 12]",
    )


def test_layers_that_the_configuration_does_not_count(directory):
    edit_config(directory, num_hidden_layers=1)
    message = refuse(directory, "unexpected: bert.encoder.layer.1.attention.output.LayerNorm.bias")
    assert message.count("bert.encoder.layer.1.") == 16 and "layer.0" not in message


def test_a_table_of_another_length(directory):
    edit_config(directory, vocab_size=38)
    refuse(directory, "of another shape: bert.embeddings.word_embeddings.weight [37, 12] instead of [38, 12]")


def test_a_pooler_of_half(tmp_path):
    make_reference("BertModel").model.save_pretrained(tmp_path)
    rewrite(tmp_path, lambda state: state.pop("pooler.dense.bias"))
    refuse(tmp_path, "missing: pooler.dense.bias")


def test_a_head_from_somewhere_else(directory):
    rewrite(directory, lambda state: state.update({"crf.transitions": torch.zeros(4, 4)}))
    refuse(directory, "unexpected: crf.transitions")
    refuse(directory, "unexpected: crf.transitions", kind="encoder")


def test_an_output_matrix_of_its_own(tmp_path):
    make_reference("BertForMaskedLM").model.save_pretrained(tmp_path)
    edit_config(tmp_path, tie_word_embeddings=False)
    refuse(tmp_path, "tie_word_embeddings False is not supported", 'kind="encoder"')
    edit_config(tmp_path, tie_word_embeddings=True)
    rewrite(tmp_path, lambda state: state.update({"cls.predictions.decoder.weight": torch.zeros(37, 12)}))
    refuse(tmp_path, "cls.predictions.decoder.weight differs from bert.embeddings.word_embeddings.weight")
    assert load_hugging_face(tmp_path, "encoder").model.pooler is None


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt"])
def test_pickles(tagger, directory, name, monkeypatch):
    """The refusal does not open the file, and the conversion that it names works."""
    reference, _ = tagger
    (directory / "model.safetensors").unlink()
    torch.save(reference.model.state_dict(), directory / name)
    message = refuse(directory, f"{directory / name} is a pickle, which can run any code when it is read")
    code = re.search(r'python -c "(.*)"$', message).group(1)
    monkeypatch.chdir(directory)
    exec(code, {})
    assert_equal_outputs(outputs(load_hugging_face(directory).model), reference.outputs())


def test_a_pickle_is_not_run(directory):
    (directory / "model.safetensors").unlink()

    class Trap:
        def __reduce__(self):
            return (open, (str(directory / "sprung"), "w"))

    (directory / "pytorch_model.bin").write_bytes(pickle.dumps(Trap()))
    refuse(directory, "refused")
    assert not (directory / "sprung").exists()


def test_other_files_of_weights_or_none(directory):
    (directory / "model.safetensors").rename(directory / "tf_model.h5")
    refuse(directory, "holds tf_model.h5", f"python -m zoo.convert {directory} NEW_DIRECTORY")
    (directory / "tf_model.h5").unlink()
    refuse(directory, "holds no model.safetensors and no model.safetensors.index.json")


def test_damaged_files_of_weights(directory):
    path = directory / "model.safetensors"
    content = path.read_bytes()
    for damaged in (content[:-10], content[:100], b"", b"\xff" * 50):
        path.write_bytes(damaged)
        refuse(directory, f"{path} is damaged")


def shard(directory):
    state = load_file(directory / "model.safetensors")
    (directory / "model.safetensors").unlink()
    names = sorted(state)
    parts = {"model-1.safetensors": names[::2], "model-2.safetensors": names[1::2]}
    for file, part in parts.items():
        save_file({name: state[name] for name in part}, directory / file)
    return {name: file for file, part in parts.items() for name in part}


def test_shards_and_their_index(directory):
    weight_map = shard(directory)
    index = directory / "model.safetensors.index.json"

    def write(content):
        index.write_text(json.dumps({"weight_map": content}))

    write(weight_map)
    load_hugging_face(directory)
    write({**weight_map, "classifier.more": "model-1.safetensors"})
    refuse(directory, f"{index} names tensors that are not there: classifier.more in model-1.safetensors")
    without = {name: file for name, file in weight_map.items() if name != "classifier.bias"}
    write(without)
    refuse(directory, "holds tensors that model.safetensors.index.json does not: classifier.bias")
    write({**weight_map, "classifier.bias": "../model-1.safetensors"})
    refuse(directory, f"{index} names files outside its directory")
    for content in ("{", "[]", '{"weight_map": 3}', "{}"):
        index.write_text(content)
        refuse(directory, f"{index} is damaged")
    write(weight_map)
    (directory / "model-2.safetensors").unlink()
    refuse(directory, f"{directory / 'model-2.safetensors'} is missing")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"model_type": "falcon"},
            ["model_type 'falcon' is not supported; supported are albert, bart, bert, camembert, distilbert"],
        ),
        ({"model_type": None}, ["model_type None is not supported"]),
        ({"position_embedding_type": "relative_key"}, ["position_embedding_type 'relative_key' is not supported"]),
        ({"hidden_act": "mish"}, ["hidden_act 'mish' is not supported; supported are gelu, gelu_new"]),
        ({"is_decoder": True}, ["is_decoder True is not supported"]),
        ({"add_cross_attention": True}, ["add_cross_attention True is not supported"]),
        ({"pruned_heads": {"0": [1]}}, ["pruned_heads {'0': [1]} is not supported"]),
        ({"quantization_config": {"bits": 4}}, ["quantization_config {'bits': 4} is not supported"]),
        ({"hidden_size": None, "num_attention_heads": None}, ["it lacks hidden_size, num_attention_heads"]),
        ({"hidden_size": "12"}, ["hidden_size '12' is not supported"]),
        ({"hidden_dropout_prob": -1}, ["hidden_dropout_prob -1 is not supported"]),
        ({"num_attention_heads": 5}, ["hidden_dim must be a multiple of num_heads, got 12 and 5"]),
        ({"id2label": {"0": "a", "2": "b"}}, ["id2label must number the labels from 0 without gaps, got [0, 2]"]),
        ({"id2label": ["a", "b"]}, ["id2label must name a label for every number"]),
        ({"id2label": {"0": "a", "1": "b"}}, ["of another shape: classifier.weight [4, 12] instead of [2, 12]"]),
        ({"architectures": ["BertForMultipleChoice"]}, ["BertForMultipleChoice", 'kind="encoder"']),
        ({"architectures": None}, ["architectures None names no model", 'kind="encoder"']),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_configurations(directory, changes, words):
    path = edit_config(directory, **changes)
    assert str(path.parent) in refuse(directory, *words)


def test_damaged_configurations(directory):
    path = directory / "config.json"
    for content in (b"", b"[1]", b"\xff"):
        path.write_bytes(content)
        refuse(directory, f"{path} is damaged")
    path.unlink()
    refuse(directory, f"{directory} holds no config.json")
    refuse(directory / "nowhere", f"{directory / 'nowhere'} is not a directory")


def test_another_kind_than_the_checkpoint_holds(directory):
    refuse(
        directory,
        "holds a model of kind 'token_classifier', which is no 'sequence_classifier'",
        kind="sequence_classifier",
    )
    refuse(directory, "kind must be one of encoder, token_classifier", kind="tagger")


def test_an_unknown_problem_type(tmp_path):
    make_reference("BertForSequenceClassification").model.save_pretrained(tmp_path)
    edit_config(tmp_path, problem_type="ranking")
    refuse(tmp_path, "problem_type 'ranking' is not supported")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Encoder(**SIZES, norm="pre"), "no Bert with norm='pre', only with 'post'"),
        (lambda: Encoder(**SIZES, num_segments=0), "no DistilBert with pooler=True, only with False"),
        (
            lambda: SequenceClassifier(Encoder(**SIZES), 4, pooling="mean"),
            "no Bert whose head has pooling='mean', only 'pooler'",
        ),
        (
            lambda: SequenceClassifier(Encoder(**SIZES, position_offset=2), 4, pooling="first"),
            "no Roberta whose head has hidden_activation=None, only 'tanh'",
        ),
        (
            lambda: MaskedTokenPredictor(Encoder(**SIZES), activation="relu"),
            "no Bert whose head has activation='relu', only 'gelu'",
        ),
        (
            lambda: MaskedTokenPredictor(Encoder(**SIZES, position_offset=2), next_sentence=True),
            "no Roberta with next-sentence prediction",
        ),
        (lambda: TokenClassifier(Encoder(**SIZES), 3), "4 labels do not fit a model with 3 classes"),
    ],
    ids=["norm", "pooler", "pooling", "hidden", "activation", "next_sentence", "labels"],
)
def test_models_that_transformers_does_not_have(tmp_path, make, words):
    model = make()
    with pytest.raises(UserError, match=re.escape(words)):
        save_hugging_face(model, tmp_path / "new", labels=LABELS if "labels" in words else None)
    assert not (tmp_path / "new").exists()


def test_other_things_that_cannot_be_written(tmp_path):
    keras.utils.set_random_seed(1)
    encoder = Encoder(**SIZES)
    with pytest.raises(UserError, match="problem_type must be one of"):
        save_hugging_face(encoder, tmp_path, problem_type="ranking")
    sizes = dict(hidden_dim=8, intermediate_dim=8, num_heads=2, num_encoder_layers=1, num_decoder_layers=1)
    for options, words in (
        ({"tied_embeddings": False}, "no T5 with tied_embeddings=False and scale_logits=True"),
        ({"gated": True, "activation": "gelu"}, "no T5 with gated=True and activation='gelu'"),
    ):
        with pytest.raises(UserError, match=words):
            save_hugging_face(T5(9, head_dim=4, **sizes, **options), tmp_path / "t5", end_token_id=1)
    encoder.build()
    save_preset(tmp_path, task="Some", task_config={}, model=encoder, assets={})
    with pytest.raises(UserError, match=r"holds a preset, whose config\.json would be lost"):
        save_hugging_face(encoder, tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot write the model"):
        save_hugging_face(encoder, tmp_path / "file")
