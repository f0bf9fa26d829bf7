"""Trains, evaluates and saves a translator."""

import functools
from dataclasses import asdict, replace

import numpy as np
from rich.table import Table

from recipes.skeleton.results import write_texts
from recipes.skeleton.run_plan import UpdatesByData
from recipes.skeleton.run_recipe import run_recipe
from recipes.text_to_text.encoded_texts import pair_encoders
from recipes.text_to_text.sequence_to_sequence import check_positions, make_batches, make_model, make_tokenizers
from recipes.text_to_text.text_to_text import TextToText
from recipes.translation.config import check_data_options
from zoo.data import ParallelText, open_dataset
from zoo.errors import UserError
from zoo.evaluate.translations import writes_lowercase
from zoo.metrics.translation_scores import TranslationScores
from zoo.tasks import Translator, load
from zoo.tokenizers import SentencePieceTokenizer

_EXAMPLES = 200


def open_splits(config):
    """Training, validation and test pairs, and the code of their target language; None for what was not given."""
    check_data_options(config)
    if config.dataset is not None:
        splits = open_dataset(config.dataset, reverse=config.reverse, task="translation")
        return splits.train, splits.validation, splits.test, splits.target_language
    files = (
        _open_files(
            config, getattr(config, split), getattr(config, f"{split}_source"), getattr(config, f"{split}_target")
        )
        for split in ("train", "validation", "test")
    )
    return *files, None


def _open_files(config, pairs, source, target):
    if source is not None:
        return ParallelText(source, target)
    return None if pairs is None else config.open_pairs(pairs)


class SampledTokens:
    """Segmentations of an epoch drawn at random, a function of seed, epoch and the texts' order alone.

    Args:
        tokenizer: `SentencePieceTokenizer`.
        alpha: See `SentencePieceTokenizer.sample`.
        seeds: list of int that begins the seed of every call.
    """

    def __init__(self, tokenizer, alpha, seeds):
        self._tokenizer, self._alpha, self._seeds = tokenizer, alpha, seeds
        self._calls = 0

    def __call__(self, texts):
        """Tokens of the next texts."""
        seed = np.random.SeedSequence([*self._seeds, self._calls]).generate_state(1)[0]
        self._calls += 1
        return self._tokenizer.sample(texts, self._alpha, int(seed))


def sampled_tokens(config, tokenizers, settings):
    """What `make_batches` takes for tokens that are drawn anew each epoch; None without subword sampling.

    Raises:
        UserError: for tokenizers that cannot draw.
    """
    if not config.subword_sampling:
        return None
    for tokenizer in tokenizers:
        if not isinstance(tokenizer, SentencePieceTokenizer):
            raise UserError(
                f"--subword-sampling needs a SentencePiece vocabulary of this project's; that of {config.pretrained} "
                f"is a {type(tokenizer).__name__}"
            )

    def encode_epoch(epoch):
        sampled = (
            SampledTokens(tokenizer, config.subword_sampling, [config.seed, epoch, side])
            for side, tokenizer in enumerate(tokenizers)
        )
        return pair_encoders(tokenizers, settings, encode=tuple(sampled))

    return encode_epoch


def start_translator(config, train_pairs, resumed):
    """The translator to train, with the settings that it is to decode with in the end.

    Args:
        config: A `TranslationConfig`.
        train_pairs: Re-iterable of (source, target), from which a vocabulary is trained where nothing is pretrained.
        resumed: Whether a run goes on; its tokenizers are then read again.

    Raises:
        UserError: for a pretrained model that does not translate, or is too short for the lengths asked for.
    """
    if config.pretrained is None:
        tokenizers = make_tokenizers(config, train_pairs, resumed)
        translator = Translator(make_model(config, *tokenizers, config.precision), *tokenizers)
    else:
        translator = load(config.pretrained, dtype=config.precision)
        if not isinstance(translator, Translator):
            raise UserError(
                f"{config.pretrained} holds a {type(translator).__name__}, not a Translator; a BART that translates "
                "becomes one by python -m zoo.convert with --task translation"
            )
        check_positions(config, translator.model, max_length=config.max_length)
    settings = replace(
        translator.settings,
        num_beams=config.num_beams,
        length_penalty=config.length_penalty,
        length_penalty_type="average",
        max_new_tokens=config.max_length,
        max_source_length=config.max_length,
    )
    return Translator(translator.model, translator.source_tokenizer, translator.target_tokenizer, settings)


