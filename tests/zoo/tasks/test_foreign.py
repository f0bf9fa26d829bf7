"""Hugging Face directories as tasks: the answers of transformers' own pipelines, and encoders for new heads."""

import json

import numpy as np
import pytest
import torch
import transformers
from tiny_encoder_tasks import BLANKS, TEXTS, make_tokenizer

import zoo
from zoo.checkpoints.hugging_face import save_hugging_face, tokenizer_files
from zoo.errors import UserError
from zoo.tasks import load_pretrained_encoder
from zoo.tasks.foreign import tag_scheme

pytestmark = pytest.mark.usefixtures("untraced_tasks")
TAGS = ["O", "I-person", "I-place", "B-place"]
# Not the text with a combining accent: the pipeline takes a word that gets shorter for the rest of the word before.
READABLE = [text for text in TEXTS if isinstance(text, str) and text.strip() and "\u0301" not in text]


def config(**options):
    vocabulary = make_tokenizer().vocabulary
    sizes = dict(hidden_size=16, intermediate_size=24, num_attention_heads=2, num_hidden_layers=2)
    return transformers.BertConfig(vocab_size=len(vocabulary), max_position_embeddings=64, **sizes, **options)


def write(directory, cls, seed, tokenizer_form="vocab.txt", **options):
    """A model of random weights, large enough for answers to differ, with its tokenizer."""
    torch.manual_seed(seed)
    model = cls(config(**options)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim >= 2:
                parameter.normal_(0, 0.5)
    model.save_pretrained(directory)
    for name, write_file in tokenizer_files(make_tokenizer()).items():
        write_file(directory / name)
    if tokenizer_form == "tokenizer.json":
        transformers.AutoTokenizer.from_pretrained(directory).save_pretrained(directory)
        (directory / "vocab.txt").unlink()
    return model


def pipeline(kind, directory, **options):
    model = {"token-classification": "TokenClassification", "text-classification": "SequenceClassification"}
    cls = getattr(transformers, f"AutoModelFor{model.get(kind, 'MaskedLM')}")
    tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
    return transformers.pipeline(kind, model=cls.from_pretrained(directory), tokenizer=tokenizer, **options)


@pytest.mark.parametrize("form", ["vocab.txt", "tokenizer.json"])
def test_entities_are_those_of_the_pipeline(tmp_path, form):
    id2label = dict(enumerate(TAGS))
    write(tmp_path, transformers.BertForTokenClassification, 0, form, id2label=id2label)
    recognizer = zoo.load(tmp_path)
    assert isinstance(recognizer, zoo.EntityRecognizer) and recognizer.settings.scheme == "IOB1"
    reference = pipeline("token-classification", tmp_path, aggregation_strategy="first")
    recognizer = recognizer.with_settings(word_scores="first")
    found = 0
    for text in READABLE:
        expected = [(entity["entity_group"], entity["start"], entity["end"]) for entity in reference(text)]
        assert [(e["label"], e["start"], e["end"]) for e in recognizer(text)] == expected
        found += len(expected)
    assert found > 10


@pytest.mark.parametrize("multi_label", [False, True])
def test_classes_are_those_of_the_pipeline(tmp_path, multi_label):
    problem = "multi_label_classification" if multi_label else "single_label_classification"
    options = {"id2label": {0: "x", 1: "y", 2: "z"}, "problem_type": problem}
    write(tmp_path, transformers.BertForSequenceClassification, 1, **options)
    classifier = zoo.load(tmp_path)
    assert isinstance(classifier, zoo.TextClassifier) and classifier.settings.multi_label == multi_label
    names = ("all_labels", "all_scores") if multi_label else ("labels", "scores")
    for expected, answer in zip(
        pipeline("text-classification", tmp_path, top_k=None)(READABLE), classifier(READABLE), strict=True
    ):
        assert answer[names[0]] == [each["label"] for each in expected]
        np.testing.assert_allclose(answer[names[1]], [each["score"] for each in expected], atol=1e-5)


def test_blanks_are_those_of_the_pipeline(tmp_path):
    write(tmp_path, transformers.BertForMaskedLM, 2)
    model = zoo.load(tmp_path)
    assert isinstance(model, zoo.MaskedLanguageModel)
    reference = pipeline("fill-mask", tmp_path, top_k=5)
    for text in (text for text in BLANKS if "[MASK]" in text):
        expected = reference(text)
        expected = expected if isinstance(expected[0], list) else [expected]
        answer = model(text)
        assert [[c["token"] for c in blank] for blank in answer] == [
            [c["token_str"].replace(" ", "") for c in blank] for blank in expected
        ]
        np.testing.assert_allclose(
            [[c["score"] for c in blank] for blank in answer],
            [[c["score"] for c in blank] for blank in expected],
            atol=1e-5,
        )


@pytest.mark.parametrize("pooler", [True, False])
def test_encoders_for_new_heads(tmp_path, pooler):
    reference = write(tmp_path / "bert", transformers.BertModel, 3)
    encoder, tokenizer = load_pretrained_encoder(tmp_path / "bert", pooler=pooler)
    assert (encoder.pooler is not None) == pooler
    ids = np.array([tokenizer.encode([READABLE[0]]).to_list()[0]])
    outputs = encoder({"token_ids": ids, "padding_mask": np.ones_like(ids)})
    with torch.no_grad():
        expected = reference(torch.tensor(ids))
    np.testing.assert_allclose(outputs["hidden_states"], expected.last_hidden_state, atol=1e-5)
    if pooler:
        np.testing.assert_allclose(outputs["pooled"], expected.pooler_output, atol=1e-5)


def test_encoders_of_presets(tmp_path):
    write(tmp_path / "bert", transformers.BertForMaskedLM, 4)
    task = zoo.load(tmp_path / "bert")
    task.save(tmp_path / "preset")
    encoder, tokenizer = load_pretrained_encoder(tmp_path / "preset", pooler=True)
    for one, other in zip(encoder.encoder_blocks, task.model.encoder.encoder_blocks, strict=True):
        for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
    assert encoder.pooler is not None and task.model.encoder.pooler is None
    assert tokenizer.encode(["[MASK]"]).to_list() != [[tokenizer.mask_id]]


def test_a_preset_without_an_encoder(tmp_path, tiny_translator):
    tiny_translator.save(tmp_path)
    with pytest.raises(UserError, match="holds a Translator, which has no encoder of the BERT family"):
        load_pretrained_encoder(tmp_path, pooler=False)


def test_a_preset_goes_back_to_transformers(tmp_path):
    """Read, saved as a preset, loaded, written as a Hugging Face directory: the same answers in transformers."""
    id2label = dict(enumerate(TAGS))
    reference = write(tmp_path / "one", transformers.BertForTokenClassification, 5, id2label=id2label)
    zoo.load(tmp_path / "one").save(tmp_path / "preset")
    task = zoo.load(tmp_path / "preset")
    save_hugging_face(task.model, tmp_path / "two", labels=task.rules.tags, assets=tokenizer_files(task.tokenizer))
    model, report = transformers.BertForTokenClassification.from_pretrained(tmp_path / "two", output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"] and model.config.id2label == id2label
    inputs = transformers.AutoTokenizer.from_pretrained(tmp_path / "two")(READABLE, padding=True, return_tensors="pt")
    with torch.no_grad():
        torch.testing.assert_close(model.eval()(**inputs).logits, reference(**inputs).logits)


def test_what_cannot_be_a_task(tmp_path):
    write(tmp_path / "bare", transformers.BertModel, 6)
    with pytest.raises(UserError, match="holds a bare encoder, which has no answers to give: fine-tune it"):
        zoo.load(tmp_path / "bare")


def test_tokenizers_that_cannot_be_followed(tmp_path):
    write(tmp_path, transformers.BertForMaskedLM, 8)
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "XLNetTokenizer"}')
    with pytest.raises(UserError, match=r"tokenizer_config.json: tokenizer_class 'XLNetTokenizer' is not supported"):
        zoo.load(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text('{"do_basic_tokenize": false}')
    with pytest.raises(UserError, match="do_basic_tokenize must be true, got False"):
        zoo.load(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text("{")
    with pytest.raises(UserError, match=r"tokenizer_config.json is damaged"):
        zoo.load(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text("{}")
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": {"type": "Unigram"}}))
    with pytest.raises(UserError, match=r"tokenizer.json: unk_id None is not supported"):
        zoo.load(tmp_path)
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": {"type": "WordLevel"}}))
    with pytest.raises(UserError, match="the tokenizer's model is 'WordLevel'; supported are WordPiece"):
        zoo.load(tmp_path)
    for name in ("tokenizer.json", "vocab.txt"):
        (tmp_path / name).unlink()
    with pytest.raises(UserError, match=r"holds neither tokenizer.json nor vocab.txt nor vocab.json with merges.txt"):
        zoo.load(tmp_path)


def test_schemes_of_tags():
    assert tag_scheme(["O", "B-a", "I-a", "B-b"]) == "BIO"
    assert tag_scheme(["O", "I-a", "B-a", "I-b"]) == "IOB1"
    assert tag_scheme(["O", "B-a", "I-a", "E-a", "S-a"]) == "BIOES"
    assert tag_scheme(["O", "B-a", "E-b"]) == tag_scheme(["a", "b"]) == tag_scheme(["O", "B-a", "W-a"]) == "SIMPLE"
