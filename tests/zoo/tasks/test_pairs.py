"""Tasks over pairs of texts: tokens, logits, scores and orders of transformers and sentence-transformers."""

import json

import numpy as np
import pytest
import tensorflow as tf
import torch
import transformers
from tiny_encoder_tasks import make_encoder, make_tokenizer
from tiny_pairs import MAX_LENGTH, pairs, write

import zoo
from zoo.convert.conversion import convert
from zoo.errors import UserError
from zoo.models import SequenceClassifier
from zoo.tasks import PairClassificationSettings, PairClassifier, PairScorer, PairScoringSettings
from zoo.tasks.loading import stored_inputs

NLI = {0: "contradiction", 1: "ENTAILMENT", 2: "neutral"}
COUNT = 1000


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """Models of each family with transformers' model and tokenizer, made when asked for."""
    made = {}

    def make(family, labels):
        if (family, labels) not in made:
            path = tmp_path_factory.mktemp("pairs") / f"{family}-{labels}"
            options = {"id2label": NLI} if labels == 3 else {"num_labels": labels}
            made[family, labels] = path, *write(path, family, "ForSequenceClassification", **options)
        return made[family, labels]

    return make


@pytest.mark.parametrize("family", ["Bert", "DistilBert", "Roberta"])
def test_tokens_and_logits_are_those_of_transformers(directory, family):
    path, model, tokenizer = directory(family, 3)
    first, second = pairs(COUNT)
    task = zoo.load(path)
    assert isinstance(task, zoo.PairClassifier) and task.labels == tuple(NLI.values())
    assert task.max_source_length == MAX_LENGTH and stored_inputs(path) == ("text", "text_pair")
    given = dict(padding=True, truncation=True, return_tensors="pt")
    reference = tokenizer(first, second, **given)
    # Special tokens in texts are tokens to transformers and text to us, unless asked for.
    reading = zoo.load(path, special_tokens_in_text=True)
    encoded = reading.encode(tf.constant(first), tf.constant(second)).tensors
    assert encoded["token_ids"].numpy().tolist() == reference["input_ids"].tolist()
    assert encoded["padding_mask"].numpy().tolist() == reference["attention_mask"].tolist()
    if family == "Bert":
        assert encoded["segment_ids"].numpy().tolist() == reference["token_type_ids"].tolist()
    lengths = reference["attention_mask"].sum(1)
    assert (lengths == MAX_LENGTH).sum() > 200 and (lengths < MAX_LENGTH).sum() > 200
    if family == "DistilBert":
        reference.pop("token_type_ids", None)
    with torch.no_grad():
        expected = model(**reference).logits.numpy()
    found = reading.logits(first, second, batch_size=250)
    np.testing.assert_allclose(found, expected, atol=5e-5, rtol=1e-5)
    assert np.std(expected) > 0.3


@pytest.mark.parametrize("truncation", ["only_first", "only_second"])
@pytest.mark.parametrize("family", ["Bert", "Roberta"])
def test_one_text_alone_is_cut(directory, family, truncation):
    path, _, tokenizer = directory(family, 3)
    # transformers stops where the other text leaves no room.
    short, long = pairs(200, longest=4)[0], pairs(200, seed=6, longest=40)[0]
    first, second = (long, short) if truncation == "only_first" else (short, long)
    task = zoo.load(path, special_tokens_in_text=True).with_settings(truncation=truncation)
    fits = [index for index, text in enumerate(short) if len(tokenizer(text)["input_ids"]) <= MAX_LENGTH - 3]
    columns = [[column[index] for index in fits] for column in (first, second)]
    assert len(fits) > 100
    reference = tokenizer(*columns, padding=True, truncation=truncation)["input_ids"]
    assert task.encode(*map(tf.constant, columns)).tensors["token_ids"].numpy().tolist() == reference
    # Here there is an answer there, too: the other text is cut, and one token of the second is left.
    ids = task.encode(tf.constant(["low " * 60]), tf.constant(["low " * 60])).tensors["token_ids"].numpy()
    assert ids.shape == (1, MAX_LENGTH) and task("low " * 60, "low " * 60)["score"] > 0


