"""Files of texts that belong together, and of retrieval sets."""

import gzip
import json

import pytest

from zoo.data.readers.retrieval_files import read_retrieval
from zoo.data.readers.text_tuples import TextTuple, read_tuples
from zoo.errors import UserError


def test_rows_of_tables_and_json_lines(tmp_path):
    rows = [("a b", "c, d", 3.5), ("é", 'e "f"', 0.0)]
    (tmp_path / "pairs.csv").write_text('id,s1,s2,score\n0,a b,"c, d",3.5\n\n1,é,"e ""f""",0\n', encoding="utf-8")
    (tmp_path / "pairs.tsv").write_text('a b\tc, d\t3.5\né\te "f"\t0\n', encoding="utf-8")
    lines = "".join(json.dumps({"x": {"s1": a}, "s2": b, "score": c}) + "\n" for a, b, c in rows)
    with gzip.open(tmp_path / "pairs.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write(lines)
    for name, columns, score in (
        ("pairs.csv", ("s1", "s2"), "score"),
        ("pairs.tsv", ("0", "1"), "2"),
        ("pairs.jsonl.gz", ("x.s1", "s2"), "score"),
    ):
        found = read_tuples(tmp_path / name, columns, score, (0, 5))
        assert found == [TextTuple((a, b), c) for a, b, c in rows]
        assert read_tuples(tmp_path / name, columns[:1]) == [TextTuple((a,)) for a, _, _ in rows]
    assert read_tuples(tmp_path / "pairs.csv", ("s1",))[1].source == f"{tmp_path / 'pairs.csv'}:4"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("s1,s2,score\na,b,6\n", "pairs.csv:2: the score 6 is not from 0 to 5; give --score-low and --score-high"),
        ("s1,s2,score\na,b,high\n", "pairs.csv:2: 'score' must hold a number such as 3 or 0.25, not 'high'"),
        ("s1,s2,score\na,b,nan\n", "pairs.csv:2: 'score' must hold a number"),
        ("s1,s2,score\na, ,1\n", "pairs.csv:2: 's2' is empty; remove the row or fill it in"),
        ("s1,s2,score\n", "pairs.csv: has no row, only a header or empty lines"),
        ("s1,s3,score\na,b,1\n", "column 's2' is not in the header"),
    ],
)
def test_rows_that_cannot_be_are_refused(tmp_path, content, message):
    (tmp_path / "pairs.csv").write_text(content)
    with pytest.raises(UserError, match=message):
        read_tuples(tmp_path / "pairs.csv", ("s1", "s2"), "score", (0, 5))


def test_files_and_columns_that_cannot_be_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"the name must end in \.csv, \.tsv or \.jsonl"):
        read_tuples(tmp_path / "pairs.txt", ("a", "b"))
    with pytest.raises(UserError, match="a column is named twice among a, b, a"):
        read_tuples(tmp_path / "pairs.csv", ("a", "b"), "a")


QUERIES = [{"_id": "q1", "text": "who"}, {"_id": "q2", "text": "what"}, {"_id": "q3", "text": "no answer"}]
CORPUS = [{"_id": "d1", "title": "A", "text": "one"}, {"_id": "d2", "title": "", "text": "two"}]
QRELS = "query-id\tcorpus-id\tscore\nq2\td1\t2\nq1\td2\t1\nq1\td1\t0\n"


def write(directory, queries=QUERIES, corpus=CORPUS, qrels=QRELS):
    for name, rows in (("queries", queries), ("corpus", corpus)):
        (directory / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (directory / "qrels.tsv").write_text(qrels)
    return directory / "queries.jsonl", directory / "corpus.jsonl", directory / "qrels.tsv"


def test_a_retrieval_set(tmp_path):
    queries, corpus, qrels = write(tmp_path)
    found = read_retrieval(queries, corpus, qrels)
    assert found.queries == ["who", "what"] and found.documents == ["A one", "two"]
    assert found.relevance == [{1: 1.0}, {0: 2.0}]
    (tmp_path / "queries.tsv").write_text("id\ttext\nq1\twho\nq2\twhat\n")
    assert read_retrieval(tmp_path / "queries.tsv", corpus, qrels) == found


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"queries": [*QUERIES, QUERIES[0]]}, "queries.jsonl:4: the id 'q1' is there twice"),
        ({"corpus": [{"_id": "d1", "text": " "}]}, "corpus.jsonl:1: the text is empty"),
        ({"qrels": QRELS + "q9\td1\t1\n"}, "qrels.tsv:5: no query of .* has the id 'q9'"),
        ({"qrels": QRELS + "q1\td9\t1\n"}, "qrels.tsv:5: no document of .* has the id 'd9'"),
        ({"qrels": QRELS.replace("\t2\n", "\tyes\n")}, "qrels.tsv:2: the score must be a number such as 1, not 'yes'"),
        ({"qrels": "query-id\tcorpus-id\tscore\nq1\td1\t0\n"}, "says of no query which document answers it"),
    ],
)
def test_retrieval_sets_that_cannot_be_are_refused(tmp_path, change, message):
    with pytest.raises(UserError, match=message):
        read_retrieval(*write(tmp_path, **change))
