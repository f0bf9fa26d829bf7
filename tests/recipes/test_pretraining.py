"""The pretraining recipe, by its real command and in this process, on small data."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from commands import run_python
from pretraining_data import TOPICS, write_documents

import zoo
from recipes.pretraining import main
from recipes.pretraining import recipe as pretraining
from recipes.pretraining.config import parse_command_line
from zoo.data import TextDocuments, TokenizedDocuments
from zoo.tasks import load_pretrained_encoder

SMALL = (
    "--vocabulary-size 190 --sequence-length 24 --batch-size 32 --dropout 0 --learning-rate 1.5e-3 --warmup-steps 20"
)
STEPS = "--total-steps 120 --validate-every-steps 60 --checkpoint-every-steps 40 --average-checkpoints 2"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    directory = tmp_path_factory.mktemp("corpus")
    for name, count, seed in (("train", 250, 1), ("more", 50, 2), ("val", 60, 3)):
        write_documents(directory / f"{name}.txt", count, seed)
    return directory


def arguments(corpus, directory, *extra):
    files = ["--train", str(corpus / "train.txt"), str(corpus / "more.txt"), "--validation", str(corpus / "val.txt")]
    return ["--directory", str(directory), *files, *SMALL.split(), *STEPS.split(), *map(str, extra)]


def command(argv, backend="tensorflow"):
    return run_python(["-m", "recipes.pretraining", *argv], backend=backend)


def history(directory, kind):
    rows = [json.loads(line) for line in (directory / "history.jsonl").read_text(encoding="utf-8").splitlines()]
    return [row for row in rows if row["kind"] == kind]


@pytest.fixture(scope="module")
def finished(corpus, tmp_path_factory):
    directory = tmp_path_factory.mktemp("runs") / "finished"
    done = command(arguments(corpus, directory))
    assert done.returncode == 0, done.stderr
    return directory, done.stdout


def test_it_learns_more_than_frequencies(finished, corpus):
    directory, output = finished
    results = json.loads((directory / "results.json").read_text(encoding="utf-8"))
    assert results["updates"] == 120 and results["documents"] == 60
    first, last = history(directory, "validation")
    assert last["val_nll"] < first["val_nll"] < np.log(190)
    assert results["averaged_checkpoints"] == ["checkpoint-00000120", "checkpoint-00000080"]
    # A model that makes nothing of the context does not get below this.
    assert 3.4 < results["constant_nll"] < np.log(40)
    assert last["val_nll"] < results["constant_nll"] - 0.3
    assert history(directory, "train")[-1]["loss"] < results["constant_nll"] - 0.3
    assert "the best constant prediction" in output and "[MASK]" in output and "new head" in output


def test_the_preset_has_the_scores_that_were_reported(finished, corpus):
    """On the masks of validation, in numpy."""
    directory, _ = finished
    task = zoo.load(directory)
    config = parse_command_line(arguments(corpus, directory))
    tokenizer = task.tokenizer.reading_from_text(())
    documents = TokenizedDocuments.encode(TextDocuments(corpus / "val.txt"), tokenizer.tokenize_with_offsets)
    nll = right = total = 0.0
    for x, labels, weights in pretraining.make_batches(config, documents, tokenizer, training=False).epoch(0):
        logits = np.asarray(task.model(x), "float64")
        log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
        nll -= (np.take_along_axis(log_p, labels[..., None], -1)[..., 0] * weights).sum()
        right += ((logits.argmax(-1) == labels) * weights).sum()
        total += float(weights.sum())
    scores = json.loads((directory / "results.json").read_text(encoding="utf-8"))["scores"]
    assert scores["nll"] == pytest.approx(nll / total, rel=1e-4)
    assert scores["perplexity"] == pytest.approx(np.exp(nll / total), rel=1e-3)
    assert scores["accuracy"] == pytest.approx(right / total, abs=1.5 / total)


def test_the_preset_fills_blanks(finished, corpus):
    directory, _ = finished
    task = zoo.load(directory)
    assert isinstance(task, zoo.MaskedLanguageModel) and task.settings.max_source_length == 24
    assert len(task.examples) == 200 and all("[MASK]" in text for text in task.examples)
    for words in TOPICS.values():
        (candidates,) = task("{} {} {} [MASK] {} {}".format(*words[:5]))
        assert sum(each["token"] in words for each in candidates) >= 3
    assert (directory / "learning_curve.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((directory / "recipe.json").read_text(encoding="utf-8"))["train"] == [
        str(corpus / "train.txt"),
        str(corpus / "more.txt"),
    ]


def test_a_killed_run_ends_with_the_weights_of_one_that_was_not(finished, corpus, tmp_path, capfd):
    """As if killed after the checkpoint of step 80, in the middle of an epoch."""
    directory, _ = finished
    shutil.copytree(directory, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "checkpoints" / "checkpoint-00000120")
    (tmp_path / "run" / "model.weights.h5").unlink()
    pretraining.run(parse_command_line(arguments(corpus, tmp_path / "run")))
    assert "going on from step 80" in capfd.readouterr().err
    whole, parts = zoo.load(directory), zoo.load(tmp_path / "run")
    for expected, found in zip(whole.model.get_weights(), parts.model.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_going_on_from_a_preset(finished, corpus, tmp_path):
    """The encoder and the head for tokens go on as they are; what the preset lacks is new."""
    directory, _ = finished
    argv = [*arguments(corpus, tmp_path / "run", "--next-sentence"), "--pretrained", str(directory)]
    del argv[argv.index("--dropout") : argv.index("--dropout") + 2]
    config = parse_command_line(argv)
    encoder, tokenizer = pretraining.make_encoder(config, None, resumed=False)
    model, head = pretraining.make_model(config, encoder, tokenizer)
    assert head == "stored head for tokens, new one for next sentences" and model.next_sentence_head is not None
    task = zoo.load(directory)
    assert tokenizer.vocabulary == task.tokenizer.vocabulary and tokenizer.special_tokens_in_text == ()
    inputs = {"token_ids": np.array([[2, 9, 4, 11, 3]]), "padding_mask": np.ones((1, 5), "int32")}
    np.testing.assert_allclose(model(inputs)["token_logits"], task.model(inputs), atol=1e-5)
    # And from a model that has everything.
    pretraining.MaskedLanguageModel(model, tokenizer.reading_from_text(("[MASK]",))).save(tmp_path / "all")
    config = replace(config, pretrained=tmp_path / "all")
    again, head = pretraining.make_model(config, *pretraining.make_encoder(config, None, resumed=False))
    assert head == "stored heads"
    for name, expected in model(inputs).items():
        np.testing.assert_allclose(again(inputs)[name], expected, atol=1e-5)


def test_going_on_from_a_hugging_face_directory(corpus, tmp_path):
    """Logits as of the reference implementation, whatever heads its directory holds."""
    transformers = pytest.importorskip("transformers")
    torch = pytest.importorskip("torch")
    tokenizer = pretraining.make_tokenizer(
        parse_command_line(arguments(corpus, tmp_path)), TextDocuments(corpus / "train.txt"), False
    )
    sizes = dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32)
    reference = transformers.BertConfig(vocab_size=tokenizer.vocabulary_size, max_position_embeddings=24, **sizes)
    ids = np.array([[2, 9, 4, 11, 3]])
    inputs = {"token_ids": ids, "padding_mask": np.ones((1, 5), "int32")}
    for kind, next_sentence, expected_head in (
        ("BertForPreTraining", True, "stored heads"),
        ("BertForPreTraining", False, "stored head"),
        ("BertForMaskedLM", True, "stored head for tokens, new one for next sentences"),
        ("BertModel", False, "new head"),
    ):
        directory = tmp_path / f"{kind}{next_sentence}"
        stored = getattr(transformers, kind)(reference).eval()
        stored.save_pretrained(directory)
        (directory / "vocab.txt").write_text("\n".join(tokenizer.vocabulary) + "\n", encoding="utf-8")
        argv = arguments(corpus, tmp_path / "run", "--dropout", "None", "--pretrained", directory)
        config = replace(parse_command_line(argv), next_sentence=next_sentence)
        model, head = pretraining.make_model(config, *pretraining.make_encoder(config, None, resumed=False))
        assert head == expected_head
        if kind == "BertModel":
            continue
        with torch.no_grad():
            expected = stored(torch.tensor(ids))
        found = model(inputs)
        tokens = found["token_logits"] if next_sentence else found
        logits = expected.prediction_logits if kind == "BertForPreTraining" else expected.logits
        np.testing.assert_allclose(tokens, logits, atol=1e-4)
        if head == "stored heads":
            np.testing.assert_allclose(found["next_sentence_logits"], expected.seq_relationship_logits, atol=1e-4)


def _weights(encoder, part):
    layers = getattr(encoder, part)
    return [weight for layer in (layers if isinstance(layers, list) else [layers]) for weight in layer.get_weights()]


def test_its_encoder_is_what_other_recipes_take(finished):
    directory, _ = finished
    encoder, tokenizer = load_pretrained_encoder(directory, pooler=True)
    task = zoo.load(directory)
    for part in ("token_embedding", "encoder_blocks"):
        for one, other in zip(_weights(encoder, part), _weights(task.model.encoder, part), strict=True):
            np.testing.assert_array_equal(one, other)
    assert tokenizer.special_tokens_in_text == () and task.tokenizer.special_tokens_in_text == ("[MASK]",)


@pytest.mark.usefixtures("untraced_tasks")
@pytest.mark.parametrize(("backend", "extra"), [("jax", ("--line-by-line",)), ("torch", ("--next-sentence",))])
def test_other_backends_train_a_preset_that_tensorflow_loads(backend, extra, corpus, tmp_path):
    pytest.importorskip(backend)
    steps = "--total-steps 6 --warmup-steps 2 --validate-every-steps 6"
    done = command(arguments(corpus, tmp_path / "run", *steps.split(), *extra), backend)
    assert done.returncode == 0, done.stderr
    (validation,) = history(tmp_path / "run", "validation")
    assert 3.0 < validation["val_nll"] < np.log(190)
    assert ("val_next_sentence_accuracy" in validation) == ("--next-sentence" in extra)
    results = json.loads((tmp_path / "run" / "results.json").read_text(encoding="utf-8"))
    task = zoo.load(tmp_path / "run")
    assert results["backend"] == backend and len(task(task.examples[0])[0]) == 5


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (("--sequence-length", "7"), "--sequence-length must be at least 8, got 7"),
        (("--line-by-line", "--next-sentence"), "rows of single lines, --next-sentence of several; choose one"),
        (("--masked-share", "1"), "--masked-share must be above 0 and below 1, got 1.0"),
        (("--warmup-steps", "120"), "--warmup-steps 120 must be at least 0 and below --total-steps 120"),
        (("--max-positions", "16"), "--max-positions 16 is less than --sequence-length 24"),
        (("--early-stopping-patience", "-1"), "--early-stopping-patience must be at least 0"),
        (("--pretrained", "nowhere"), "--dropout is for new encoders"),
        (("--dropout", "None", "--pretrained", "nowhere"), "nowhere is not a directory"),
        (("--train", "nothing.txt"), "nothing.txt: no such file"),
        (("--vocabulary", "nothing.txt"), "nothing.txt cannot be read"),
        (("--vocabulary-size", "9"), "vocabulary_size 9 is too small"),
    ],
)
def test_mistakes_end_in_one_line(corpus, tmp_path, refused, extra, message):
    assert message in refused(main, arguments(corpus, tmp_path / "run", *extra))
    assert not (tmp_path / "run").exists()


def test_text_that_does_not_suit(corpus, tmp_path, refused):
    files = {"one.txt": "a b\nb a\n" * 20, "bad.txt": b"fine\n\xff\n", "vocab.txt": "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n"}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())

    def error(*extra):
        return refused(main, arguments(corpus, tmp_path / "run", *extra))

    assert "one.txt: next-sentence prediction needs at least 2 documents, found 1" in error(
        "--validation", tmp_path / "one.txt", "--next-sentence"
    )
    assert "bad.txt:2: not valid UTF-8" in error("--train", tmp_path / "bad.txt")
    assert "vocab.txt: the vocabulary has no [MASK]" in error("--vocabulary", tmp_path / "vocab.txt")
    error = refused(main, ["--directory", tmp_path / "run"])
    assert "--train is missing: name one or more text files" in error
    assert not (tmp_path / "run").exists()


def test_masks_of_validation_are_those_of_every_run(corpus, tmp_path):
    """Whatever the seed, so that runs can be compared."""

    def batches(seed, training=False):
        config = parse_command_line(arguments(corpus, tmp_path, "--seed", seed))
        text = TextDocuments(corpus / "val.txt")
        tokenizer = pretraining.make_tokenizer(config, text, resumed=False)
        documents = TokenizedDocuments.encode(text, tokenizer.tokenize_with_offsets)
        return [
            (x["token_ids"], labels)
            for x, labels, _ in pretraining.make_batches(config, documents, tokenizer, training=training).epoch(0)
        ]

    for one, other in zip(batches(1), batches(2), strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])
    assert any((one[0] != other[0]).any() for one, other in zip(batches(1, True), batches(2, True), strict=True))


def test_words_that_blanks_are_made_of():
    assert pretraining.with_blank("A man, 12 years old, rides.") == "A man, 12 [MASK] old, rides."
    assert pretraining.with_blank("too few words") is None
