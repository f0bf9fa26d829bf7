"""The summarization recipe, by its real command and in this process, on small data."""

import json
import shutil
from dataclasses import replace

import pytest
from commands import run_python
from summarization_data import write_dialogues

import zoo
from recipes.summarization import main
from recipes.summarization import recipe as summarization
from recipes.summarization.config import VARIANTS, parse_command_line
from recipes.text_to_text.encoded_texts import pair_encoders
from zoo.data import JsonlSummaries
from zoo.data.datasets import named_datasets, published_summaries
from zoo.errors import UserError
from zoo.metrics import rouge

SMALL = "--vocabulary-size 330 --size tiny --num-layers 1 --dropout 0 --norm pre --max-source-length 60"
STEPS = "--total-steps 60 --warmup-steps 10 --validate-every-steps 30 --checkpoint-every-steps 20 --learning-rate 3e-3"
REST = (
    "--max-target-length 24 --batch-size-tokens 1024 --optimizer adam --weight-decay 0 --schedule cosine --num-beams 2"
)
FIELDS = ["--text-field", "dialogue", "--summary-fields", "s1", "s2", "--early-stopping-patience", "0"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    directory = tmp_path_factory.mktemp("corpus")
    for name, count, seed in (("train", 300, 1), ("val", 20, 2), ("test", 25, 3)):
        write_dialogues(directory / f"{name}.jsonl", count, seed)
    return directory


def arguments(corpus, directory, *extra, settings=f"{SMALL} {STEPS} {REST}"):
    files = [
        part for split in ("train", "validation", "test") for part in (f"--{split}", f"{corpus}/{split[:5]}.jsonl")
    ]
    files[3] = f"{corpus}/val.jsonl"
    return ["--directory", str(directory), *files, *FIELDS, *settings.split(), *map(str, extra)]


def command(argv, backend="tensorflow"):
    return run_python(["-m", "recipes.summarization", *argv], backend=backend)


def history(directory, kind):
    rows = [json.loads(line) for line in (directory / "history.jsonl").read_text(encoding="utf-8").splitlines()]
    return [row for row in rows if row["kind"] == kind]


@pytest.fixture(scope="module")
def finished(corpus, tmp_path_factory):
    directory = tmp_path_factory.mktemp("runs") / "finished"
    done = command(arguments(corpus, directory))
    assert done.returncode == 0, done.stderr
    return directory, done.stdout


def test_it_learns_and_scores_what_the_preset_writes(finished, corpus):
    directory, output = finished
    results = json.loads((directory / "results.json").read_text(encoding="utf-8"))
    first, last = history(directory, "validation")
    # An untrained model is near ln(330) = 5.8.
    assert last["val_nll"] < first["val_nll"] < 2 and last["val_rouge1"] > 40
    summarizer = zoo.load(directory)
    assert isinstance(summarizer, zoo.Summarizer) and len(summarizer.examples) == 20
    texts = list(JsonlSummaries(corpus / "test.jsonl", "dialogue", ("s1", "s2")))
    summaries = summarizer([each.text for each in texts])
    assert (directory / "test.summaries.txt").read_text(encoding="utf-8").splitlines() == summaries
    expected = rouge(summaries, [each.summaries for each in texts])
    assert results["split"] == "test" and results["texts"] == 25
    for name, score in results["scores"].items():
        assert score["value"] == pytest.approx(expected[name].value) and "nrefs:2" in score["signature"]
        assert f"{score['value']:.2f}" in output
    assert results["scores"]["rouge1"]["value"] > 40
    assert (directory / "learning_curve.png").read_bytes().startswith(b"\x89PNG")


def test_long_texts_are_cut_and_counted(finished, corpus):
    directory, output = finished
    tokenizer = zoo.load(directory).tokenizer

    def longer(split):
        texts = [each.text for each in JsonlSummaries(corpus / f"{split}.jsonl", "dialogue", "s1")]
        return sum(length > 59 for length in tokenizer.encode(texts).row_lengths().numpy())

    assert 0 < longer("train") < 300
    assert f"{longer('train')} of 300 texts are longer than 60 tokens; their end is cut" in output
    results = json.loads((directory / "results.json").read_text(encoding="utf-8"))
    assert results["truncated_texts"] == longer("test") > 0


def test_batches_read_texts_as_the_task_does(finished, corpus):
    directory, _ = finished
    summarizer = zoo.load(directory)
    config = parse_command_line(arguments(corpus, directory))
    tokenizers = summarizer.tokenizer, summarizer.target_tokenizer
    encode = pair_encoders(tokenizers, summarizer.settings, longest=config.max_source_length)
    texts = [each.text for each in JsonlSummaries(corpus / "val.jsonl", "dialogue", "s1")]
    token_ids, mask, *_ = summarizer._encode(texts)
    for row, tokens, real in zip(encode[0](texts), token_ids.numpy(), mask.numpy(), strict=True):
        assert [*row.tolist(), summarizer.tokenizer.eos_id] == tokens[real == 1].tolist()


def test_training_goes_on_from_a_preset_and_after_an_interruption(finished, corpus, tmp_path):
    directory, _ = finished
    steps = "--total-steps 20 --warmup-steps 2 --validate-every-steps 20 --checkpoint-every-steps 10"
    argv = arguments(
        corpus, tmp_path / "run", "--pretrained", directory, settings=f"--max-source-length 60 {REST} {steps}"
    )
    main([*argv, "--max-minutes", "0.0001"])
    assert json.loads((tmp_path / "run" / "results.json").read_text())["updates"] < 20
    main(argv)
    (after,) = history(tmp_path / "run", "validation")[-1:]
    assert after["val_nll"] < history(directory, "validation")[-1]["val_nll"] + 0.2
    with pytest.raises(UserError, match="--max-source-length 90: more than the 60 positions"):
        summarization.run(parse_command_line([*argv, "--max-source-length", "90", "--directory", str(tmp_path / "x")]))


def test_another_split_is_scored_afterwards(finished, corpus, tmp_path):
    directory = tmp_path / "run"
    shutil.copytree(finished[0], directory)
    checkpoints = sorted(path.name for path in (directory / "checkpoints").iterdir())
    main(arguments(corpus, directory, "--score-split", "validation"))
    results = json.loads((directory / "results.json").read_text(encoding="utf-8"))
    assert results["split"] == "validation" and results["texts"] == 20 and results["updates"] == 60
    assert sorted(path.name for path in (directory / "checkpoints").iterdir()) == checkpoints
    assert len((directory / "validation.summaries.txt").read_text(encoding="utf-8").splitlines()) == 20


def test_a_damaged_test_file_is_found_before_training(corpus, tmp_path, refused):
    (tmp_path / "test.jsonl").write_text('{"dialogue": "a", "s1": "b", "s2": "c"}\n{"dialogue": "a"}\n')
    argv = arguments(corpus, tmp_path / "run", "--test", tmp_path / "test.jsonl")
    assert "test.jsonl:2: has no field 's1'" in refused(main, argv)
    assert not (tmp_path / "run").exists()


def test_a_language_that_references_are_not_in_is_refused_before_there_is_a_vocabulary(
    corpus, tmp_path, refused, monkeypatch
):
    monkeypatch.setattr(summarization, "encoder_decoder_parts", None)
    row = json.dumps({"dialogue": "天气", "s1": "今天天气很好我们去公园玩", "s2": "今天天气很好"})
    (tmp_path / "val.jsonl").write_text(f"{row}\n", encoding="utf-8")
    options = ["--validation", tmp_path / "val.jsonl", "--target-language", "en"]
    error = refused(main, arguments(corpus, tmp_path / "run", *options))
    assert "are written as zh is, and cannot be scored by words of en; give --target-language zh" in error
    assert not (tmp_path / "run").exists()


def test_a_published_test_file_is_looked_for_before_training(tmp_path, refused, monkeypatch):
    """It alone is downloaded when it is first read."""

    def absent(dataset, name):
        if name == "test.jsonl":
            raise UserError("test.jsonl: cannot be downloaded")
        write_dialogues(tmp_path / name, 20, 1)
        return tmp_path / name

    dataset = replace(
        published_summaries.DIALOGSUM,
        files={split: f"{split}.jsonl" for split in ("train", "validation", "test")},
        summaries={"train": ("s1",), "validation": ("s1",), "test": ("s1", "s2")},
    )
    monkeypatch.setattr(published_summaries.PublishedSummaries, "path", absent)
    monkeypatch.setitem(named_datasets._OPENERS, "dialogsum", ("summarization", dataset.open))
    argv = ["--variant", "dialogsum", "--vocabulary-size", "330", "--directory", tmp_path / "run"]
    assert "test.jsonl: cannot be downloaded" in refused(main, argv)
    assert not (tmp_path / "run").exists()


def test_the_preset_of_another_backend_is_the_same_here(corpus, tmp_path):
    argv = arguments(corpus, tmp_path / "torch", "--total-steps", "10", "--warmup-steps", "2", "--num-beams", "1")
    done = command(argv, "torch")
    assert done.returncode == 0, done.stderr
    texts = [each.text for each in JsonlSummaries(corpus / "test.jsonl", "dialogue", "s1")]
    written = (tmp_path / "torch" / "test.summaries.txt").read_text(encoding="utf-8").split("\n")[:-1]
    assert [text.replace("\n", " ") for text in zoo.load(tmp_path / "torch")(texts)] == written


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (
            ["--batch-size-tokens", "8192", "--max-source-length", "9000"],
            "--batch-size-tokens 8192 is less than --max-source-length 9000",
        ),
        (["--min-new-tokens", "200"], "--min-new-tokens 200 is more than --max-target-length 128"),
        (["--validation-rouge-texts", "0"], "--early-stopping-metric val_rouge2 needs --validation-rouge-texts"),
        (["--no-repeat-ngram-size", "-1"], "--no-repeat-ngram-size must be at least 0"),
        ([], "give --train and --validation"),
        (["--dataset", "dialogsum", "--train", "a.jsonl"], "--dataset and --train name two training sets"),
        (["--dataset", "multi30k"], "'multi30k' is for translation, not for summarization"),
        (["--train", "absent.jsonl", "--validation", "absent.jsonl"], "absent.jsonl: no such file"),
    ],
)
def test_mistakes_end_in_one_line(argv, message, tmp_path, refused):
    assert message in refused(main, [*argv, "--directory", tmp_path / "run"])
    assert not (tmp_path / "run").exists()


def test_variants_are_consistent():
    for name, make in VARIANTS.items():
        assert make().variant == name
        assert parse_command_line(["--variant", name]) == make()
