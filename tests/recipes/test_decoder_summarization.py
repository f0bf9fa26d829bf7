"""The summarization recipe with a decoder, in this process and by its real command on PyTorch, on small data."""

import json

import numpy as np
import pytest
from commands import run_python
from summarization_data import write_dialogues
from tiny_generator import make_generator

import zoo
from recipes.summarization import main
from recipes.summarization import recipe as summarization
from recipes.summarization.config import SummarizationConfig, parse_command_line
from recipes.summarization.decoder_summarizer import decoder_parts
from zoo.data import JsonlSummaries
from zoo.errors import UserError

NEW_MODEL = "--vocabulary-size 320 --size tiny --num-layers 1 --dropout 0"
REST = (
    "--architecture decoder --max-source-length 50 --max-target-length 24 --batch-size-tokens 1024 --num-beams 1 "
    "--validation-rouge-texts 4 "
    "--learning-rate 1e-2 --schedule cosine --optimizer adam --weight-decay 0 --early-stopping-patience 0 "
    "--average-checkpoints 1"
)
DECODER = f"{NEW_MODEL} {REST}"
STEPS = "--total-steps 60 --warmup-steps 10 --validate-every-steps 30 --checkpoint-every-steps 30"
FIELDS = ["--text-field", "dialogue", "--summary-fields", "s1", "s2"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    directory = tmp_path_factory.mktemp("corpus")
    for name, count, seed in (("train", 300, 1), ("val", 20, 2)):
        write_dialogues(directory / f"{name}.jsonl", count, seed)
    return directory


def arguments(corpus, directory, *extra, settings=f"{DECODER} {STEPS}"):
    files = ["--train", f"{corpus}/train.jsonl", "--validation", f"{corpus}/val.jsonl", *FIELDS]
    return ["--directory", str(directory), *files, *settings.split(), *map(str, extra)]


def history(directory):
    rows = [json.loads(line) for line in (directory / "history.jsonl").read_text(encoding="utf-8").splitlines()]
    return [row for row in rows if row["kind"] == "validation"]


@pytest.fixture(scope="module")
def finished(corpus, tmp_path_factory):
    directory = tmp_path_factory.mktemp("runs") / "finished"
    main(arguments(corpus, directory))
    return directory


def test_it_learns_and_scores_what_the_preset_writes(finished, corpus):
    first, last = history(finished)
    # An untrained model is near ln(320) = 5.8.
    assert last["val_nll"] < first["val_nll"] < 3 and last["val_rouge1"] > 30
    summarizer = zoo.load(finished)
    assert isinstance(summarizer, zoo.DecoderSummarizer) and len(summarizer.examples) == 20
    texts = [each.text for each in JsonlSummaries(corpus / "val.jsonl", "dialogue", "s1")]
    written = (finished / "validation.summaries.txt").read_text(encoding="utf-8").split("\n")[:-1]
    assert [text.replace("\n", " ") for text in summarizer(texts)] == written
    results = json.loads((finished / "results.json").read_text(encoding="utf-8"))
    longer = sum(length > 49 for length in summarizer.tokenizer.encode(texts).row_lengths().numpy())
    assert results["truncated_texts"] == longer and 0 < longer < 20
    assert results["scores"]["rouge1"]["value"] > 30


def test_rows_are_text_separator_summary_end(finished, corpus):
    """Every row of an epoch against the tokens of its pair; the task reads what stands before the summary."""
    config = parse_command_line(arguments(corpus, finished))
    splits = [JsonlSummaries(corpus / f"{name}.jsonl", "dialogue", "s1") for name in ("train", "val")]
    parts = decoder_parts(config, [], resumed=True)
    task = zoo.load(finished)
    tokenizer = task.tokenizer
    assert tokenizer.vocabulary == parts.tokenizers[0].vocabulary
    separator = tokenizer.token_to_id("<|summary|>")
    expected = []
    pairs = [(text, summaries[0]) for split in splits for text, summaries in split]
    for text, summary in pairs:
        before = [*tokenizer.encode([text]).to_list()[0][:49], separator]
        whole = [*before, *tokenizer.encode([summary]).to_list()[0], tokenizer.eos_id]
        expected.append((whole, len(before)))
    found = []
    for x, labels, weights in parts.make_batches(pairs, training=False).epoch(0):
        for row, label, weight in zip(x["token_ids"], labels, weights, strict=True):
            (counted,) = np.nonzero(weight)
            assert (np.diff(counted) == 1).all()
            found.append(([*row[: counted[-1] + 1].tolist(), int(label[counted[-1]])], int(counted[0]) + 1))
            assert label[: counted[-1]].tolist() == row[1 : counted[-1] + 1].tolist()
    assert sorted(found) == sorted(expected)
    lengths = tokenizer.encode([text for text, _ in pairs]).row_lengths().numpy()
    assert parts.encode[0].cut == [int(sum(lengths > 49)), len(pairs)]
    token_ids, mask, *_ = task._encode([text for text, _ in pairs[:9]])
    for (whole, length), tokens, real in zip(expected, token_ids.numpy(), mask.numpy(), strict=False):
        assert [*tokens[real == 1], task._start_token_id] == whole[:length]


def test_long_texts_are_counted(finished, corpus, tmp_path, capsys):
    """And training goes on from a preset of this kind, with its vocabulary and separator."""
    steps = "--total-steps 4 --warmup-steps 1 --validate-every-steps 4 --checkpoint-every-steps 4"
    more = ("--pretrained", finished, "--learning-rate", "1e-3")
    main(arguments(corpus, tmp_path / "run", *more, settings=f"{REST} {steps}"))
    task = zoo.load(tmp_path / "run")
    texts = [each.text for each in JsonlSummaries(corpus / "train.jsonl", "dialogue", "s1")]
    longer = sum(length > 49 for length in task.tokenizer.encode(texts).row_lengths().numpy())
    output = " ".join(capsys.readouterr().out.split())
    assert f"{longer} of 300 texts are longer than 50 tokens; their end is cut" in output
    assert "decoder with" in output and 0 < longer < 300
    assert task.settings.separator == "<|summary|>" and task.tokenizer.merges == zoo.load(finished).tokenizer.merges
    assert history(tmp_path / "run")[-1]["val_nll"] < history(finished)[0]["val_nll"]


def test_a_text_generator_becomes_a_summarizer(tmp_path):
    generator = make_generator(begin_token=True)
    generator.save(tmp_path / "generator")
    options = dict(architecture="decoder", norm="pre", pretrained=tmp_path / "generator", directory=tmp_path / "run")
    lengths = dict(max_source_length=30, max_target_length=10)
    parts = decoder_parts(SummarizationConfig(**options, **lengths), [], resumed=False)
    task = parts.make_task(parts.model)
    assert task.settings.separator == "\nTL;DR:" and task.settings.source_prefix_ids == (generator.tokenizer.eos_id,)
    separator = generator.tokenizer.encode(["\nTL;DR:"]).to_list()[0]
    ((x, labels, weights),) = parts.make_batches([("low", "the")], training=True).epoch(0)
    low, the = generator.tokenizer.encode(["low", "the"]).to_list()
    before = [generator.tokenizer.eos_id, *low, *separator]
    assert x["token_ids"][0, : len(before) + len(the)].tolist() == [*before, *the]
    assert labels[weights > 0].tolist() == [*the, generator.tokenizer.eos_id]
    assert weights.argmax() == len(before) - 1
    named = SummarizationConfig(**options, **lengths, separator="\\nIn short:")
    assert decoder_parts(named, [], resumed=False).make_task(parts.model).settings.separator == "\nIn short:"
    for changed, message in (
        ({"max_source_length": 31}, "--max-source-length 31 and --max-target-length 10 together .* 40 positions"),
        ({"separator": "<sep>"}, "separator '<sep>' is no special token of the tokenizer, which has <.endoftext"),
        ({"max_source_length": 5}, r"max_source_length \(5\) must exceed its [6-9] special tokens"),
    ):
        with pytest.raises(UserError, match=message):
            decoder_parts(SummarizationConfig(**{**options, **lengths, **changed}), [], resumed=False)


def test_another_backend_trains_a_preset_that_tensorflow_loads(corpus, tmp_path):
    steps = "--total-steps 10 --warmup-steps 2 --validate-every-steps 10 --checkpoint-every-steps 10"
    argv = arguments(corpus, tmp_path / "torch", settings=f"{DECODER} {steps}")
    done = run_python(["-m", "recipes.summarization", *argv], backend="torch")
    assert done.returncode == 0, done.stderr
    texts = [each.text for each in JsonlSummaries(corpus / "val.jsonl", "dialogue", "s1")]
    written = (tmp_path / "torch" / "validation.summaries.txt").read_text(encoding="utf-8").split("\n")[:-1]
    assert [text.replace("\n", " ") for text in zoo.load(tmp_path / "torch")(texts)] == written


def test_the_architecture_of_a_pretrained_model_is_checked(finished, corpus, tmp_path):
    settings = REST.replace("--architecture decoder", "--architecture encoder-decoder")
    argv = arguments(corpus, tmp_path / "run", "--pretrained", finished, settings=f"{settings} {STEPS}")
    with pytest.raises(UserError, match="holds a summarizer over a decoder; add --architecture decoder"):
        summarization.run(parse_command_line(argv))


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--norm", "post"], "--norm post is for encoder-decoders; a decoder has pre"),
        (["--vocabulary-type", "unigram"], "--vocabulary-type unigram is for encoder-decoders; a decoder has bpe"),
        (["--normalization", "nfkc"], "--normalization nfkc is for encoder-decoders"),
        (["--no-joint-vocabulary"], "--joint-vocabulary False is for encoder-decoders"),
        (["--separator", ""], "--separator is empty"),
        (["--batch-size-tokens", "600"], "600 is less than --max-source-length 512 and --max-target-length 128"),
        (["--architecture", "encoder-decoder", "--separator", "<s>"], "--separator is for --architecture decoder"),
    ],
)
def test_mistakes_end_in_one_line(argv, message, tmp_path, refused):
    argv = ["--architecture", "decoder", *argv, "--directory", tmp_path / "run"]
    assert message in refused(main, argv)
    assert not (tmp_path / "run").exists()


def test_texts_that_are_all_empty(tmp_path, refused):
    rows = [{"dialogue": "", "s1": "a summary of nothing", "s2": "nothing"}] * 300
    (tmp_path / "empty.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    files = ["--train", f"{tmp_path}/empty.jsonl", "--validation", f"{tmp_path}/empty.jsonl", *FIELDS]
    settings = f"{DECODER} {STEPS}".replace("--vocabulary-size 320", "--vocabulary-size 262")
    error = refused(main, ["--directory", tmp_path / "run", *files, *settings.split()])
    assert "no text pair is left to train on (kept 0 of 300 pairs" in error
