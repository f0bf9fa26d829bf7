"""Models of transformers in and back out, by value; what is refused is in test_hugging_face_refusals.py."""

import keras
import numpy as np
import pytest
import torch
import transformers
from keras import ops
from safetensors.torch import load_file, save_file
from tiny_references import (
    CONFIGS,
    EVERY,
    LABELS,
    assert_equal_outputs,
    edit_config,
    make_reference,
    outputs,
    reference_outputs,
)

from zoo.checkpoints import is_hugging_face, load_hugging_face, save_hugging_face
from zoo.errors import UserError
from zoo.models import Encoder, MaskedTokenPredictor, SequenceClassifier, SpanPredictor, TokenClassifier
from zoo.models.encoder_model import EncoderModel

PAD_IDS = {**dict.fromkeys(CONFIGS, 0), **dict.fromkeys(("Roberta", "XLMRoberta", "Camembert", "MPNet"), 1)}
MODELS = {
    "encoder": EncoderModel,
    "token_classifier": TokenClassifier,
    "sequence_classifier": SequenceClassifier,
    "span_predictor": SpanPredictor,
    "masked_token_predictor": MaskedTokenPredictor,
    "pretraining": MaskedTokenPredictor,
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """From the name of a class to its reference, the directory it was saved in, and what the zoo reads from there."""
    cache = {}

    def get(name):
        if name not in cache:
            reference = make_reference(name)
            directory = tmp_path_factory.mktemp(name)
            reference.model.save_pretrained(directory)
            cache[name] = (reference, directory, load_hugging_face(directory))
        return cache[name]

    return get


@pytest.mark.parametrize("name", [*EVERY, "CamembertForSequenceClassification"])
def test_in(saved, name):
    reference, directory, found = saved(name)
    assert (found.kind, found.directory) == (reference.kind, directory)
    assert isinstance(found.model, MODELS[reference.kind])
    assert found.labels == (LABELS if "classifier" in found.kind else None)
    assert_equal_outputs(outputs(found.model, PAD_IDS[reference.family]), reference.outputs())


@pytest.mark.parametrize("name", EVERY)
def test_and_back(saved, name, tmp_path):
    """transformers loads what was written without a missing or unexpected tensor, and answers as before."""
    reference, _, found = saved(name)
    save_hugging_face(found.model, tmp_path, labels=found.labels)
    again, report = getattr(transformers, name).from_pretrained(tmp_path, output_loading_info=True)
    assert not any(report.values()), report
    assert_equal_outputs(reference_outputs(again.eval()), reference.outputs(), tolerance=0)
    mine, theirs = again.config.to_dict(), reference.model.config.to_dict()
    unimportant = {"_name_or_path", "classifier_dropout", "classifier_activation", "transformers_version"}
    unimportant |= {f"{role}_token_id" for role in ("bos", "eos", "cls", "sep")}
    assert {key for key in theirs if mine[key] != theirs[key]} <= unimportant
    assert type(transformers.AutoModel.from_pretrained(tmp_path)).__name__ == f"{reference.family}Model"


@pytest.mark.parametrize("name", EVERY)
def test_the_bare_encoder_of_anything(saved, name):
    """A head is left behind; the pooler comes along where the file has one."""
    reference, directory, _ = saved(name)
    found = load_hugging_face(directory, kind="encoder")
    assert found.kind == "encoder" and found.labels is None
    base = reference.model.base_model
    if getattr(base, "pooler", None) is None:
        assert found.model.pooler is None
    assert_equal_outputs(outputs(found.model, PAD_IDS[reference.family]), reference_outputs(base))
    fresh = TokenClassifier(found.model, 3)
    fresh.build()
    assert outputs(fresh, PAD_IDS[reference.family])["logits"].shape[-1] == 3


def test_language_models_with_and_without_next_sentence_prediction(saved):
    reference, directory, _ = saved("BertForPreTraining")
    expected = {"logits": reference.outputs()["token_logits"]}
    assert_equal_outputs(outputs(load_hugging_face(directory, "masked_token_predictor").model), expected)


def test_shards(saved, tmp_path):
    reference, _, _ = saved("BertForTokenClassification")
    reference.model.save_pretrained(tmp_path, max_shard_size="4KB")
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 2
    assert not (tmp_path / "model.safetensors").exists()
    assert_equal_outputs(outputs(load_hugging_face(tmp_path).model), reference.outputs())


def rewrite(directory, change):
    path = directory / "model.safetensors"
    state = load_file(path)
    save_file({name: value.contiguous() for name, value in change(state).items()}, path, metadata={"format": "pt"})


def test_files_of_old_versions(saved, tmp_path):
    """Names as in bert-base-uncased: gamma and beta, position ids, tied copies, next-sentence weights not named."""
    reference, _, _ = saved("BertForPreTraining")
    reference.model.save_pretrained(tmp_path)
    edit_config(tmp_path, architectures=["BertForMaskedLM"])

    def old(state):
        state["cls.predictions.decoder.weight"] = state["bert.embeddings.word_embeddings.weight"].clone()
        state["cls.predictions.decoder.bias"] = state["cls.predictions.bias"].clone()
        state["bert.embeddings.position_ids"] = torch.arange(9)[None]
        parts = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
        for modern, ancient in parts.items():
            state = {name.replace(modern, ancient): value for name, value in state.items()}
        return state

    rewrite(tmp_path, old)
    expected = reference.outputs()
    found = load_hugging_face(tmp_path)
    assert found.kind == "masked_token_predictor"
    assert_equal_outputs(outputs(found.model), {"logits": expected["token_logits"]})
    assert_equal_outputs(outputs(load_hugging_face(tmp_path, "pretraining").model), expected)


def test_encoders_with_and_without_the_prefix(saved, tmp_path):
    reference, _, _ = saved("BertModel")
    reference.model.save_pretrained(tmp_path)
    rewrite(tmp_path, lambda state: {f"bert.{name}": value for name, value in state.items()})
    assert_equal_outputs(outputs(load_hugging_face(tmp_path).model), reference.outputs())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_files_in_half_precision(saved, tmp_path, dtype):
    reference, _, _ = saved("BertModel")
    half = make_reference("BertModel")
    half.model.to(dtype).save_pretrained(tmp_path)
    half.model.float()
    model = load_hugging_face(tmp_path).model
    assert {weight.dtype for weight in model.trainable_weights} == {"float32"}
    assert_equal_outputs(outputs(model), half.outputs())
    difference = np.abs(half.outputs()["hidden_states"] - reference.outputs()["hidden_states"])
    assert 1e-4 < difference.max() < 0.1


def test_another_precision_of_the_model(saved):
    reference, directory, _ = saved("BertForTokenClassification")
    model = load_hugging_face(directory, dtype="mixed_bfloat16").model
    assert model.dtype_policy.name == model.encoder.encoder_blocks[0].dtype_policy.name == "mixed_bfloat16"
    expected = reference.outputs()["logits"]
    assert 0 < np.abs(outputs(model)["logits"] - expected).max() < 0.1 * np.abs(expected).max()


def test_dropout_and_problem_type_come_along(saved, tmp_path):
    rates = {}
    for name, key in (
        ("BertForSequenceClassification", "classifier_dropout"),
        ("DistilBertForSequenceClassification", "seq_classif_dropout"),
        ("RobertaForSequenceClassification", "classifier_dropout"),
    ):
        reference, _, _ = saved(name)
        reference.model.save_pretrained(tmp_path / name)
        edit_config(tmp_path / name, **{key: 0.37}, problem_type="multi_label_classification")
        found = load_hugging_face(tmp_path / name)
        assert found.problem_type == "multi_label_classification"
        rates[reference.family] = (found.model.dropout.rate, getattr(found.model.hidden_dropout, "rate", None))
        save_hugging_face(found.model, tmp_path / f"{name}-2", labels=LABELS, problem_type=found.problem_type)
        again = load_hugging_face(tmp_path / f"{name}-2")
        assert (again.problem_type, again.labels, again.model.dropout.rate) == (found.problem_type, LABELS, 0.37)
    assert rates == {"Bert": (0.37, None), "DistilBert": (0.37, 0.0), "Roberta": (0.37, 0.37)}


def test_a_model_trained_here_goes_to_transformers_with_its_files(tmp_path):
    keras.utils.set_random_seed(1)
    encoder = Encoder(vocabulary_size=37, hidden_dim=8, intermediate_dim=12, num_heads=2, num_layers=1)
    model = TokenClassifier(encoder, 4)
    save_hugging_face(
        model, tmp_path / "a" / "b", labels=LABELS, assets={"vocab.txt": lambda path: path.write_text("[PAD]\n")}
    )
    files = sorted(path.name for path in (tmp_path / "a" / "b").iterdir())
    assert files == ["config.json", "model.safetensors", "vocab.txt"]
    assert is_hugging_face(tmp_path / "a" / "b") and not is_hugging_face(tmp_path)
    theirs = transformers.AutoModelForTokenClassification.from_pretrained(tmp_path / "a" / "b").eval()
    assert tuple(theirs.config.id2label.values()) == LABELS
    assert_equal_outputs(outputs(model), reference_outputs(theirs))
    save_hugging_face(model, tmp_path / "unnamed")
    config = transformers.AutoConfig.from_pretrained(tmp_path / "unnamed")
    assert list(config.id2label.values()) == ["LABEL_0", "LABEL_1", "LABEL_2", "LABEL_3"]


def test_saving_again_replaces_the_model_and_a_failure_leaves_it_whole(tmp_path):
    def make(seed):
        keras.utils.set_random_seed(seed)
        return Encoder(vocabulary_size=37, hidden_dim=8, intermediate_dim=12, num_heads=2, num_layers=1)

    first, second = make(1), make(2)
    save_hugging_face(first, tmp_path)

    def fail(path):
        raise OSError(28, "No space left on device")

    with pytest.raises(UserError, match=rf"{tmp_path}: cannot write the model \(No space left on device\): free"):
        save_hugging_face(second, tmp_path, assets={"vocab.txt": fail})
    assert_equal_outputs(outputs(load_hugging_face(tmp_path).model), outputs(first), tolerance=0)
    save_hugging_face(second, tmp_path)
    assert_equal_outputs(outputs(load_hugging_face(tmp_path).model), outputs(second), tolerance=0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "model.safetensors"]


def test_every_weight_is_read_and_written(saved):
    """Nothing keeps its initial value, and the number of parameters is that of the reference."""
    for name in EVERY:
        reference, _, found = saved(name)
        model = found.model
        theirs = sum(weight.numel() for weight in reference.model.parameters())
        assert sum(np.prod(weight.shape) for weight in model.trainable_weights) == theirs, name
        for weight in model.trainable_weights:
            assert np.abs(ops.convert_to_numpy(weight)).min() > 0, weight.path
