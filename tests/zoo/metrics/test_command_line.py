"""`python -m zoo.metrics` on every kind of result, against the functions that it calls, scikit-learn and seqeval."""

import json
import re
import resource

import pytest
from commands import run_python
from seqeval.metrics import f1_score
from sklearn.metrics import accuracy_score

from zoo import metrics
from zoo.metrics.__main__ import main

HYPOTHESES = ["Ein Mann mit einem orangen Hut starrt auf etwas.", "Leute reparieren das Dach eines Hauses."]
REFERENCES = ["Ein Mann mit orangem Hut starrt etwas an.", "Leute reparieren ein Dach eines großen Hauses."]
OTHER_REFERENCES = ["Ein Mann starrt auf etwas.", "Menschen reparieren ein Dach."]


def write(path, content):
    path.write_text(content, encoding="utf-8")
    return path


def write_lines(path, lines):
    return write(path, "".join(f"{line}\n" for line in lines))


def printed(capsys, *arguments):
    main([str(argument) for argument in arguments])
    return capsys.readouterr().out


def row(score):
    """What a table shows of a score with its interval."""
    return rf"{re.escape(score.name)} +│ +{score.value:.2f} │ +{score.low:.2f} - {score.high:.2f} "


def test_translations_in_a_process(tmp_path):
    hypotheses, references = write_lines(tmp_path / "h[bold]", HYPOTHESES), write_lines(tmp_path / "r", REFERENCES)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = run_python(["-m", "zoo.metrics", hypotheses, references, "--lowercase-tokenized", "de"])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert result.returncode == 0, result.stderr
    assert after.ru_utime - before.ru_utime < 3
    for score in (
        metrics.bleu(HYPOTHESES, REFERENCES, intervals=True),
        metrics.chrf(HYPOTHESES, REFERENCES, intervals=True),
        metrics.lowercase_tokenized_bleu(HYPOTHESES, REFERENCES, "de", intervals=True),
    ):
        assert re.search(row(score), result.stdout)
        assert f"\n{score.name}: {score.signature}\n" in result.stdout
    assert result.stderr == ""
    references.write_text("one\n")
    result = run_python(["-m", "zoo.metrics", hypotheses, references])
    assert result.returncode == 2
    assert result.stderr.splitlines() == [
        f"error: {hypotheses} has 2 lines but {references} has 1: each hypothesis needs the reference of the same line"
    ]


def test_several_references_and_languages(tmp_path, capsys):
    hypotheses = write_lines(tmp_path / "h", HYPOTHESES)
    files = [write_lines(tmp_path / "r1", REFERENCES), write_lines(tmp_path / "r2", OTHER_REFERENCES)]
    found = printed(capsys, hypotheses, *files, "--target-language", "deu_Latn", "--no-intervals")
    score = metrics.bleu(HYPOTHESES, [REFERENCES, OTHER_REFERENCES])
    assert f" {score.value:.2f} " in found and f"BLEU: {score.signature}\n" in found
    assert "lowercased" not in found and "interval" not in found and found.startswith("target language de\n")
    chinese = write_lines(tmp_path / "zh", ["今天天气很好我们去公园玩"])
    rows = [json.dumps({"text": "今天天气真好我们去公园玩"}), ""]
    near = write_lines(tmp_path / "near.jsonl", rows)
    found = printed(capsys, near, chinese)
    assert found.startswith("target language zh (by the letters of the references")
    assert "|tok:zh|" in found and "|tok:char|" in printed(capsys, near, chinese, "--bleu-tokenizer", "char")


def test_summaries(tmp_path, capsys):
    texts = ["the cat\nsat down", "a dog"]
    references = [("sat down\nthe cat", "the cat"), ("the dogs", "dog")]
    hypotheses = write_lines(tmp_path / "h.jsonl", (json.dumps({"summary": text}) for text in texts))
    rows = (json.dumps({"text": "long", "s1": one, "s2": two}) for one, two in references)
    jsonl = write_lines(tmp_path / "r.jsonl", rows)
    fields = ["--hypothesis-field", "summary", "--reference-fields", "s1", "s2"]
    found = printed(capsys, hypotheses, jsonl, "--task", "summarization", *fields)
    scores = metrics.rouge(texts, references)
    assert scores["rougeL"].value != scores["rougeLsum"].value
    assert all(re.search(row(score), found) for score in scores.values())
    assert f"rouge1, rouge2, rougeL, rougeLsum: {scores['rouge1'].signature}\n" in found


