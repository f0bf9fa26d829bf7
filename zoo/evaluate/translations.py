"""BLEU and chrF of a translator."""

from dataclasses import asdict

from rich.table import Table

from zoo.data.readers.text_pairs import ParallelText
from zoo.errors import UserError
from zoo.evaluate.evaluation import Evaluation
from zoo.metrics import target_language
from zoo.metrics.translation_scores import TranslationScores


def writes_lowercase(tokenizer):
    """Whether the texts that a tokenizer gives back are in lowercase, so that scores are to ignore the case."""
    (text,) = tokenizer.decode(tokenizer.encode(["Ab"])).numpy()
    return text == b"ab"


def evaluate_translations(task, config):
    """Translates the sources of a file and scores the translations.

    Args:
        task: `zoo.tasks.Translator`.
        config: An `EvaluateConfig`.
    """
    if config.references is not None:
        pairs = ParallelText(config.test_file, config.references)
    else:
        pairs = config.open_pairs(config.test_file)
    pairs = list(pairs)
    if not pairs:
        raise UserError(f"{config.test_file}: has no pair, only empty lines; is it the right file?")
    sources, references = (list(side) for side in zip(*pairs, strict=True))
    language = target_language(config.target_language, references)
    scores = TranslationScores(language, writes_lowercase(task.target_tokenizer), config.bleu_tokenizer)
    answers = task(sources, batch_size=config.batch_size, progress=True)
    found = scores.of(answers, references, intervals=True)
    title = f"{config.test_file}: {len(sources):,} sentences"
    table = Table()
    for name in ("metric", "score", "95% interval"):
        table.add_column(name, justify="left" if name == "metric" else "right")
    for score in found.values():
        table.add_row(score.name, f"{score.value:.2f}", f"{score.low:.2f} - {score.high:.2f}")
    # Outside the table, where a narrow terminal cannot cut them short.
    signatures = [f"{score.name}: {score.signature}" for score in found.values()]
    shown = [str(language), *([scores.remark] if scores.remark else []), title, table, *signatures]
    values = {name: asdict(score) for name, score in found.items()}
    return Evaluation({"sentences": len(sources), "scores": values}, shown, answers)
