"""Scoring a stored model on a file."""

import json

from rich.console import Console

from zoo.errors import UserError
from zoo.evaluate.classes import evaluate_classes
from zoo.evaluate.entities import evaluate_entities
from zoo.evaluate.masked_tokens import evaluate_masked_tokens
from zoo.evaluate.numbers import evaluate_numbers
from zoo.evaluate.perplexity import evaluate_perplexity
from zoo.evaluate.questions import evaluate_questions
from zoo.evaluate.summaries import evaluate_summaries
from zoo.evaluate.translations import evaluate_translations
from zoo.tasks import load
from zoo.writing import write_whole, writing

_EVALUATIONS = {
    "Translator": evaluate_translations,
    "Summarizer": evaluate_summaries,
    "DecoderSummarizer": evaluate_summaries,
    "EntityRecognizer": evaluate_entities,
    "TextClassifier": evaluate_classes,
    "PairClassifier": evaluate_classes,
    "QuestionAnswerer": evaluate_questions,
    "TextRegressor": evaluate_numbers,
    "PairScorer": evaluate_numbers,
    "TextGenerator": evaluate_perplexity,
    "MaskedLanguageModel": evaluate_masked_tokens,
}
_KNOWN = ", ".join(_EVALUATIONS)
_ADVICE = "free some space or choose another file"


def run(config):
    """Scores the model, prints and writes what was found, and returns it as it is written.

    Args:
        config: An `EvaluateConfig`.

    Raises:
        UserError: for a model or a file that cannot be used, and options that are for other tasks.
    """
    task = load(config.model, config.dtype)
    name = type(task).__name__
    if name not in _EVALUATIONS:
        raise UserError(f"{config.model} holds a {name}, which there are no scores for; there are for {_KNOWN}")
    config.check_options(name)
    if config.changed_settings:
        task = task.with_settings(**config.changed_settings)
    evaluation = _EVALUATIONS[name](task, config)
    console = Console(highlight=False)
    for shown in evaluation.shown:
        console.print(shown, markup=False, soft_wrap=isinstance(shown, str))
    results = {"model": str(config.model), "task": name, "test_file": str(config.test_file), **evaluation.scores}
    if config.answers is not None:
        _write(config.answers, "".join(text.replace("\n", " ") + "\n" for text in evaluation.answers))
    if config.output is not None:
        _write(config.output, json.dumps(results, indent=2, ensure_ascii=False) + "\n")
    return results


def _write(path, content):
    with writing(path, _ADVICE):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content.encode())
