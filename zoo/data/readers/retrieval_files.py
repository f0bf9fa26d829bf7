"""A corpus, queries, and which documents of the corpus answer which query, as BEIR and MTEB publish them."""

from dataclasses import dataclass
from pathlib import Path

from zoo.data.readers.json_lines import JsonLines, text_field
from zoo.data.readers.tables import open_table
from zoo.data.readers.text_tuples import check_not_empty
from zoo.errors import UserError


@dataclass(frozen=True)
class RetrievalSet:
    """Queries with their answers.

    Attributes:
        queries, documents: Texts.
        relevance: For each query a dict from the number of a document, from 0, to how relevant it is, above 0.
    """

    queries: list[str]
    documents: list[str]
    relevance: list[dict[int, float]]


def read_retrieval(queries: Path, corpus: Path, qrels: Path) -> RetrievalSet:
    """Reads the three files of a retrieval set.

    Args:
        queries: .jsonl with `_id` and `text`, or .tsv with a header line of `id` and `text`.
        corpus: Likewise; a `title` that is not empty goes before the text, with a blank between.
        qrels: .tsv with a header line of `query-id`, `corpus-id` and `score`. Pairs of score 0 are not relevant.

    Returns:
        `RetrievalSet` of the queries that have a relevant document, in the order of their file.

    Raises:
        UserError: for files that cannot be read, an id twice, one that no query or document has, an empty text, and if
            no query has an answer.
    """
    texts_of_queries, documents = _texts(queries), _texts(corpus)
    numbers = {name: number for number, name in enumerate(documents)}
    relevant: dict[str, dict[int, float]] = {}
    if not qrels.name.endswith((".tsv", ".tsv.gz")):
        raise UserError(f"{qrels}: the name must end in .tsv (or .gz after it)")
    table = open_table(qrels, True)
    for (query, document, score), where in table.rows(["query-id", "corpus-id", "score"]):
        if query not in texts_of_queries:
            raise UserError(f"{where}: no query of {queries} has the id {query!r}")
        if document not in numbers:
            raise UserError(f"{where}: no document of {corpus} has the id {document!r}")
        try:
            grade = float(score)
        except ValueError:
            raise UserError(f"{where}: the score must be a number such as 1, not {score!r:.40}") from None
        if grade > 0:
            relevant.setdefault(query, {})[numbers[document]] = grade
    if not relevant:
        raise UserError(f"{qrels}: says of no query which document answers it")
    asked = [name for name in texts_of_queries if name in relevant]
    return RetrievalSet(
        [texts_of_queries[name] for name in asked], list(documents.values()), [relevant[name] for name in asked]
    )


def _texts(path):
    """Texts by id."""
    found: dict[str, str] = {}
    for name, title, text, where in _rows(path):
        text = f"{title} {text}".strip() if title.strip() else text
        check_not_empty(text, f"{where}: the text")
        if name in found:
            raise UserError(f"{where}: the id {name!r} is there twice")
        found[name] = text
    if not found:
        raise UserError(f"{path}: has no text; is it the right file?")
    return found


def _rows(path):
    if path.name.endswith((".jsonl", ".jsonl.gz")):
        for row, where in JsonLines(path):
            title = text_field(row, "title", where) if row.get("title") is not None else ""
            yield text_field(row, "_id", where), title, text_field(row, "text", where), where
    elif path.name.endswith((".tsv", ".tsv.gz")):
        for (name, text), where in open_table(path, True).rows(["id", "text"]):
            yield name, "", text, where
    else:
        raise UserError(f"{path}: the name must end in .jsonl or .tsv (or .gz after it)")
