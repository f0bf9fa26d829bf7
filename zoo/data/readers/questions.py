"""Questions about contexts: readers of SQuAD's JSON, versions 1.1 and 2.0, and of JSON Lines."""

import json
from dataclasses import dataclass, field

from zoo.data.readers.json_lines import JsonLines, json_type, text_field
from zoo.data.readers.json_lines import field as json_field
from zoo.data.readers.text_lines import TextLines
from zoo.errors import UserError


@dataclass(frozen=True)
class Question:
    """A question, the context that answers it or not, and the right answers.

    Attributes:
        question, context: The texts.
        answers: (text, start) of each right answer, which stands in the context from the character `start` on; none if
            the context has no answer.
        source: "file:line" of the question, or for SQuAD's JSON "file: question ID", for messages.
    """

    question: str
    context: str
    answers: tuple[tuple[str, int], ...]
    source: str = field(default="", compare=False)


def read_questions(path):
    """All questions of a file, list of `Question`.

    Args:
        path: `pathlib.Path` of SQuAD's .json, or of JSON Lines with the fields `question`, `context` and `answers`: a
            list of objects with `text` and `answer_start`, or one object with a list of each; plain or .gz.

    Raises:
        UserError: for a file of another name or form, an empty text, and an answer that does not stand where the file
            says, naming the question.
    """
    if path.name.endswith((".jsonl", ".jsonl.gz")):
        found = [_of_row(row, where) for row, where in JsonLines(path)]
    elif path.name.endswith((".json", ".json.gz")):
        found = list(_of_squad(path))
    else:
        raise UserError(f"{path}: the name must end in .json (as SQuAD's) or .jsonl, or .gz after it")
    if not found:
        raise UserError(f"{path}: has no question; is it the right file?")
    return found


def _of_row(row, where):
    question, context = (text_field(row, name, where) for name in ("question", "context"))
    return _question(question, context, _answers(json_field(row, "answers", where), where), where)


def _of_squad(path):
    try:
        content = json.loads("".join(TextLines(path).exact_lines()))
    except ValueError as error:
        raise UserError(f"{path}: not valid JSON ({error})") from error
    try:
        for article in content["data"]:
            for paragraph in article["paragraphs"]:
                for entry in paragraph["qas"]:
                    where = f"{path}: question {entry.get('id', '')}"
                    answers = () if entry.get("is_impossible") else _answers(entry["answers"], where)
                    yield _question(entry["question"], paragraph["context"], answers, where)
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path}: is not as SQuAD's files, with data, paragraphs, context, qas, question and answers ({error!r})"
        ) from error


def _answers(value, where):
    """(text, start) of each answer, in either of two forms."""
    if isinstance(value, dict):
        texts, starts = value.get("text"), value.get("answer_start")
        if not isinstance(texts, list) or not isinstance(starts, list) or len(texts) != len(starts):
            raise UserError(f"{where}: answers must have as many entries in text as in answer_start")
        found = list(zip(texts, starts, strict=True))
    elif isinstance(value, list):
        if not all(isinstance(each, dict) for each in value):
            raise UserError(f"{where}: answers must be objects with text and answer_start")
        found = [(each.get("text"), each.get("answer_start")) for each in value]
    else:
        raise UserError(f"{where}: answers must be a list or an object, not {json_type(value)}")
    for text, start in found:
        if not isinstance(text, str) or not text or not isinstance(start, int) or isinstance(start, bool):
            raise UserError(
                f"{where}: an answer needs a text and a number answer_start, not {text!r:.40} and {start!r}"
            )
    return tuple(found)


def _question(question, context, answers, where):
    for name, text in (("question", question), ("context", context)):
        if not isinstance(text, str) or not text.strip():
            raise UserError(f"{where}: the {name} is empty")
    for text, start in answers:
        found = context[start : start + len(text)] if start >= 0 else ""
        if found != text:
            raise UserError(
                f"{where}: the answer {text!r:.60} does not stand at character {start} of the context, where there is "
                f"{found!r:.60}"
            )
    return Question(question, context, answers, where)