def test_cutting_of_every_pair_of_lengths():
    """Against the rule of the package tokenizers, taken from its behaviour."""
    import tokenizers

    from zoo.tasks.pair_rows import kept_lengths

    wordlevel = tokenizers.Tokenizer(tokenizers.models.WordLevel({"a": 0, "b": 1}, unk_token="a"))
    wordlevel.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    lengths = [(one, other) for one in range(12) for other in range(12)]
    for most in range(2, 10):
        wordlevel.enable_truncation(most, strategy="longest_first")
        pairs_of_texts = [("a " * one, "b " * other) for one, other in lengths]
        expected = [(each.ids.count(0), each.ids.count(1)) for each in wordlevel.encode_batch(pairs_of_texts)]
        found = kept_lengths(*map(tf.constant, zip(*lengths, strict=True)), most, "longest_first")
        assert list(zip(*(each.numpy().tolist() for each in found), strict=True)) == expected


@pytest.mark.parametrize("family", ["Bert", "Roberta"])
@pytest.mark.parametrize("activation", [None, "Identity"])
def test_scores_and_orders_are_those_of_a_cross_encoder(directory, tmp_path, family, activation):
    from sentence_transformers import CrossEncoder

    path, *_ = directory(family, 1)
    function = None if activation is None else torch.nn.Identity()
    encoder = CrossEncoder(str(path), activation_fn=function)
    encoder.save_pretrained(str(tmp_path))
    first, second = pairs(COUNT if activation is None else 50)
    expected = encoder.predict(list(zip(first, second, strict=True)), batch_size=250)
    scorer = zoo.load(tmp_path, special_tokens_in_text=True)
    assert isinstance(scorer, zoo.PairScorer) and stored_inputs(tmp_path) == scorer.inputs
    found = scorer(first, second, batch_size=250)
    np.testing.assert_allclose([each["score"] for each in found], expected, atol=5e-5, rtol=1e-5)
    assert np.std(expected) > 0.05
    documents = [*second[:20], second[0], "", "\n"]
    ranked = scorer.rerank(first[3], documents)
    reference = encoder.rank(first[3], documents)
    scores = {each["corpus_id"]: float(each["score"]) for each in reference}
    # Documents of scores that are equal but for rounding may change places.
    assert [scores[each["document"]] for each in ranked] == pytest.approx(
        sorted(scores.values(), reverse=True), abs=2e-5
    )
    assert [each["score"] for each in ranked] == pytest.approx([scores[each["document"]] for each in ranked], abs=2e-5)
    assert sorted(each["document"] for each in ranked) == [*range(len(documents))]


def test_rows_of_a_query_and_its_documents(directory):
    path, *_ = directory("Bert", 1)
    scorer = zoo.load(path, task="pair_scoring")
    queries = ["who was born", "", "köln?"]
    documents = [["in warsaw", "in Köln", "nobody"], ["one"], ["", "the cafe", "", "closed"]]
    joined = tf.constant(["\x1e".join(each) for each in documents])
    served = {name: value.numpy() for name, value in scorer.rerank_batch(tf.constant(queries), joined).items()}
    assert served["count"].tolist() == [3, 1, 4]
    for row, (query, texts) in enumerate(zip(queries, documents, strict=True)):
        ranked = scorer.rerank(query, texts)
        assert served["order"][row].tolist() == [each["document"] for each in ranked] + [-1] * (4 - len(texts))
        scores = [each["score"] for each in ranked] + [0.0] * (4 - len(texts))
        assert served["scores"][row].tolist() == pytest.approx(scores, abs=1e-6)
    assert scorer.rerank("a", []) == []


