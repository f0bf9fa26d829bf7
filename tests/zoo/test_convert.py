"""`python -m zoo.convert`, from every format it reads to both it writes, by value."""

import google_bert
import keras2_files
import numpy as np
import openai_gpt2
import pytest
import torch
import transformers
from keras import ops
from tiny_byte_pair import gpt2_tokenizer
from tiny_encoder_tasks import LABELS, TAGS, make_encoder, make_tokenizer
from tiny_gpt2 import make_gpt2
from tiny_references import (
    PADDING_MASK,
    SEGMENT_IDS,
    assert_equal_outputs,
    make_reference,
    outputs,
    real_positions,
    reference_outputs,
    token_ids,
)

import zoo
from zoo.checkpoints import checkpoint_format, load_foreign, load_foreign_tokenizer, save_hugging_face
from zoo.checkpoints.hugging_face import tokenizer_files
from zoo.convert import main
from zoo.convert.conversion import convert
from zoo.models import SequenceClassifier, TokenClassifier
from zoo.tasks import ClassificationSettings, EntityRecognizer, MaskedLanguageModel, TextClassifier

# As many entries as the references' tables have rows.
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnopqrstuvwxyzäöüß.,"][:37]


@pytest.fixture(scope="module")
def google(tmp_path_factory):
    """A directory as Google published them, and the outputs of the graph that wrote it."""
    directory = tmp_path_factory.mktemp("google")
    given = google_bert.write(directory, "pretraining", token_ids(), PADDING_MASK, SEGMENT_IDS)
    (directory / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n", encoding="utf-8")
    return directory, real_positions(given)


def write_vocabulary(directory):
    (directory / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n", encoding="utf-8")


def test_googles_checkpoints_become_presets(google, tmp_path, capsys):
    directory, expected = google
    main([str(directory), str(tmp_path / "preset")])
    assert capsys.readouterr().out == f"{tmp_path / 'preset'}: a preset of MaskedLanguageModel\n"
    task = zoo.load(tmp_path / "preset")
    assert isinstance(task, MaskedLanguageModel) and list(task.tokenizer.vocabulary) == VOCABULARY
    names = ("token_logits", "next_sentence_logits")
    assert_equal_outputs(outputs(task.model), {name: expected[name] for name in names})


def test_capital_letters_tell_a_cased_vocabulary(google, tmp_path):
    assert load_foreign_tokenizer(google[0]).lowercase
    (tmp_path / "bert_config.json").write_text("{}")
    (tmp_path / "vocab.txt").write_text("\n".join([*VOCABULARY, "A"]), encoding="utf-8")
    assert not load_foreign_tokenizer(tmp_path).lowercase


def test_keras2_files_become_presets(tmp_path):
    reference = make_reference("BertForTokenClassification")
    reference.model.config.id2label = dict(enumerate(["O", "B-place", "I-place", "B-größe"]))
    (tmp_path / "source").mkdir()
    keras2_files.write(reference, tmp_path / "source")
    write_vocabulary(tmp_path / "source")
    convert(tmp_path / "source", tmp_path / "preset")
    task = zoo.load(tmp_path / "preset")
    assert isinstance(task, EntityRecognizer) and task.labels == ("place", "größe")
    assert_equal_outputs(outputs(task.model), reference.outputs())


def test_hugging_face_becomes_a_preset_and_comes_back(tmp_path):
    tokenizer = make_tokenizer()
    tagger = TokenClassifier(make_encoder(tokenizer, 3), len(TAGS))
    files = tokenizer_files(tokenizer)
    save_hugging_face(tagger, tmp_path / "first", labels=TAGS, assets=files)
    convert(tmp_path / "first", tmp_path / "preset")
    assert "EntityRecognizer" in convert(tmp_path / "preset", tmp_path / "second", to="hugging-face")
    first, second = (
        transformers.AutoModelForTokenClassification.from_pretrained(tmp_path / name) for name in ("first", "second")
    )
    assert tuple(second.config.id2label.values()) == TAGS
    for name, weight in first.state_dict().items():
        assert torch.equal(weight, second.state_dict()[name])
    texts = ["Marie Curie was born.", "Köln"]
    ids = [
        transformers.AutoTokenizer.from_pretrained(tmp_path / name)(texts)["input_ids"] for name in ("first", "second")
    ]
    assert ids[0] == ids[1] and ids[0][0][1:-1] == tokenizer.encode(texts[:1]).to_list()[0]


def test_classifiers_go_to_transformers(tmp_path):
    tokenizer = make_tokenizer()
    model = SequenceClassifier(make_encoder(tokenizer, 4), len(LABELS))
    task = TextClassifier(model, tokenizer, LABELS, ClassificationSettings(multi_label=True))
    task.save(tmp_path / "preset")
    convert(tmp_path / "preset", tmp_path / "model", to="hugging-face")
    reference = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path / "model").eval()
    assert reference.config.problem_type == "multi_label_classification"
    assert_equal_outputs(outputs(task.model), reference_outputs(reference))
    again = zoo.load(tmp_path / "model")
    assert again.settings.multi_label and again.labels == LABELS
    TextClassifier(model, tokenizer, LABELS, ClassificationSettings(temperature=1.5)).save(tmp_path / "calibrated")
    assert "without its temperature 1.5" in convert(tmp_path / "calibrated", tmp_path / "single", to="hugging-face")
    config = transformers.AutoConfig.from_pretrained(tmp_path / "single")
    assert config.problem_type == "single_label_classification"


@pytest.mark.published
def test_keras_hub_encoders_become_hugging_face_directories(tmp_path):
    keras_hub = pytest.importorskip("keras_hub")
    sizes = dict(num_layers=1, num_heads=3, hidden_dim=12, intermediate_dim=20, max_sequence_length=9)
    backbone = keras_hub.models.BertBackbone(vocabulary_size=len(VOCABULARY), **sizes)
    backbone.save_to_preset(str(tmp_path / "hub"))
    keras_hub.models.BertTokenizer(vocabulary=VOCABULARY, lowercase=True).save_to_preset(str(tmp_path / "hub"))
    assert checkpoint_format(tmp_path / "hub") == "keras_hub"
    main([str(tmp_path / "hub"), str(tmp_path / "model"), "--to", "hugging-face"])
    reference, report = transformers.BertModel.from_pretrained(tmp_path / "model", output_loading_info=True)
    assert not any(report.values())
    inputs = {"token_ids": token_ids(), "padding_mask": PADDING_MASK, "segment_ids": SEGMENT_IDS.clip(max=1)}
    expected = ops.convert_to_numpy(backbone(inputs)["pooled_output"])
    with torch.no_grad():
        found = reference.eval()(
            input_ids=torch.tensor(inputs["token_ids"]).long(),
            attention_mask=torch.tensor(PADDING_MASK).long(),
            token_type_ids=torch.tensor(inputs["segment_ids"]).long(),
        ).pooler_output.numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    tokenizer = load_foreign_tokenizer(tmp_path / "model")
    assert (list(tokenizer.vocabulary), tokenizer.lowercase, tokenizer.strip_accents) == (VOCABULARY, True, False)


PROMPTS = ["low", "the quick brown", "fox  jumps", "Köln 中"]
NEW = 12


def openai_checkpoint(directory, tokenizer):
    """Returns the next token's logits by ids."""
    reference = make_gpt2(vocab_size=300, n_embd=24, n_layer=2, n_head=3, n_positions=40)
    hparams = dict(n_vocab=300, n_ctx=40, n_embd=24, n_head=3, n_layer=2)
    openai_gpt2.write(directory, openai_gpt2.variables(reference), hparams)
    for theirs, ours in (("encoder.json", "vocab.json"), ("vocab.bpe", "merges.txt")):
        tokenizer_files(tokenizer)[ours](directory / theirs)
    return lambda ids: reference(torch.tensor([ids])).logits[0, -1].detach().numpy()


def keras_hub_preset(directory, tokenizer):
    keras_hub = pytest.importorskip("keras_hub")
    sizes = dict(num_layers=2, num_heads=3, hidden_dim=24, intermediate_dim=40, max_sequence_length=40)
    backbone = keras_hub.models.GPT2Backbone(vocabulary_size=300, **sizes)
    rng = np.random.default_rng(6)
    for weight in backbone.weights:
        weight.assign(rng.normal(float(weight.path.endswith("gamma")), 0.4, size=weight.shape))
    backbone.save_to_preset(str(directory))
    vocabulary = {token: token_id for token_id, token in enumerate(tokenizer.vocabulary)}
    merges = [" ".join(pair) for pair in tokenizer.merges]
    keras_hub.models.GPT2Tokenizer(vocabulary=vocabulary, merges=merges).save_to_preset(str(directory))

    def logits(ids):
        hidden_states = backbone({"token_ids": np.array([ids]), "padding_mask": np.ones((1, len(ids)), "int32")})
        return ops.convert_to_numpy(backbone.token_embedding(hidden_states, reverse=True))[0, -1]

    return logits


@pytest.mark.parametrize("write", [openai_checkpoint, pytest.param(keras_hub_preset, marks=pytest.mark.published)])
def test_language_models_become_text_generators(tmp_path, write):
    """Each token of a continuation is the most probable after all before it."""
    tokenizer = gpt2_tokenizer()
    (tmp_path / "source").mkdir()
    next_logits = write(tmp_path / "source", tokenizer)
    assert convert(tmp_path / "source", tmp_path / "preset").endswith("a preset of TextGenerator")
    task = zoo.load(tmp_path / "preset").with_settings(max_new_tokens=NEW)
    expected = []
    for ids in tokenizer.encode(PROMPTS).to_list():
        found = []
        while len(found) < NEW and found[-1:] != [tokenizer.eos_id]:
            found.append(int(np.argmax(next_logits([*ids, *found]))))
        expected.append(tokenizer.decode([found]).numpy()[0].decode())
    assert task(PROMPTS) == expected and len(set(expected)) == len(PROMPTS)
    convert(tmp_path / "source", tmp_path / "model", to="hugging-face")
    config = transformers.AutoConfig.from_pretrained(tmp_path / "model")
    assert (config.model_type, config.eos_token_id, config.bos_token_id) == ("gpt2", tokenizer.eos_id, tokenizer.eos_id)
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path / "model")
    assert theirs(PROMPTS)["input_ids"] == tokenizer.encode(PROMPTS).to_list()
    model = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "model").eval()
    ids = theirs(PROMPTS[1], return_tensors="pt")
    generated = model.generate(**ids, max_new_tokens=NEW, do_sample=False, pad_token_id=0)[
        0, len(ids["input_ids"][0]) :
    ]
    assert theirs.decode(generated, skip_special_tokens=True) == expected[1]


def test_mistakes_are_one_line(tmp_path, refused, tiny_translator):
    assert "holds no model that can be read" in refused(main, [tmp_path, tmp_path / "new"])
    assert "is not a directory" in refused(main, [tmp_path / "nowhere", tmp_path / "new"])
    assert "is the source itself" in refused(main, [tmp_path, tmp_path])
    tiny_translator.save(tmp_path / "preset")
    assert "is a preset already" in refused(main, [tmp_path / "preset", tmp_path / "new"])
    error = refused(main, [tmp_path / "preset", tmp_path / "new", "--to", "hugging-face"])
    assert "holds a Translator, which cannot be written" in error
    (tmp_path / "bare").mkdir()
    reference = make_reference("BertModel")
    keras2_files.write(reference, tmp_path / "bare")
    write_vocabulary(tmp_path / "bare")
    assert "holds a bare encoder" in refused(main, [tmp_path / "bare", tmp_path / "new"])
    assert not (tmp_path / "new").exists()
    main([str(tmp_path / "bare"), str(tmp_path / "new"), "--to", "hugging-face"])
    assert_equal_outputs(outputs(load_foreign(tmp_path / "new").model), reference.outputs())
