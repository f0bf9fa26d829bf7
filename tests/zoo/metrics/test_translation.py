import io
import math
import re
import subprocess
import sys
from collections import Counter
from contextlib import redirect_stdout

import pytest
import sacrebleu
from commands import run_python

from zoo import metrics
from zoo.errors import UserError
from zoo.metrics import translation
from zoo.metrics.__main__ import main

HYPOTHESES = [
    "Ein Mann mit einem orangen Hut starrt auf etwas.",
    "Ein Boston Terrier läuft über saftig-grünes Gras vor einem weißen Zaun.",
    'Zwei Kinder sagen: "Das ist unser Hund."',
    "Leute reparieren das Dach eines Hauses für 3,50 € pro Stunde.",
]
REFERENCES = [
    "Ein Mann mit einem orangefarbenen Hut, der etwas anstarrt.",
    "Ein Boston Terrier läuft über saftig-grünes Gras vor einem weißen Zaun.",
    'Zwei Kinder rufen: "Das ist unser kleiner Hund!"',
    "Leute Reparieren das Dach eines Hauses für 3,50 € pro Stunde.",
]
OTHER_REFERENCES = [
    "Ein Mann mit orangem Hut starrt auf etwas.",
    "Ein Boston Terrier rennt auf grünem Gras vor einem Zaun.",
    'Zwei Kinder sagen, "das ist unser Hund".',
    "Menschen reparieren ein Dach.",
]
# The same, lowercased, normalized and tokenized by hand after the rules of Moses' scripts: German full stops move
# behind a closing quotation mark, numbers and hyphenated words stay whole.
TOKENIZED_HYPOTHESES = [
    "ein mann mit einem orangen hut starrt auf etwas .",
    "ein boston terrier läuft über saftig-grünes gras vor einem weißen zaun .",
    "zwei kinder sagen : &quot; das ist unser hund &quot; .",
    "leute reparieren das dach eines hauses für 3,50 € pro stunde .",
]
TOKENIZED_REFERENCES = [
    "ein mann mit einem orangefarbenen hut , der etwas anstarrt .",
    "ein boston terrier läuft über saftig-grünes gras vor einem weißen zaun .",
    "zwei kinder rufen : &quot; das ist unser kleiner hund ! &quot;",
    "leute reparieren das dach eines hauses für 3,50 € pro stunde .",
]


def multi_bleu(hypotheses, reference_lists):
    """BLEU as in Papineni et al. 2002 and multi-bleu.perl: no smoothing, closest reference length."""
    matches, totals = [0] * 4, [0] * 4
    hypothesis_length = reference_length = 0
    for row, hypothesis in enumerate(hypotheses):
        words = hypothesis.split()
        references = [each[row].split() for each in reference_lists]
        hypothesis_length += len(words)
        reference_length += min((abs(len(each) - len(words)), len(each)) for each in references)[1]
        for n in range(1, 5):
            grams = Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
            allowed = Counter()
            for each in references:
                allowed |= Counter(tuple(each[i : i + n]) for i in range(len(each) - n + 1))
            matches[n - 1] += sum((grams & allowed).values())
            totals[n - 1] += sum(grams.values())
    if 0 in matches:
        return 0.0
    brevity = min(1.0, math.exp(1 - reference_length / hypothesis_length))
    return 100 * brevity * math.exp(sum(math.log(m / t) for m, t in zip(matches, totals, strict=True)) / 4)


def write_lines(path, lines):
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def sacrebleu_command(tmp_path, *options):
    """Runs sacrebleu's own command line and returns its score and signature."""
    files = [write_lines(tmp_path / "r1", REFERENCES), write_lines(tmp_path / "r2", OTHER_REFERENCES)]
    hypotheses = write_lines(tmp_path / "h", HYPOTHESES)
    command = [sys.executable, "-m", "sacrebleu", *map(str, files), "-i", str(hypotheses), "-f", "text", "-w", "6"]
    output = subprocess.run([*command, *options], capture_output=True, text=True, check=True).stdout
    signature, score = re.match(r"[^|]*\|(\S+) = ([0-9.]+)", output).groups()
    return float(score), signature


def test_bleu_and_chrf_equal_the_command_line_of_sacrebleu(tmp_path):
    references = [REFERENCES, OTHER_REFERENCES]
    for score, options in (
        (metrics.bleu(HYPOTHESES, references), ("-m", "bleu")),
        (metrics.chrf(HYPOTHESES, references), ("-m", "chrf")),
        (metrics.bleu(HYPOTHESES, references, lowercase=True), ("-m", "bleu", "-lc")),
        (metrics.chrf(HYPOTHESES, references, lowercase=True), ("-m", "chrf", "--chrf-lowercase")),
    ):
        value, signature = sacrebleu_command(tmp_path, *options)
        assert score.value == pytest.approx(value, abs=1e-5)
        assert 20 < score.value < 100
        assert score.signature == signature


def test_one_reference_list_needs_no_outer_list():
    assert metrics.bleu(HYPOTHESES, REFERENCES) == metrics.bleu(HYPOTHESES, [REFERENCES])
    assert metrics.chrf(HYPOTHESES, tuple(REFERENCES)) == metrics.chrf(HYPOTHESES, [REFERENCES])
    assert metrics.bleu(HYPOTHESES, REFERENCES) != metrics.bleu(HYPOTHESES, [REFERENCES, OTHER_REFERENCES])


