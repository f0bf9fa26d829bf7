"""`--add-token` in the recipes: from scratch, on pretrained models, when a run goes on, and back in other formats."""

import json
import random
import shutil

import keras
import numpy as np
import pytest
import torch
import transformers
from fine_tuning_data import TOPICS, write_rows
from pretraining_data import write_documents
from tiny_encoder_tasks import make_masked_language_model
from tiny_generator import make_generator

import zoo
from recipes.language_modeling import main as language_modeling
from recipes.ner import main as ner
from recipes.pretraining import main as pretraining
from recipes.pretraining import recipe as pretraining_recipe
from recipes.pretraining.config import parse_command_line
from recipes.text_classification import main as text_classification
from zoo.architectures.bert.keras_hub import KERAS_HUB
from zoo.checkpoints.keras_hub.tokenizers import to_keras_hub_tokenizer
from zoo.convert import main as convert
from zoo.errors import UserError

pytestmark = pytest.mark.usefixtures("untraced_tasks")

TOKENS = ("[E1]", "{x}")
ADD = [part for token in TOKENS for part in ("--add-token", token)]
TEXTS = ["where is [E1]my{x} card?", "[e1] [E1 ] {X}{x}{x}[E1]", "my card"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Classes that the tokens alone tell apart, and documents."""
    directory = tmp_path_factory.mktemp("corpus")
    rng = random.Random(5)
    phrases = sorted(phrase for topic in TOPICS.values() for phrase in topic)
    rows = [(f"{rng.choice(phrases)} {token}", [name]) for token, name in zip(TOKENS, "ab", strict=True)] * 24
    write_rows(directory / "marked.csv", rows)
    for name, count, seed in (("train", 60, 1), ("val", 12, 3)):
        write_documents(directory / f"{name}.txt", count, seed)
        path = directory / f"{name}.txt"
        path.write_text(path.read_text(encoding="utf-8").replace(" ", " [E1]"), encoding="utf-8")
    return directory


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    directory = tmp_path_factory.mktemp("encoder") / "preset"
    make_masked_language_model().save(directory)
    return directory


def classify(corpus, directory, *extra):
    return [
        *("--directory", directory, "--train", corpus / "marked.csv", "--epochs", 2, "--batch-size", 16),
        *("--max-source-length", 24, "--no-calibrate", *extra),
    ]


def strings(argv):
    return [str(word) for word in argv]


def test_a_pretrained_encoder_gets_tokens_and_goes_back_to_transformers(corpus, encoder, tmp_path, capsys):
    how = ("--pretrained", encoder, "--learning-rate", 1e-3, "--pooling", "pooler")
    argv = strings(classify(corpus, tmp_path / "run", *how, *ADD))
    text_classification(argv)
    before, after = zoo.load(encoder), zoo.load(tmp_path / "run")
    size = before.tokenizer.vocabulary_size
    assert f"added tokens: [E1] {size}, {{x}} {size + 1}" in capsys.readouterr().out
    assert after.tokenizer.vocabulary[size:] == TOKENS
    assert json.loads((tmp_path / "run" / "recipe.json").read_text())["add_token"] == list(TOKENS)
    table = keras.ops.convert_to_numpy(after.model.encoder.token_embedding.embeddings)
    mean = keras.ops.convert_to_numpy(before.model.encoder.token_embedding.embeddings).mean(0)
    # The new rows have learned, and from the mean on: a few updates of 1e-3.
    assert table.shape[0] == size + 2 and 0 < np.abs(table[size:] - mean).max() < 0.02
    # Gone on with after a stop, with the same vocabulary and weights.
    shutil.rmtree(sorted((tmp_path / "run" / "checkpoints").iterdir())[-1])
    (tmp_path / "run" / "model.weights.h5").unlink()
    text_classification(argv)
    again = zoo.load(tmp_path / "run")
    for one, other in zip(after.model.get_weights(), again.model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)

    convert(strings([tmp_path / "run", tmp_path / "theirs", "--to", "hugging-face"]))
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path / "theirs")
    assert theirs(TEXTS, add_special_tokens=False)["input_ids"] == after.tokenizer.encode(TEXTS).to_list()
    pipeline = transformers.pipeline("text-classification", str(tmp_path / "theirs"))
    for found, expected in zip(after(TEXTS), pipeline(TEXTS), strict=True):
        assert found["label"] == expected["label"]
        assert found["score"] == pytest.approx(expected["score"], abs=1e-4)


def test_keras_hub_is_refused_what_it_would_not_find(encoder):
    tokenizer = zoo.load(encoder).tokenizer.with_added_tokens(TOKENS)
    with pytest.raises(UserError, match=r"does not find added tokens in texts; this vocabulary has \[E1\], \{x\}"):
        to_keras_hub_tokenizer(tokenizer, KERAS_HUB, keras_hub=None)


def test_from_scratch_the_vocabulary_has_them(corpus, tmp_path):
    """And spends nothing on their parts; `card` is in the training text, but would have been a piece anyway."""
    argv = classify(corpus, tmp_path / "run", "--size", "tiny", "--vocabulary-size", 50, "--epochs", 10, *ADD)
    text_classification(strings([*argv, "--add-token", "MY"]))
    classifier = zoo.load(tmp_path / "run")
    tokenizer = classifier.tokenizer
    assert tokenizer.vocabulary[50:] == (*TOKENS, "MY") and not {"[", "{", "##1"} & set(tokenizer.vocabulary)
    assert tokenizer.id_to_token(tokenizer.encode(["My MY[E1]"]).to_list()[0])[-2:] == ["MY", "[E1]"]
    assert classifier.model.encoder.vocabulary_size == 53
    # No other word tells the classes apart.
    assert [answer["label"] for answer in classifier(["my card [E1]", "my card {x}"])] == ["a", "b"]


def test_a_masked_language_model_grows_with_its_head(corpus, encoder, tmp_path):
    files = ["--train", corpus / "train.txt", "--validation", corpus / "val.txt", "--directory", tmp_path / "run"]
    config = parse_command_line(strings([*files, "--sequence-length", 24, "--pretrained", encoder, *ADD]))
    grown, tokenizer = pretraining_recipe.make_encoder(config, None, resumed=False)
    model, head = pretraining_recipe.make_model(config, grown, tokenizer)
    before, size = zoo.load(encoder).model, tokenizer.vocabulary_size - 2
    assert head == "stored head" and tokenizer.vocabulary[size:] == TOKENS
    inputs = {"token_ids": np.array([[2, 9, 4, 11, 3]]), "padding_mask": np.ones((1, 5), "int32")}
    found, expected = (keras.ops.convert_to_numpy(x) for x in (model(inputs), before(inputs)["token_logits"]))
    np.testing.assert_allclose(found[..., :size], expected, atol=1e-5)
    # A mean of rows and of the bias has the mean of the logits.
    np.testing.assert_allclose(found[..., size:], np.repeat(expected.mean(-1, keepdims=True), 2, -1), atol=1e-4)


def test_a_pretrained_gpt2_gets_tokens_and_goes_back_to_transformers(corpus, tmp_path):
    before = make_generator()
    before.save(tmp_path / "source")
    size = before.tokenizer.vocabulary_size
    files = ["--train", corpus / "train.txt", "--validation", corpus / "val.txt", "--directory", tmp_path / "run"]
    steps = [
        "--total-steps",
        2,
        "--validate-every-steps",
        2,
        "--context",
        16,
        "--batch-size",
        4,
        "--sample-prompts",
        "--learning-rate",
        1e-3,
    ]
    language_modeling(strings([*files, *steps, "--pretrained", tmp_path / "source", *ADD]))
    task = zoo.load(tmp_path / "run")
    assert task.tokenizer.vocabulary[size:] == TOKENS and task.model.vocabulary_size == size + 2
    convert(strings([tmp_path / "run", tmp_path / "theirs", "--to", "hugging-face"]))
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path / "theirs")
    ids = task.tokenizer.encode(TEXTS).to_list()
    assert theirs(TEXTS, add_special_tokens=False)["input_ids"] == ids
    assert theirs.batch_decode(ids) == [text.decode() for text in task.tokenizer.decode(ids).numpy()] == TEXTS
    model = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "theirs")
    expected = model(torch.tensor(ids[:1])).logits.detach().numpy()
    np.testing.assert_allclose(task.model({"token_ids": np.array(ids[:1])}), expected, atol=1e-4)


RECIPES = {
    "ner": ner,
    "text_classification": text_classification,
    "pretraining": pretraining,
    "language_modeling": language_modeling,
}


@pytest.mark.parametrize("recipe", RECIPES)
def test_tokens_that_cannot_be_added(recipe, corpus, encoder, tmp_path, refused):
    main, start = RECIPES[recipe], ["--directory", tmp_path / "run", "--train", corpus / "train.txt"]
    for tokens, message in (
        ([""], "--add-token '': a token needs a character that is no blank"),
        ([" \u3000"], r"--add-token ' \u3000': a token needs a character that is no blank"),
        (["a\nb"], r"--add-token 'a\nb': a token is within a line"),
        (["[E1]", "b", "[E1]"], "--add-token '[E1]' is given twice"),
    ):
        assert message in refused(main, [*start, *(f"--add-token={token}" for token in tokens)])
    assert not (tmp_path / "run").exists()


def test_tokens_that_the_vocabulary_has(corpus, encoder, tmp_path, refused):
    pretrained = classify(corpus, tmp_path / "run", "--pretrained", encoder)
    tokenizer = zoo.load(encoder).tokenizer
    for token in ("[SEP]", "warsaw"):
        expected = f"--add-token: the vocabulary has '{token}' already, with the id {tokenizer.token_to_id(token)}"
        assert expected in refused(text_classification, [*pretrained, *ADD, "--add-token", token])
    scratch = classify(corpus, tmp_path / "run", "--vocabulary-size", 50, "--add-token", "[MASK]")
    assert "the vocabulary has '[MASK]' already, with the id 4" in refused(text_classification, scratch)
    frozen = [*pretrained, *ADD, "--trainable-blocks", 1]
    assert "--add-token adds vectors that must learn" in refused(text_classification, frozen)
    assert not (tmp_path / "run").exists()
