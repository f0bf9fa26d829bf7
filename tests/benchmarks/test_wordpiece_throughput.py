"""The benchmark runs, with its contestants inside this process, and notices contestants that do different work."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import wordpiece_batches
import wordpiece_throughput
from contestants import Round

from zoo.errors import UserError

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "play", "##ing", "the", "horse", "."]


class InThisProcess:
    """Stands for `contestants.Contestant`."""

    def __init__(self, name, work, options, threads, environment, warm_up):
        assert threads == 1 and environment["TOKENIZERS_PARALLELISM"] == "false"
        self.name = name
        self._work = getattr(wordpiece_batches, work.split(":")[1])(**options)
        self.warm_up_rounds = [self.run_round(**arguments) for arguments in warm_up]

    def run_round(self, **arguments):
        return Round(1.0, 1.0, self._work(**arguments))

    def finish(self):
        return 0


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.setattr(wordpiece_throughput, "Contestant", InThisProcess)
    monkeypatch.setattr("contestants.SETTLE_SECONDS", 0)
    # The number of threads cannot be changed once TensorFlow has begun.
    monkeypatch.setattr("tensorflow.config.threading.set_intra_op_parallelism_threads", lambda threads: None)
    monkeypatch.setattr("tensorflow.config.threading.set_inter_op_parallelism_threads", lambda threads: None)
    (tmp_path / "vocab.txt").write_text("\n".join(VOCABULARY))
    (tmp_path / "text.txt").write_text("Playing the horse.\n\nThe horse, the horse\nplays\n", encoding="utf-8")
    return ["--vocabulary", str(tmp_path / "vocab.txt"), "--text", str(tmp_path / "text.txt")]


def test_the_command(files, capsys):
    wordpiece_throughput.main([*files, "--batches", "3", "--rounds", "2", "--batch-size", "2", "--json"])
    results = json.loads(capsys.readouterr().out)["results"]
    assert [entry["name"] for entry in results] == ["tokenizers", "graph", "graph with offsets"]
    assert len({entry["tokens"] for entry in results}) == 1 and results[0]["tokens"] > 20
    assert results[0]["ratio"] == 1.0 and all(entry["ratio"] > 0 for entry in results)
    assert all(len(entry["resident_mib_by_round"]) == 2 for entry in results)

    wordpiece_throughput.main([*files, "--batches", "1", "--rounds", "1", "--cased"])
    assert "graph with offsets" in capsys.readouterr().out


def test_different_tokens_are_an_error():
    result = dict(tokens=3, id_sum=9, bytes=10, seconds=1.0, cpu_seconds=1.0, resident_mib=1.0)
    rounds = {"tokenizers": [Round(1.0, 1.0, result)], "graph": [Round(1.0, 1.0, {**result, "id_sum": 8})]}
    with pytest.raises(UserError, match="graph and tokenizers give different tokens"):
        wordpiece_throughput.summary(rounds)


@pytest.mark.parametrize(
    ("extra", "message"),
    [(["--rounds", "0"], "--rounds must be"), (["--text", "nowhere.txt"], "nowhere.txt is no file")],
)
def test_impossible_options(files, refused, extra, message):
    assert message in refused(wordpiece_throughput.main, [*files, *extra])


def test_batches_differ_and_hold_every_line(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("\n".join(f"line {number}" for number in range(50)))
    batches = wordpiece_batches.batches_of(path, 10, 50, start=0)
    assert len({tuple(batch) for batch in batches}) == 50
    assert all(len(batch) == 10 for batch in batches)
    assert {line for batch in batches for line in batch} == {f"line {number}" for number in range(50)}
    assert wordpiece_batches.batches_of(path, 10, 2, start=3) == batches[3:5]
    assert len(wordpiece_batches.batches_of(path, 120, 1, start=0)[0]) == 120
