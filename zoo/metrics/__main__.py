"""`python -m zoo.metrics HYPOTHESES REFERENCES [REFERENCES ...]` scores what any system wrote against references."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.console import Console
from rich.table import Table
from rich.text import Text

from zoo.errors import UserError, command_line
from zoo.metrics.bleu_tokenizers import BleuTokenizer


@dataclass(frozen=True)
class Options:
    """Scores a file of translations, summaries, entities or classes against files of references, with intervals.

    Texts are plain text, one a line, or fields of JSON Lines (.jsonl); entities CoNLL files, or JSON Lines with spans;
    classes one label a line, or a column or field of .csv, .tsv (with a header) or .jsonl. All plain or .gz.
    """

    hypotheses: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="HYPOTHESES")]
    """File to score."""
    references: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="REFERENCES ...")]
    """One or more files of references for the same texts, in the same order; entities and classes have one."""
    task: Literal["translation", "summarization", "ner", "text_classification"] = "translation"
    """What is scored: BLEU and chrF, ROUGE, entities or classes."""
    target_language: str | None = None
    """Code of the language of the texts, such as de, zh-TW or jpn_Jpan, which BLEU and ROUGE depend on; by the script
    of the references if None, and printed."""
    bleu_tokenizer: BleuTokenizer | None = None
    """SacreBLEU's tokenizer for BLEU; that of the target language if None."""
    lowercase_tokenized: Annotated[str | None, tyro.conf.arg(metavar="LANGUAGE")] = None
    """Code of the language: adds BLEU on lowercased, Moses-tokenized text, as papers on Multi30k report it."""
    hypothesis_field: str = "text"
    """Field of a .jsonl file of texts to score."""
    reference_fields: tuple[str, ...] = ()
    """Fields of .jsonl files of references; several are several references of a text. "target" for translations,
    "summary" for summaries if not given."""
    predicted_column: str | None = None
    """Column or field of the classes to score; "label" or else "labels" if None."""
    label_column: str | None = None
    """The same of the references."""
    label_separator: str | None = None
    """What parts the labels of a text that may have several; in .jsonl they are lists."""
    intervals: bool = True
    """Compute 95% confidence intervals, by bootstrap over the texts."""


def _score_translations(options, console):
    from zoo.metrics.bleu_tokenizers import bleu_tokenizer
    from zoo.metrics.translation import bleu, chrf, lowercase_tokenized_bleu

    texts, lists, language = _texts(options, console, "target")
    tokenizer, remark = (options.bleu_tokenizer, "") if options.bleu_tokenizer else bleu_tokenizer(language)
    if remark:
        console.print(remark, soft_wrap=True)
    more = {"intervals": options.intervals}
    scores = [bleu(texts, lists, tokenizer=tokenizer, **more), chrf(texts, lists, **more)]
    if options.lowercase_tokenized is not None:
        scores.append(lowercase_tokenized_bleu(texts, lists, options.lowercase_tokenized, **more))
    _print_scores(console, f"{options.hypotheses}, {len(texts):,} sentences", scores, ["score"])


def _score_summaries(options, console):
    from zoo.metrics.summarization import rouge

    texts, lists, language = _texts(options, console, "summary")
    scores = rouge(texts, list(zip(*lists, strict=True)), language=language)
    columns = ["F1", "precision", "recall"]
    _print_scores(console, f"{options.hypotheses}, {len(texts):,} summaries", list(scores.values()), columns)


def _score_entities(options, console):
    from zoo.metrics.entities import score_entities
    from zoo.metrics.result_files import read_entities

    predictions, references = read_entities(options.hypotheses, _only_reference(options))
    report = score_entities(references, predictions, intervals=options.intervals)
    console.print(report.table(title=f"{options.hypotheses}, {report.num_texts:,} texts"))
    _print_intervals(console, report)


def _score_classes(options, console):
    from zoo.metrics.classification import score_classes
    from zoo.metrics.result_files import label_ids, read_labels

    reference = _only_reference(options)
    predictions = read_labels(options.hypotheses, options.predicted_column, options.label_separator)
    references = read_labels(reference, options.label_column, options.label_separator)
    references, predictions, labels = label_ids(predictions, references, options.hypotheses, reference)
    report = score_classes(references, predictions, labels, intervals=options.intervals)
    console.print(report.table(title=f"{options.hypotheses}, {report.num_texts:,} texts"))
    console.print(f"accuracy {100 * report.accuracy:.2f}")
    _print_intervals(console, report)


_TASKS = {
    "translation": _score_translations,
    "summarization": _score_summaries,
    "ner": _score_entities,
    "text_classification": _score_classes,
}


def _texts(options, console, reference_field):
    from zoo.metrics.result_files import read_hypotheses_and_references
    from zoo.metrics.text_language import target_language

    fields = options.reference_fields or (reference_field,)
    texts, lists = read_hypotheses_and_references(
        options.hypotheses, options.references, options.hypothesis_field, fields
    )
    language = target_language(options.target_language, [text for each in lists for text in each])
    console.print(str(language), soft_wrap=True)
    return texts, lists, language


def _only_reference(options):
    if len(options.references) > 1:
        raise UserError(f"--task {options.task} takes one file of references, not {len(options.references)}")
    return options.references[0]


def _print_scores(console, title, scores, columns):
    table = Table(title=Text(title), title_justify="left")
    table.add_column("metric")
    for name in (columns[0], *(["95% interval"] if scores[0].low is not None else []), *columns[1:]):
        table.add_column(name, justify="right")
    for score in scores:
        interval = [] if score.low is None else [f"{score.low:.2f} - {score.high:.2f}"]
        more = [f"{getattr(score, name):.2f}" for name in columns[1:]]
        table.add_row(score.name, f"{score.value:.2f}", *interval, *more)
    console.print(table)
    # Outside the table, where a narrow terminal cannot cut them short.
    for signature, names in _by_signature(scores).items():
        print(f"{', '.join(names)}: {signature}")


def _by_signature(scores):
    found = {}
    for score in scores:
        found.setdefault(score.signature, []).append(score.name)
    return found


def _print_intervals(console, report):
    for name, (low, high) in report.intervals.items():
        console.print(f"95% interval of {name}: {100 * low:.2f} - {100 * high:.2f}")


@command_line
def main(argv=None):
    """Runs the command line `python -m zoo.metrics`."""
    options = tyro.cli(Options, prog="python -m zoo.metrics", args=argv)
    if not options.references:
        raise UserError("no reference file is given; name one or more after the file of hypotheses")
    _TASKS[options.task](options, Console(highlight=False))


if __name__ == "__main__":
    main()