def test_tokenized_bleu_of_hand_tokenized_text():
    expected = multi_bleu(TOKENIZED_HYPOTHESES, [TOKENIZED_REFERENCES])
    assert 40 < expected < 90
    score = metrics.lowercase_tokenized_bleu(HYPOTHESES, REFERENCES, "de")
    assert score.value == pytest.approx(expected, abs=1e-6)
    fields = score.signature.split("|")
    assert fields[:3] == ["nrefs:1", "case:lc", "eff:no"]
    assert "norm:moses-de" in fields
    assert "smooth:none" in fields
    assert any(field.startswith("tok:moses-de-sacremoses-") for field in fields)
    assert f"version:{sacrebleu.__version__}" in fields
    assert score.value != pytest.approx(metrics.bleu(HYPOTHESES, REFERENCES).value, abs=0.5)


def test_tokenization_by_hand():
    prepare, _ = translation._moses_preparation("de")
    # A closing quotation mark at the end of a line is followed by a blank in the port's output; BLEU splits at blanks.
    assert [text.split() for text in prepare(HYPOTHESES)] == [text.split() for text in TOKENIZED_HYPOTHESES]
    assert [text.split() for text in prepare(REFERENCES)] == [text.split() for text in TOKENIZED_REFERENCES]
    prepare, _ = translation._moses_preparation("en")
    texts = ["A man's dog, isn't it?", "“Hi” – he said.", "He said “stop”.", "", "Mr. Smith ran 5 km."]
    assert prepare(texts) == [
        "a man &apos;s dog , isn &apos;t it ?",
        "&quot; hi &quot; - he said .",
        "he said &quot; stop . &quot;",
        "",
        "mr. smith ran 5 km .",
    ]


def test_tokenized_bleu_with_two_references_of_other_lengths():
    hypotheses = ["a b c d e f", "a b c d"]
    references = [["a b c d x f g", "a b c d z y x"], ["a b c d e", "a b c d"]]
    expected = multi_bleu(hypotheses, references)
    assert 0 < expected < 100
    assert metrics.lowercase_tokenized_bleu(hypotheses, references, "en").value == pytest.approx(expected, abs=1e-6)


def test_tokenized_bleu_is_not_smoothed():
    hypotheses, references = ["a b c x e f"], ["a b c d e f"]
    assert metrics.lowercase_tokenized_bleu(hypotheses, references, "en").value == 0
    assert metrics.bleu(hypotheses, references).value > 0


def test_case_counts_only_where_it_should():
    upper = [text.upper() for text in REFERENCES[:2]]
    assert metrics.lowercase_tokenized_bleu(upper, REFERENCES[:2], "de").value < 100  # ß becomes SS
    assert metrics.lowercase_tokenized_bleu(upper[:1], REFERENCES[:1], "de").value == pytest.approx(100)
    assert metrics.bleu(upper[:1], REFERENCES[:1]).value < 50


def test_mistakes():
    with pytest.raises(UserError, match="4 hypotheses but the reference list has 3"):
        metrics.bleu(HYPOTHESES, REFERENCES[:3])
    with pytest.raises(UserError, match="4 hypotheses but reference list 2 has 3"):
        metrics.chrf(HYPOTHESES, [REFERENCES, REFERENCES[:3]])
    with pytest.raises(UserError, match="no hypotheses"):
        metrics.bleu([], [])
    with pytest.raises(UserError, match="no references"):
        metrics.bleu(HYPOTHESES, [])
    with pytest.raises(TypeError, match="lists of str"):
        metrics.bleu("text", "text")
    with pytest.raises(UserError, match="'German' is not a language code"):
        metrics.lowercase_tokenized_bleu(HYPOTHESES, REFERENCES, "German")


def test_missing_sacremoses_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sacremoses", None)
    with pytest.raises(UserError, match="pip install sacremoses"):
        metrics.lowercase_tokenized_bleu(HYPOTHESES, REFERENCES, "de")


def test_command_line_in_a_process(tmp_path):
    hypotheses, references = write_lines(tmp_path / "h[bold]", HYPOTHESES), write_lines(tmp_path / "r", REFERENCES)
    command = ["-m", "zoo.metrics", hypotheses, references, "--lowercase-tokenized", "de"]
    result = run_python(command)
    assert result.returncode == 0, result.stderr
    for score in (
        metrics.bleu(HYPOTHESES, REFERENCES),
        metrics.chrf(HYPOTHESES, REFERENCES),
        metrics.lowercase_tokenized_bleu(HYPOTHESES, REFERENCES, "de"),
    ):
        assert re.search(rf"{re.escape(score.name)} +│ +{score.value:.2f} ", result.stdout)
        assert f"\n{score.name}: {score.signature}\n" in result.stdout
    references.write_text("one\n")
    result = run_python(command)
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1] == (
        f"error: {hypotheses} has 4 lines but {references} has 1: each hypothesis needs the reference of the same line"
    )
    assert "Traceback" not in result.stderr


def test_command_line_with_several_references(tmp_path):
    hypotheses = write_lines(tmp_path / "h", HYPOTHESES)
    files = [write_lines(tmp_path / "r1", REFERENCES), write_lines(tmp_path / "r2", OTHER_REFERENCES)]
    output = io.StringIO()
    with redirect_stdout(output):
        main([str(hypotheses), *map(str, files)])
    assert f"{metrics.bleu(HYPOTHESES, [REFERENCES, OTHER_REFERENCES]).value:.2f}" in output.getvalue()
    assert "lowercased" not in output.getvalue()


def test_command_line_mistakes(tmp_path, refused):
    hypotheses = write_lines(tmp_path / "h", HYPOTHESES)
    for arguments, message in (
        ([str(hypotheses)], "no reference file"),
        ([str(hypotheses), str(tmp_path / "absent")], "no such file"),
        ([str(tmp_path), str(hypotheses)], "is a directory"),
    ):
        assert message in refused(main, arguments)
