"""Trains, evaluates and saves a summarizer."""

import functools
from dataclasses import asdict
from typing import Any

from rich.table import Table

from recipes.skeleton.results import write_texts
from recipes.skeleton.run_plan import UpdatesByData
from recipes.skeleton.run_recipe import run_recipe
from recipes.summarization.config import check_data_options
from recipes.summarization.decoder_summarizer import decoder_parts
from recipes.summarization.encoder_decoder_summarizer import encoder_decoder_parts
from recipes.text_to_text.text_to_text import TextToText
from zoo.data import open_dataset
from zoo.metrics import rouge

_EXAMPLES = 50


class Pairs:
    """Texts with their first summaries, a re-iterable of pairs.

    Args:
        split: Re-iterable of `SummarizedText`.
    """

    def __init__(self, split):
        self._split = split

    def __iter__(self):
        """Yields (text, summary)."""
        for text, summaries in self._split:
            yield text, summaries[0]


def open_splits(config) -> tuple[Any, Any, Any, str, str | None]:
    """Training and validation texts, those that are scored with the name of their split, and the code of the language.

    The code is None where it is not known.
    """
    check_data_options(config)
    language = None
    if config.dataset is not None:
        splits = open_dataset(config.dataset, task="summarization")
        train, validation, test, language = splits.train, splits.validation, splits.test, splits.source_language
    else:
        train, validation, test = (
            None if path is None else config.open_summaries(path)
            for path in (config.train, config.validation, config.test)
        )
    if test is None or config.score_split == "validation":
        return train, validation, validation, "validation", language
    return train, validation, test, "test", language


class Summarization(TextToText):
    """Summaries of texts, with an encoder-decoder or a decoder alone."""

    name = "summarization"
    updates = UpdatesByData(passes=15, least=300, most=30_000)

    def open_data(self):
        """Texts with their summaries, and the first of those to validate with, which are summarised then."""
        config = self.config
        self.train_data, self.validation_data, scored, self.split, known_language = open_splits(config)
        # A file that is missing or damaged is better found before training than after it.
        self.scored = list(scored)
        first = zip(self.validation_data, range(config.validation_rouge_texts or 100), strict=False)
        self.watched = [text for text, _ in first]
        references = [summary for each in self.watched for summary in each.summaries]
        self.language = self.choose_language(known_language, references)
        self.plan_pairs(self._watched_scores([each.summaries[0] for each in self.watched]))

    def _watched_scores(self, summaries):
        scores = rouge(summaries, [each.summaries for each in self.watched], language=self.language)
        return {name: score.value for name, score in scores.items()}

    def start(self):
        """A Transformer, new or pretrained, with what reads its texts and writes its summaries."""
        parts = decoder_parts if self.config.architecture == "decoder" else encoder_decoder_parts
        self.parts = parts(self.config, Pairs(self.train_data), self.resumed)
        return self.parts.model, self.parts.tokenizers

    def batches(self):
        """Texts with their first summaries, of similar lengths."""
        train = self.parts.make_batches(Pairs(self.train_data), training=True)
        # Counted now, when nothing but the training data has been encoded.
        train.num_batches()
        self.cut = tuple(self.parts.encode[0].cut)
        return train, self.parts.make_batches(Pairs(self.validation_data), training=False)

    @property
    def architecture(self):
        """What is trained."""
        return self.parts.architecture

    def data_lines(self):
        """How the files are read, what of them is trained on, and how many texts are cut."""
        yield from super().data_lines()
        cut, total = self.cut
        if cut:
            longest = self.config.max_source_length
            yield f"{cut:,} of {total:,} texts are longer than {longest} tokens; their end is cut"

    def make_task(self, model, examples=()):
        """The summarizer."""
        return self.parts.make_task(model, examples)

    def validation_score(self):
        """ROUGE of greedy summaries."""
        if not self.config.validation_rouge_texts:
            return None
        return lambda _: self._watched_scores(self.task([each.text for each in self.watched], num_beams=1))

    def examples(self):
        """Texts to summarise."""
        return [each.text for each, _ in zip(self.validation_data, range(_EXAMPLES), strict=False)]

    def evaluate(self):
        """Summaries of the texts that are scored, each against all summaries that it has."""
        best = [found[0] for found in self.task.n_best([each.text for each in self.scored], 1, progress=True)]
        self.summaries = [each.text for each in best]
        write_texts(self.config.directory / f"{self.split}.summaries.txt", self.summaries)
        scores = rouge(self.summaries, [each.summaries for each in self.scored], language=self.language)
        return {
            "split": self.split,
            "texts": len(self.scored),
            "truncated_texts": sum(each.truncated for each in best),
            "scores": {name: asdict(value) for name, value in scores.items()},
        }

    def report(self, results):
        """Prints the scores and a few summaries."""
        table = Table(title=f"{results['split']}: {results['texts']} texts, {results['truncated_texts']} of them cut")
        for name in ("metric", "F1", "95% interval", "precision", "recall"):
            table.add_column(name, justify="left" if name == "metric" else "right")
        for value in results["scores"].values():
            interval = f"{value['low']:.2f} - {value['high']:.2f}"
            numbers = (f"{value['value']:.2f}", interval, f"{value['precision']:.2f}", f"{value['recall']:.2f}")
            table.add_row(value["name"], *numbers)
        self.console.print(table)
        self.say(next(iter(results["scores"].values()))["signature"])
        for index in range(0, len(self.scored), max(1, len(self.scored) // 3))[:3]:
            text = self.scored[index]
            self.say(f"  text      {text.text[:300]}")
            self.say(f"  summary   {self.summaries[index]}")
            self.say(f"  reference {text.summaries[0]}\n")


run = functools.partial(run_recipe, Summarization)
