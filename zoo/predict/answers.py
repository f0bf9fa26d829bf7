"""What each task answers, as dicts for JSON Lines and as plain text."""

from zoo.errors import UserError
from zoo.tasks import (
    DecoderSummarizer,
    EntityRecognizer,
    MaskedLanguageModel,
    Summarizer,
    TextGenerator,
    Translator,
)


def answer(task, texts):
    """Answers of a batch.

    Args:
        task: A `zoo.tasks.Task`.
        texts: list of str.

    Returns:
        list of dict, one for each text: `text` and `score` of translators, summarizers and generators, with what else
        they say; `entities` of a recognizer; `blanks` of a masked language model; and what a classifier gives.
    """
    if isinstance(task, TextGenerator):
        return [found[0]._asdict() for found in task.samples(texts, 1, batch_size=len(texts))]
    if isinstance(task, (Translator, Summarizer, DecoderSummarizer)):
        return [found[0]._asdict() for found in task.n_best(texts, 1, batch_size=len(texts))]
    answers = task(texts, batch_size=len(texts))
    if isinstance(task, EntityRecognizer):
        return [{"entities": entities} for entities in answers]
    return [{"blanks": blanks} for blanks in answers] if isinstance(task, MaskedLanguageModel) else answers


def check_plain_text(task):
    """Refuses plain text for tasks whose answers are more than one.

    Raises:
        UserError: naming the task.
    """
    if isinstance(task, (EntityRecognizer, MaskedLanguageModel)):
        raise UserError(
            f"the answers of a {type(task).__name__} are no plain text; write JSON Lines: --output-format jsonl"
        )


def plain_text(answer):
    """One line of text: what was written, or the label or number, or several of them with tabs between."""
    if "text" in answer:
        return answer["text"].replace("\n", " ")
    if "label" in answer:
        return answer["label"]
    if "values" in answer or "value" in answer:
        return "\t".join(map(str, answer["values"] if "values" in answer else [answer["value"]]))
    return "\t".join(answer["labels"])
