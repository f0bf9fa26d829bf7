"""A start that is refused leaves nothing, and the corrected command starts in the same directory, in every recipe."""

import importlib
import json

import pytest
from fine_tuning_data import write_classes, write_conll
from pretraining_data import write_documents
from summarization_data import write_dialogues

from zoo.data.datasets.sample_corpus import sample_pairs
from zoo.errors import UserError
from zoo.training import loop

STEPS = "--total-steps 4 --warmup-steps 2 --validate-every-steps 4 --checkpoint-every-steps 4"
TINY = {
    "translation": f"--variant own-data --vocabulary-size 400 --num-layers 1 --size tiny --max-length 64 {STEPS}",
    "summarization": f"--vocabulary-size 330 --num-layers 1 --size tiny {STEPS} --text-field dialogue"
    " --summary-fields s1 --max-source-length 60 --max-target-length 24",
    "ner": "--vocabulary-size 100 --window 24 --overlap 8 --epochs 1",
    "text_classification": "--vocabulary-size 100 --epochs 1",
    "embedding": "--vocabulary-size 100 --epochs 1",
    "language_modeling": f"--vocabulary-size 300 --num-layers 1 --hidden-dim 16 --num-heads 2 --context 24 {STEPS}",
    "pretraining": f"--vocabulary-size 190 --sequence-length 24 {STEPS}",
}
# Kinds of refusals: an option that is wrong by itself, a file, what is in it, the devices, and a vocabulary, for which
# the training text must have been read. Files named here are made by the test.
REFUSED = {
    "translation": [
        ("--dropout 1.5", "--dropout"),
        ("--validation absent.tsv", "absent.tsv: no such file"),
        ("--validation bad.tsv", "bad.tsv:1"),
        ("--vocabulary-size 90000", "vocabulary"),
        ("--mesh 2x1", "mesh"),
    ],
    "summarization": [
        ("--dropout 1.5", "--dropout"),
        ("--validation absent.jsonl", "absent.jsonl: no such file"),
        ("--validation bad.jsonl", "bad.jsonl:1"),
        ("--vocabulary-size 90000", "vocabulary"),
        ("--mesh 2x1", "mesh"),
    ],
    "ner": [
        ("--dropout 1.5", "--dropout"),
        ("--validation absent.conll", "absent.conll: no such file"),
        ("--test bad.conll", "bad.conll:1"),
        ("--vocabulary-size 3", "vocabulary"),
        ("--trainable-blocks 9", "the encoder has 2 blocks"),
        ("--mesh 2x1", "mesh"),
    ],
    "text_classification": [
        ("--dropout 1.5", "--dropout"),
        ("--validation absent.csv", "absent.csv: no such file"),
        ("--validation bad.csv", "bad.csv:2"),
        ("--vocabulary-size 3", "vocabulary"),
        ("--trainable-blocks 9", "the encoder has 2 blocks"),
        ("--pretrained absent", "absent"),
    ],
    "embedding": [
        ("--temperature 0", "--temperature"),
        ("--validation absent.csv", "absent.csv: no such file"),
        ("--validation bad.csv", "bad.csv:2"),
        ("--vocabulary-size 3", "vocabulary"),
        ("--matryoshka-dims 128", "--matryoshka-dims 128 must be below the vectors' 128 entries"),
        ("--pretrained absent", "absent"),
    ],
    "language_modeling": [
        ("--dropout 1.5", "--dropout"),
        ("--validation absent.txt", "absent.txt: no such file"),
        ("--validation bad.txt", "bad.txt"),
        ("--vocabulary-size 90000", "vocabulary"),
        ("--mesh 2x1", "mesh"),
    ],
    "pretraining": [
        ("--dropout 1.5", "--dropout"),
        ("--validation absent.txt", "absent.txt: no such file"),
        ("--validation bad.txt", "bad.txt:2"),
        ("--vocabulary-size 9", "vocabulary_size 9 is too small"),
        ("--pretrained absent", "absent"),
    ],
}
KEPT = {"translation": ["source_tokenizer"], "summarization": ["source_tokenizer"]}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A directory with a file for training and one for validation of each kind, and what is wrong with others."""
    directory = tmp_path_factory.mktemp("corpus")
    for name, count, seed in (("train", 120, 1), ("val", 10, 2)):
        pairs = "".join(f"{source}\t{target}\n" for source, target in sample_pairs(count, seed=seed))
        (directory / f"{name}.tsv").write_text(pairs, encoding="utf-8")
        write_dialogues(directory / f"{name}.jsonl", count, seed)
        write_conll(directory / f"{name}.conll", count, seed)
        write_classes(directory / f"{name}.csv", seed)
        write_documents(directory / f"{name}.txt", count, seed)
    for name, content in (
        ("tsv", b"one column\n"),
        ("jsonl", b'{"dialogue": "a"}\n'),
        ("conll", b"Bob B-nothing\n"),
        ("csv", b"text,label\nhello,greeting\n"),
        ("txt", b"fine\n\xff\n"),
    ):
        (directory / f"bad.{name}").write_bytes(content)
    return directory


SUFFIX = {
    "translation": "tsv",
    "summarization": "jsonl",
    "ner": "conll",
    "text_classification": "csv",
    "embedding": "csv",
    "language_modeling": "txt",
    "pretraining": "txt",
}


@pytest.mark.parametrize("recipe", TINY)
def test_a_refused_start_leaves_nothing_and_the_corrected_command_starts(
    recipe, corpus, tmp_path, refused, monkeypatch, capsys
):
    monkeypatch.chdir(corpus)
    main = importlib.import_module(f"recipes.{recipe}").main
    suffix, run = SUFFIX[recipe], tmp_path / "runs" / "mine"
    argv = [*TINY[recipe].split(), "--train", f"train.{suffix}", "--validation", f"val.{suffix}", "--directory", run]
    for wrong, message in REFUSED[recipe]:
        assert message in refused(main, [*argv, *wrong.split()])
        assert not run.exists(), wrong

    dry = [*map(str, argv), "--dry-run"]
    with pytest.raises(SystemExit) as ended:
        main(dry)
    assert ended.value.code == 0 and not run.exists()

    seen = []

    def first_update(*_):
        """Ends as an update does whose loss is not finite."""
        seen.append({path.name for path in run.iterdir() if path.name != "history.jsonl"})
        seen.append(json.loads((run / "recipe.json").read_text(encoding="utf-8")))
        raise UserError("the loss of step 1 is nan")

    monkeypatch.setattr(loop, "_fit_interval", first_update)
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in argv])
    # Progress has been shown before.
    assert ended.value.code == 2 and capsys.readouterr().err.endswith("error: the loss of step 1 is nan\n")
    files, saved = seen
    assert files == {"recipe.json", *KEPT.get(recipe, ["tokenizer"])}
    assert saved["recipe"] == recipe and "dry_run" not in saved["devices"] and saved["devices"]["strategy"] == "auto"
    assert not run.exists()