def test_which_directories_are_for_pairs(directory, tmp_path):
    path, *_ = directory("Bert", 1)
    assert type(zoo.load(path)) is zoo.TextRegressor and stored_inputs(path) == ("text",)
    assert type(zoo.load(path, task="pair_scoring")) is zoo.PairScorer
    with pytest.raises(UserError, match="a model of one output, which gives no classes; use the task 'pair_scoring'"):
        zoo.load(path, task="pair_classification")
    several, *_ = directory("Bert", 3)
    assert type(zoo.load(several, task="text_classification")) is zoo.TextClassifier
    with pytest.raises(UserError, match="a PairScorer needs a model of one output; this one has 3"):
        zoo.load(several, task="pair_scoring")
    with pytest.raises(UserError, match=r"task must be one of translation, .*pair_scoring, got 'pairs'"):
        zoo.load(several, task="pairs")
    with pytest.raises(UserError, match="kind 'sequence_classifier', which cannot be made for translation"):
        zoo.load(several, task="translation")
    zoo.load(several).save(tmp_path)
    with pytest.raises(UserError, match="no Hugging Face directory, of which alone a task can be chosen"):
        zoo.load(tmp_path, task="pair_classification")
    # Before version 4 of sentence-transformers.
    config = json.loads((path / "config.json").read_text())
    for key, value, kind in (
        ("sbert_ce_default_activation_function", "torch.nn.modules.linear.Identity", False),
        ("sentence_transformers", {"activation_fn": "torch.nn.modules.activation.Sigmoid"}, True),
    ):
        changed = copied(path, tmp_path / key, {**config, key: value})
        task = zoo.load(changed)
        assert type(task) is zoo.PairScorer and task.settings.sigmoid is kind
    changed = copied(path, tmp_path / "c", {**config, "sentence_transformers": {"activation_fn": "torch.nn.Tanh"}})
    with pytest.raises(UserError, match=r"activation 'torch.nn.Tanh' of a cross-encoder is not supported"):
        zoo.load(changed)


def copied(source, target, config):
    target.mkdir()
    for file in source.iterdir():
        (target / file.name).write_bytes(file.read_bytes())
    (target / "config.json").write_text(json.dumps(config))
    return target


def test_templates_that_cannot_be_followed(directory, tmp_path):
    path, *_ = directory("Bert", 3)
    target = copied(path, tmp_path / "bert", json.loads((path / "config.json").read_text()))
    fast = json.loads((target / "tokenizer.json").read_text())
    second = fast["post_processor"]["pair"]
    for piece in second[-2:]:
        next(iter(piece.values()))["type_id"] = 0
    (target / "tokenizer.json").write_text(json.dumps(fast))
    with pytest.raises(UserError, match="segment 0 of the second text is not supported beside class BertTokenizer"):
        zoo.load(target)
    settings = json.loads((target / "tokenizer_config.json").read_text())
    (target / "tokenizer_config.json").write_text(
        json.dumps({**settings, "tokenizer_class": "PreTrainedTokenizerFast"})
    )
    assert zoo.load(target).settings.second_segment == 0
    fast["post_processor"]["pair"] = second[:2]
    (target / "tokenizer.json").write_text(json.dumps(fast))
    with pytest.raises(UserError, match="post_processor does not join two texts as"):
        zoo.load(target)


@pytest.mark.parametrize(("family", "labels"), [("Bert", 3), ("Roberta", 1), ("DistilBert", 1)])
def test_there_and_back(directory, tmp_path, family, labels):
    """Read, converted to a preset, loaded, written as a Hugging Face directory: the same answers."""
    from sentence_transformers import CrossEncoder

    path, *_ = directory(family, labels)
    name = "pair_scoring" if labels == 1 else None
    convert(path, tmp_path / "preset", task=name)
    convert(tmp_path / "preset", tmp_path / "back", to="hugging-face")
    first, second = pairs(40, seed=9)
    task, preset, back = zoo.load(path, task=name), zoo.load(tmp_path / "preset"), zoo.load(tmp_path / "back")
    assert task.settings == preset.settings == back.settings and type(back) is type(task)
    assert task(first, second) == preset(first, second)
    scores = [each["score"] for each in task(first, second)]
    assert [each["score"] for each in back(first, second)] == pytest.approx(scores, abs=1e-6)
    encoder = CrossEncoder(str(tmp_path / "back"))
    reading = zoo.load(tmp_path / "back", special_tokens_in_text=True)
    reference = encoder.predict(list(zip(first, second, strict=True)))
    found = reading.logits(first, second) if labels > 1 else [each["score"] for each in reading(first, second)]
    np.testing.assert_allclose(found, reference, atol=1e-5, rtol=1e-5)
    cut = preset.with_settings(separators=2 if family != "Roberta" else 1)
    cut.save(tmp_path / "other")
    with pytest.raises(UserError, match=r"with separators .; the tokenizer that transformers would read has"):
        convert(tmp_path / "other", tmp_path / "refused", to="hugging-face")


NAMED = [["low", "Marie Curie", "the Rhine", "unbelievable"], ["born", "zq"], ["12"]]


