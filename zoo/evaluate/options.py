"""The command line of `python -m zoo.evaluate`."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Literal

import tyro

from zoo.assignments import parse_settings
from zoo.data.readers.class_format import ClassFormat
from zoo.data.readers.entity_format import EntityFormat
from zoo.data.readers.pair_format import PairFormat
from zoo.data.readers.summary_format import SummaryFormat
from zoo.errors import UserError
from zoo.ranges import check_range

# The tasks that each option of the data or the scores is for.
_PAIRS = ("Translator",)
_SUMMARIES = ("Summarizer", "DecoderSummarizer")
_CLASSES = ("TextClassifier", "PairClassifier")
_LABELLED = (*_CLASSES, "TextRegressor", "PairScorer")
_ENTITIES = ("EntityRecognizer",)
_TEXT = ("TextGenerator",)
_BLANKS = ("MaskedLanguageModel",)
_TASKS_OF = {
    "references": _PAIRS,
    "source_column": _PAIRS,
    "target_column": _PAIRS,
    "bleu_tokenizer": _PAIRS,
    "target_language": (*_PAIRS, *_SUMMARIES),
    "answers": (*_PAIRS, *_SUMMARIES, "QuestionAnswerer"),
    "summary_fields": _SUMMARIES,
    "delimiter": (*_PAIRS, *_SUMMARIES, *_LABELLED),
    "text_field": (*_SUMMARIES, *_ENTITIES, *_TEXT),
    "text_column": _LABELLED,
    "text_pair_column": ("PairClassifier", "PairScorer"),
    "label_column": _LABELLED,
    "label_columns": _LABELLED,
    "label_separator": _CLASSES,
    "label_names": _CLASSES,
    "scoring": ("QuestionAnswerer",),
    "token_column": _ENTITIES,
    "tag_column": _ENTITIES,
    "tag_scheme": _ENTITIES,
    "token_separator": _ENTITIES,
    "lenient": _ENTITIES,
    "entities_field": _ENTITIES,
    "offsets": _ENTITIES,
    "document_separator": _TEXT,
    "context": (*_TEXT, *_BLANKS),
    "stride": _TEXT,
    "line_by_line": _BLANKS,
    "masked_share": _BLANKS,
}


@dataclass(frozen=True, kw_only=True)
class EvaluateConfig(EntityFormat, ClassFormat, PairFormat, SummaryFormat):
    """Scores a stored model on a file with the right answers, as the recipe of its task does.

    Translators get BLEU and chrF, summarizers ROUGE, recognizers precision, recall and F1 of entities, classifiers, of
    pairs too, accuracy and the F1 of each label, regressors Pearson's and Spearman's correlation and the mean squared
    error, generators perplexity, and masked language models that of hidden tokens.

    Attributes:
        model: A preset, a Hugging Face directory or a KerasHub preset.
        test_file: The data, in the form that the recipe of the task reads, plain or .gz: pairs or summaries in JSON
            Lines or tables, classes in JSON Lines or tables, entities in CoNLL or JSON Lines, or plain text. Of a
            regressor numbers in place of classes, in --label-column, or each in one of --label-columns, in its order.
        references: Of a translator: file of the translations, line n of which belongs to line n of the test file.
        target_language: Code of the language of the right answers, such as de; by default their script decides.
        bleu_tokenizer: sacreBLEU's tokenizer, such as 13a, zh or flores200; by default the language decides.
        text_pair_column: Of a classifier or scorer of pairs: column or field of the second text.
        scoring: Of answers to questions: by the rules of SQuAD, by words, or of CMRC, for Chinese, by characters.
        text_field: Of summaries, entities in JSON Lines and text in JSON Lines: field or column of the text.
        summary_fields: Fields or columns of the summaries; of several the best counts.
        document_separator: Of plain text: what stands between documents, such as "\\n\\n"; a file is one if not given.
        context: Tokens that a generator sees at most, or of a row of hidden tokens; the model's longest if not given.
        stride: Tokens by which the windows of a generator move on; half the context if not given.
        line_by_line: Of a masked language model: each line of the file is a text of its own.
        masked_share: Share of the tokens that are hidden, the same ones in every run.
        answers: File to write the answers of a translator, summarizer or answerer of questions to, one a line.
        output: File to write the scores to, as JSON.
        overwrite: Replace files that are there.
        backend: Keras backend to run the model on; that of KERAS_BACKEND or TensorFlow if not given.
        dtype: Keras dtype policy for the model, such as bfloat16; the stored one if not given.
        batch_size: Texts at a time.
        settings: Settings of the model's task in place of its own, as NAME=VALUE, such as num_beams=1.
    """

    model: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="MODEL")]
    test_file: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="TEST_FILE")]
    references: Path | None = None
    target_language: str | None = None
    bleu_tokenizer: str | None = None
    text_pair_column: str = "text_pair"
    scoring: Literal["squad", "cmrc"] = "squad"
    text_field: str = "text"
    summary_fields: tuple[str, ...] = ("summary",)
    document_separator: str | None = None
    context: int | None = None
    stride: int | None = None
    line_by_line: bool = False
    masked_share: float = 0.15
    answers: Path | None = None
    output: Path | None = None
    overwrite: bool = False
    backend: Literal["tensorflow", "jax", "torch"] | None = None
    dtype: str | None = None
    batch_size: int = 32
    settings: Annotated[tuple[str, ...], tyro.conf.arg(name="set", metavar="NAME=VALUE ...")] = ()

    def __post_init__(self):
        check_range("--batch-size", self.batch_size, least=1)
        if self.answers is not None and self.answers == self.output:
            raise UserError("--answers and --output name the same file; name two")
        if not 0 < self.masked_share < 1:
            raise UserError(f"--masked-share must lie between 0 and 1, got {self.masked_share:g}")
        for path in (self.answers, self.output):
            if path is not None and path.exists() and not self.overwrite:
                raise UserError(f"{path} is there already; move it away or give --overwrite")
        # Refuses what is no NAME=VALUE.
        self.changed_settings  # noqa: B018

    @property
    def changed_settings(self):
        """Settings of the task that the command line changes, by name."""
        return parse_settings(self.settings)

    def check_options(self, task):
        """Refuses options that are for other tasks.

        Args:
            task: Name of the model's task.

        Raises:
            UserError: naming the option.
        """
        for option in fields(self):
            tasks = _TASKS_OF.get(option.name)
            if tasks is not None and task not in tasks and getattr(self, option.name) != option.default:
                flag = "--" + option.name.replace("_", "-")
                raise UserError(f"{flag} is for a {' or '.join(tasks)}, and {self.model} holds a {task}")


def parse_command_line(argv):
    """The configuration that a command line asks for, an `EvaluateConfig`."""
    return tyro.cli(EvaluateConfig, args=argv, prog="python -m zoo.evaluate")