def test_entities_of_conll_files(tmp_path, capsys):
    true = [["B-ORG", "O", "B-MISC"], ["B-PER", "I-PER"], ["O"]]
    predicted = [["B-ORG", "O", "I-ORG"], ["I-PER", "I-PER"], ["O"]]
    words = [["EU", "rejects", "German"], ["Peter", "Blackburn"], ["."]]

    def conll(name, tags):
        sentences = (
            "".join(f"{w} {t}\n" for w, t in zip(*each, strict=True)) for each in zip(words, tags, strict=True)
        )
        return write(tmp_path / name, "\n".join(sentences))

    files = conll("h.conll", predicted), conll("r.conll", true)
    found = printed(capsys, *files, "--task", "ner")
    micro, macro = (f1_score(true, predicted, average=average) for average in ("micro", "macro"))
    assert re.search(rf"micro +│ .* {100 * micro:.2f} │ ", found)
    assert re.search(rf"macro +│ .* {100 * macro:.2f} │ ", found)
    low, high = map(float, re.search(r"interval of strict micro F1: ([0-9.]+) - ([0-9.]+)\n", found).groups())
    assert 0 <= low < 100 * micro < high == 100
    # What the text is does not matter, such as that of a comment with other blanks.
    text = files[1].read_text().replace("Peter ", "# text = Peter   Blackburn\nPeter ")
    assert printed(capsys, files[0], write(tmp_path / "s.conll", text), "--task", "ner") == found


@pytest.mark.parametrize("form", ["lines", "csv", "tsv", "jsonl"])
def test_classes_of_any_file(form, tmp_path, capsys):
    true, predicted = ["x", "y y", "y y", "z"], ["x", "x", "y y", "y y"]

    def labels(name, values, column="label"):
        path = tmp_path / f"{name}.{form}"
        if form == "lines":
            return write_lines(path, values)
        if form == "jsonl":
            return write_lines(path, (json.dumps({"text": "a", column: value}) for value in values))
        delimiter = {"csv": ",", "tsv": "\t"}[form]
        text = {"csv": '"a, ""b"""', "tsv": 'a "b'}[form]
        return write_lines(path, [f"text{delimiter}{column}", *(f"{text}{delimiter}{value}" for value in values)])

    files = labels("h", predicted, "guess"), labels("r", true)
    found = printed(capsys, *files, "--task", "text_classification", "--predicted-column", "guess")
    assert f"\naccuracy {100 * accuracy_score(true, predicted):.2f}\n" in found and "interval of macro F1: " in found
    assert re.search(r"y y +│ +50.00 │ +50.00 │ +50.00 │ +2 │ +2 ", found)


def test_several_labels_a_text(tmp_path, capsys):
    predicted = write_lines(tmp_path / "h.jsonl", (json.dumps({"labels": each}) for each in (["a", "b"], [], ["b"])))
    references = write(tmp_path / "r.csv", "text,label\nt,a;b\nt,a\nt,b\n")
    found = printed(capsys, predicted, references, "--task", "text_classification", "--label-separator", ";")
    assert re.search(r" a +│ +100.00 │ +50.00 │ +66.67 │ +2 │ +1 ", found) and "\naccuracy 66.67\n" in found


def test_mistakes(tmp_path, refused):
    lines, one = write_lines(tmp_path / "h", HYPOTHESES), write_lines(tmp_path / "one", ["x"])
    csv = write(tmp_path / "r.csv", "text,class\na,x\n")
    broken = write(tmp_path / "broken.csv", "text,label\na,b,x\n")
    conll = write(tmp_path / "r.conll", "EU B-ORG\nrejects O\n")
    other = write(tmp_path / "h.conll", "EU B-ORG\naccepts O\n")
    rows = write_lines(tmp_path / "h.jsonl", ['{"label": 1.5}'])
    ner, classes = ["--task", "ner"], ["--task", "text_classification"]
    for arguments, message in (
        ([lines], "no reference file"),
        ([lines, tmp_path / "absent"], "no such file"),
        ([tmp_path, lines], "is a directory"),
        ([lines, lines, "--target-language", "Klingon"], "there is no language 'Klingon'"),
        ([lines, lines, "--target-language", "de", "--lowercase-tokenized", "zh"], "no rules for zh"),
        ([conll, conll, conll, *ner], "--task ner takes one file of references, not 2"),
        ([other, conll, *ner], f"{other}:1: the text differs from that at {conll}:1: 'accepts' and 'rejects'"),
        ([lines, conll, *ner], f"{lines}:1: "),
        ([conll, conll], f"{conll}: the lines of a .conll file are not scored as texts; give --task ner, or texts"),
        ([one, csv], f"{csv}: the lines of a .csv file are not scored as texts; give --task text_classification, or"),
        ([one, csv, *classes], f"{csv}:1: column 'label' is not in the header, which has text, class"),
        ([one, broken, *classes], f"{broken}:2: has 3 columns but the header has 2"),
        ([lines, one, *classes], f"{lines} has 2 labels but {one} has 1"),
        ([rows, one, *classes], f"{rows}:1: field 'label' must hold text or whole numbers, not a number"),
        ([rows, one], f"{rows}:1: has no field 'text'; its fields are label"),
    ):
        assert message in refused(main, arguments), message
