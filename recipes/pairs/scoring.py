"""Trains, evaluates and saves a scorer of pairs of texts."""

from dataclasses import asdict

import keras
import numpy as np

from recipes.encoders.fine_tuning import EXAMPLES, FineTuning
from recipes.options.data_files import check_file_options, is_table
from recipes.pairs.pair_rows import pair_examples, pair_rows, vocabulary_of_pairs
from zoo.checkpoints.hugging_face.pair_template import template_of
from zoo.data.datasets.held_out import hold_out
from zoo.data.readers.numbered_text import read_numbers
from zoo.errors import UserError
from zoo.evaluate.numbers import correlations_table
from zoo.metrics.regression import score_numbers
from zoo.models import SequenceClassifier
from zoo.tasks import PairScorer, PairScoringSettings


class PairScoring(FineTuning):
    """One number of a pair of texts, by the logistic function of what an encoder makes of both in one row."""

    name = "pairs"
    metric = "val_spearman"

    @property
    def pooler(self):
        """Whether the scorer reads the encoder's pooler."""
        return self.config.pooling == "pooler"

    def open_data(self):
        """Pairs with their scores."""
        config = self.config
        config.check_one_training_set("train")
        check_file_options(config, {"delimiter": ("tables (.csv, .tsv)", is_table)})
        train = self._read(config.train)
        validation, test = (None if path is None else self._read(path) for path in (config.validation, config.test))
        self.sources = train, validation, test
        # Without labels all pairs are alike, so that every tenth is held out.
        held_out = hold_out(train, labels_of=lambda text: ()) if validation is None else (train, validation)
        self.train_texts, self.validation_texts = held_out

    def _read(self, path):
        config = self.config
        found = read_numbers(
            path, config.text_column, [config.score_column], config.delimiter, text_pair=config.text_pair_column
        )
        low, high = config.score_range
        for each in found:
            if len(each.values) != 1 or not low <= each.values[0] <= high:
                raise UserError(
                    f"{each.source}: the score {', '.join(f'{value:g}' for value in each.values)} does not lie between "
                    f"{low:g} and {high:g}; --score-range says between which numbers scores lie"
                )
        return found

    def vocabulary_texts(self):
        """Both texts of every pair."""
        return vocabulary_of_pairs(self.train_texts)

    def make_head(self, encoder, **dropout):
        """One output of the whole row."""
        config = self.config
        return SequenceClassifier(encoder, 1, pooling=config.pooling, dtype=config.precision, **dropout)

    def start(self):
        """The model and its tokenizer."""
        config = self.config
        model, tokenizers = super().start()
        self.settings = PairScoringSettings(
            **template_of(tokenizers[0])._asdict(),
            truncation=config.truncation,
            max_source_length=min(config.max_source_length, model.max_sequence_length),
        )
        return model, tokenizers

    def batches(self):
        """Pairs, cut to what the model reads, with their scores between 0 and 1."""
        return self._batches(self.train_texts, seed=self.config.seed), self._batches(
            self.validation_texts, shuffle=False
        )

    def _batches(self, texts, **options):
        rows = pair_rows(texts, self.make_task(self.model))
        if self.settings.second_segment:
            options["segment_ids"] = rows.segment_ids
        labels = self._truth(texts)[:, np.newaxis].astype("float32")
        return self.row_batches(rows.token_ids, labels, max_length=self.settings.max_source_length, **options)

    def _truth(self, texts):
        low, high = self.config.score_range
        return (np.array([text.values[0] for text in texts]) - low) / (high - low)

    def loss(self):
        """Cross-entropy of a score between 0 and 1, as of a probability."""
        return keras.losses.BinaryCrossentropy(
            from_logits=True, label_smoothing=self.config.label_smoothing, reduction="mean_with_sample_weight"
        )

    def validation_metrics(self):
        """The cross-entropy."""
        return [keras.metrics.BinaryCrossentropy(name="nll", from_logits=True)]

    def validation_score(self):
        """Correlations of scores with the right ones; 0 where scores are all the same."""

        def score(_):
            found = score_numbers(self._truth(self.validation_texts), self._scores(self.validation_texts))
            return {name: found[name].value or 0.0 for name in ("spearman", "pearson")}

        return score

    def _scores(self, texts):
        columns = [[getattr(text, name) for text in texts] for name in self.task.inputs]
        return np.array([found["score"] for found in self.task(*columns)])

    def data_lines(self):
        """How many pairs there are."""
        yield f"{len(self.train_texts):,} training and {len(self.validation_texts):,} validation pairs with scores"

    def make_task(self, model, examples=()):
        """The scorer."""
        return PairScorer(model, *self.tokenizers, settings=self.settings, examples=examples)

    def examples(self):
        """Validation pairs."""
        return pair_examples(self.validation_texts[:EXAMPLES])

    def evaluate(self):
        """Correlations on the test pairs, or else on those of validation."""
        test = self.sources[2]
        split, self.scored = ("validation", self.validation_texts) if test is None else ("test", test)
        self.found = self._scores(self.scored)
        self.scores = score_numbers(self._truth(self.scored), self.found, intervals=True)
        scores = {name: asdict(score) for name, score in self.scores.items()}
        return {"split": split, "pairs": len(self.scored), "scores": scores}

    def report(self, results):
        """Prints the scores of the run and of a few pairs."""
        self.say(f"{results['split']}: {results['pairs']:,} pairs")
        self.console.print(correlations_table({"score": self.scores}))
        step = max(1, len(self.scored) // 5)
        for pair, found in list(zip(self.scored, self.found, strict=True))[::step][:5]:
            self.say(f"  {pair.text[:100]}")
            self.say(f"  {pair.text_pair[:100]}")
            self.say(f"    {found:.2f} (right: {self._truth([pair])[0]:.2f})")
