"""ROUGE of a summarizer."""

from dataclasses import asdict

from rich.table import Table

from zoo.errors import UserError
from zoo.evaluate.evaluation import Evaluation
from zoo.metrics import rouge, target_language


def evaluate_summaries(task, config):
    """Summarises the texts of a file and scores the summaries.

    Args:
        task: `zoo.tasks.Summarizer` or `zoo.tasks.DecoderSummarizer`.
        config: An `EvaluateConfig`.
    """
    texts = list(config.open_summaries(config.test_file))
    if not texts:
        raise UserError(f"{config.test_file}: has no text, only empty lines; is it the right file?")
    references = [each.summaries for each in texts]
    language = target_language(config.target_language, [text for each in references for text in each])
    batch_size = config.batch_size
    found = [best[0] for best in task.n_best([each.text for each in texts], 1, batch_size=batch_size, progress=True)]
    answers = [each.text for each in found]
    scores = rouge(answers, references, language=language)
    cut = sum(each.truncated for each in found)
    title = f"{config.test_file}: {len(texts):,} texts, {cut:,} of them cut"
    table = Table()
    for name in ("metric", "F1", "95% interval", "precision", "recall"):
        table.add_column(name, justify="left" if name == "metric" else "right")
    for value in scores.values():
        interval = f"{value.low:.2f} - {value.high:.2f}"
        table.add_row(value.name, f"{value.value:.2f}", interval, f"{value.precision:.2f}", f"{value.recall:.2f}")
    shown = [str(language), title, table, next(iter(scores.values())).signature]
    values = {name: asdict(score) for name, score in scores.items()}
    return Evaluation({"texts": len(texts), "truncated_texts": cut, "scores": values}, shown, answers)