def evaluate(translator, pairs, scores):
    """Translates the sources of `pairs` and scores them; returns the scores by name and the hypotheses."""
    sources, references = (list(side) for side in zip(*pairs, strict=True))
    hypotheses = translator(sources, progress=True)
    return scores.of(hypotheses, references), hypotheses


class Translation(TextToText):
    """Sentences in another language, with an encoder-decoder."""

    name = "translation"
    updates = UpdatesByData(passes=60, least=300, most=50_000)

    def open_data(self):
        """Pairs of sentences, and the first of those to validate with, which are translated then."""
        config = self.config
        self.train_data, self.validation_data, test, known_language = open_splits(config)
        # Read now, so that a mistake in it shows before the model is trained.
        self.test_data = None if test is None else list(test)
        self.watched = list(self.validation_data)[: config.validation_bleu_lines or 200]
        references = [target for _, target in self.watched]
        self.language = self.choose_language(known_language, references)
        scores = TranslationScores(self.language, lowercase=False, tokenizer=config.bleu_tokenizer)
        if scores.remark:
            self.say(scores.remark)
        self.plan_pairs(scores.while_training(references, references))

    def start(self):
        """A Transformer, new or pretrained, and the tokenizers of both languages."""
        translator = start_translator(self.config, self.train_data, self.resumed)
        self.settings, tokenizers = translator.settings, (translator.source_tokenizer, translator.target_tokenizer)
        self.scores = TranslationScores(self.language, writes_lowercase(tokenizers[1]), self.config.bleu_tokenizer)
        return translator.model, tokenizers

    def batches(self):
        """Pairs of similar lengths."""
        config, *parts = self.config, self.tokenizers, self.settings
        drawn = sampled_tokens(config, *parts)
        return (
            make_batches(config, self.train_data, *parts, training=True, encode_epoch=drawn),
            make_batches(config, self.validation_data, *parts, training=False),
        )

    @property
    def architecture(self):
        """What is trained."""
        return f"{'pretrained' if self.config.pretrained else self.config.size} Transformer"

    def make_task(self, model, examples=()):
        """The translator."""
        return Translator(model, *self.tokenizers, settings=self.settings, examples=examples)

    def validation_score(self):
        """BLEU and chrF of greedy translations."""
        if not self.config.validation_bleu_lines:
            return None
        sources, references = zip(*self.watched, strict=True)

        def score(_):
            return self.scores.while_training(self.task(list(sources), num_beams=1, batch_size=128), list(references))

        return score

    def examples(self):
        """Sentences to translate."""
        return [source for source, _ in list(self.validation_data)[:_EXAMPLES]]

    def evaluate(self):
        """Translations of the test sentences, or else of those of validation."""
        split, pairs = ("validation", self.validation_data) if self.test_data is None else ("test", self.test_data)
        self.pairs = list(pairs)
        found, self.hypotheses = evaluate(self.task, self.pairs, self.scores)
        write_texts(self.config.directory / f"{split}.hypotheses.txt", self.hypotheses)
        scores = {name: asdict(value) for name, value in found.items()}
        return {"split": split, "sentences": len(self.pairs), "scores": scores}

    def report(self, results):
        """Prints the scores and a few translations."""
        table = Table(title=f"{results['split']}: {results['sentences']} sentences")
        table.add_column("metric", overflow="fold")
        table.add_column("score", justify="right", no_wrap=True)
        table.add_column("signature", overflow="fold")
        for value in results["scores"].values():
            table.add_row(value["name"], f"{value['value']:.2f}", value["signature"])
        self.console.print(table)
        for index in range(0, len(self.pairs), max(1, len(self.pairs) // 5))[:5]:
            source, reference = self.pairs[index]
            self.say(f"  source     {source}")
            self.say(f"  hypothesis {self.hypotheses[index]}")
            self.say(f"  reference  {reference}\n")


run = functools.partial(run_recipe, Translation)
