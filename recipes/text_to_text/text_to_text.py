"""A recipe that learns to write a text from another."""

from typing import Any

from recipes.skeleton.recipe import Recipe
from recipes.text_to_text.pair_plan import plan_pairs
from recipes.text_to_text.scored_language import check_score_moves, scored_language
from recipes.text_to_text.sequence_to_sequence import TOKENIZERS
from zoo.data.readers.readings import readings
from zoo.training import CosineDecay, InverseSquareRoot, TokenCrossEntropy


class TextToText(Recipe):
    """Objective: the next token of the target, given the source and the target so far.

    `open_data` of a recipe leaves `train_data` and `validation_data`, the readers of both splits.
    """

    train_data: Any
    validation_data: Any

    tokenizer_folders = TOKENIZERS
    speed = "target_tokens_per_second"

    @property
    def metric(self):
        """What early stopping and the best checkpoints go by."""
        return self.config.early_stopping_metric

    def choose_language(self, known, references):
        """The language of the scores, which is said.

        The vocabulary of much text takes minutes, so a language that the references are not in is refused before.

        Args:
            known: The code that a named data set has, or None.
            references: list of str.
        """
        language = scored_language(self.config.target_language, known, references)
        self.say(str(language))
        return language

    def plan_pairs(self, scores):
        """Fills in what goes by the number of pairs, after a metric that cannot move has been refused.

        Args:
            scores: What the references of the validation data score against themselves, a dict of floats.
        """
        check_score_moves(self.metric, scores)
        self.config = plan_pairs(self.config, self.train_data)

    def loss(self):
        """Cross-entropy with smoothed labels."""
        return TokenCrossEntropy(self.config.label_smoothing)

    def optimizer(self):
        """Adam or AdamW, whose rate rises linearly, then falls along a cosine to 0 or with the inverse of the root."""
        config, plan = self.config, self.plan
        if config.schedule == "cosine":
            schedule = CosineDecay(config.learning_rate, plan.warmup_steps, plan.total_steps)
        else:
            schedule = InverseSquareRoot(config.learning_rate, plan.warmup_steps)
        return {"name": config.optimizer, "schedule": schedule, "ema_momentum": config.ema_momentum}

    def data_lines(self):
        """How the files are read, and what of them is trained on."""
        yield from readings(self.train_data, self.validation_data)
        yield f"training data: {self.train_batches.report}"