@pytest.mark.usefixtures("untraced_tasks")
@pytest.mark.parametrize("labels", [("contradiction", "neutral", "entailment"), ("Entailed", "neutral", "not so")])
def test_labels_of_a_request_are_those_of_the_pipeline(tmp_path, labels):
    """25 texts, long ones among them, with three lists of labels each, of which one or any number is right."""
    numbered = dict(enumerate(labels))
    options = {"id2label": numbered, "label2id": {label: number for number, label in numbered.items()}}
    write(tmp_path, "Bert", "ForSequenceClassification", **options)
    reference = transformers.pipeline("zero-shot-classification", model=str(tmp_path), tokenizer=str(tmp_path))
    classifier = zoo.load(tmp_path)
    # What is written like special tokens is text to us.
    texts = [text.replace("[SEP]", "who").replace("</s>", "who") for text in pairs(40, seed=7, longest=40)[0]]
    texts = [text for text in texts if text.strip()][:25]
    assert len(texts) == 25 and max(map(len, texts)) > 100
    for names in NAMED:
        for multi_label in (False, True):
            found = classifier.zero_shot(texts, names, multi_label=multi_label)
            for one, other in zip(found, reference(texts, names, multi_label=multi_label), strict=True):
                assert one["labels"] == other["labels"]
                np.testing.assert_allclose(one["scores"], other["scores"], atol=1e-5)
    changed = classifier.with_settings(hypothesis_template="It is about {}!")
    expected = reference(texts[0], NAMED[0], hypothesis_template="It is about {}!")
    assert changed.zero_shot(texts[0], NAMED[0])["scores"] == pytest.approx(expected["scores"], abs=1e-5)
    # As it is served: the labels of each row in one string, and rows filled up.
    given = [tf.constant(texts[:3]), tf.constant(["\x1e".join(names) for names in NAMED]), tf.constant([0, 1, 0])]
    served = {name: value.numpy() for name, value in classifier.signatures["zero_shot"].function(*given).items()}
    assert served["count"].tolist() == [4, 2, 1] and served["labels"].shape == (3, 4)
    for row, names in enumerate(NAMED):
        expected = classifier.zero_shot(texts[row], names, multi_label=row == 1)
        count = len(names)
        assert [label.decode() for label in served["labels"][row][:count]] == expected["labels"]
        np.testing.assert_allclose(served["scores"][row], [*expected["scores"], *[0] * (4 - count)], atol=1e-6)


def test_labels_that_are_none(directory):
    classifier = zoo.load(directory("Bert", 3)[0])
    for names, message in (
        ([], "labels must be a list of one text at least"),
        (["a", " "], "labels must be texts without .*, none of them empty, got ' '"),
        (["a\x1eb"], "labels must be texts without"),
    ):
        with pytest.raises(UserError, match=message):
            classifier.zero_shot("who", names)
    with pytest.raises(tf.errors.InvalidArgumentError, match="labels must not be empty"):
        classifier.signatures["zero_shot"].function(tf.constant(["who"]), tf.constant([""]), tf.constant([0]))
    with pytest.raises(UserError, match=r"hypothesis_template must be a text with one .*, got 'about'"):
        classifier.with_settings(hypothesis_template="about")
    other = zoo.load(directory("Bert", 2)[0], task="pair_classification")
    assert "zero_shot" not in other.signatures
    with pytest.raises(
        UserError, match='zero_shot needs a label that begins with "entail"; there are LABEL_0, LABEL_1'
    ):
        other.zero_shot("who", ["a"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"separators": 3}, "separators must be 1 or 2, got 3"),
        ({"second_segment": True}, "second_segment must be 0 or 1, got True"),
        ({"truncation": "both"}, "truncation must be one of longest_first, only_first, only_second, got 'both'"),
        ({"max_source_length": 4}, "max_source_length 4 leaves no room for two texts .* at least 5"),
        ({"threshold": 2.0}, "threshold must be between 0 and 1"),
    ],
)
def test_impossible_settings(settings, message):
    tokenizer = make_tokenizer()
    model = SequenceClassifier(make_encoder(tokenizer, 3), 2)
    with pytest.raises(UserError, match=message):
        PairClassifier(model, tokenizer, ("yes", "no"), PairClassificationSettings(**settings))
    with pytest.raises(UserError, match="a PairScorer needs a model of one output; this one has 2"):
        PairScorer(model, tokenizer, ("yes", "no"))
    with pytest.raises(UserError, match="sigmoid must be true or false"):
        PairScoringSettings(sigmoid="yes")
