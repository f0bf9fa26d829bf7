"""What a recipe states: its data, model, objective and evaluation, as the hooks of one run."""

from typing import Any

from rich.console import Console

from recipes.skeleton.run_plan import RunPlan, UpdatesByData, plan_updates
from zoo.tokenizers import Tokenizer
from zoo.training import TokenCrossEntropy, Validation


class Recipe:
    """One training by a recipe, whose hooks `run_recipe` calls in the order in which they stand here.

    A hook keeps on the recipe what later ones read.

    Args:
        config: The configuration, a dataclass with the groups `RunOptions` and `TrainingOptions`.

    Attributes:
        config: The configuration; a recipe may fill in numbers that nobody asked for.
        given: The configuration as it was given, which the run directory keeps.
        console: `rich.console.Console`.
        resumed: Whether a run goes on.
        model: The model that is trained, from `start`.
        tokenizers: tuple of its tokenizers, from `start`; the last is that of what it writes, if it writes.
        train_batches: Batches to train on, from `batches`.
        validation_batches: list of the batches to validate with.
        plan: `RunPlan`.
        task: The `zoo.tasks` task over the model, in training as at the end.
        validation: `zoo.training.Validation`.
    """

    resumed: bool
    model: Any
    tokenizers: tuple[Tokenizer, ...]
    train_batches: Any
    validation_batches: list
    plan: RunPlan
    task: Any
    validation: Validation

    name: str
    """Name of the recipe, as in `python -m recipes.<name>`."""
    tokenizer_folders: tuple[str, ...] = ("tokenizer",)
    """Where a run keeps its tokenizers; one that serves for both takes the first alone."""
    architecture = "encoder"
    """What the model is, in a word or two."""
    updates: UpdatesByData | None = None
    """`UpdatesByData`, for configurations that do not say how many updates there are."""
    metric = "val_nll"
    """What early stopping and the best checkpoints go by."""
    speed = "labels_per_second"
    """What results.json calls the speed of training."""
    leaves = "preset and learning curve"
    """What the run directory holds at the end, in words."""

    def __init__(self, config):
        self.config = self.given = config
        self.console = Console()

    def say(self, line):
        """Prints a line as it is."""
        self.console.print(line, markup=False, emoji=False, highlight=False, soft_wrap=True)

    def open_data(self):
        """Opens the splits and checks what can be checked before there is a vocabulary."""
        raise NotImplementedError

    def start(self):
        """The built model to train, and a tuple of its tokenizers; called in the scope of the devices."""
        raise NotImplementedError

    def batches(self):
        """Batches to train on and batches to validate with, each with `epoch(number)`."""
        raise NotImplementedError

    def make_plan(self, num_batches):
        """The `RunPlan`.

        Args:
            num_batches: Batches of an epoch; None for more than can be counted.
        """
        return plan_updates(self.config, num_batches, self.metric, self.updates)

    def make_task(self, model, examples=()):
        """The task over a model.

        Args:
            model: The model.
            examples: Texts to verify exports with.
        """
        raise NotImplementedError

    def validation_score(self):
        """What validations score besides the metrics, a function from the model to a dict of floats; None for nothing.

        It scores what `task` makes of the validation data.
        """
        return None

    def validation_metrics(self):
        """Metrics of validation over the model's own outputs; None for those of token ids."""
        return None

    def loss(self):
        """What training makes small."""
        return TokenCrossEntropy()

    def optimizer(self):
        """What `zoo.training.build_optimizer` takes besides the options that all recipes have, a dict."""
        raise NotImplementedError

    def data_lines(self):
        """Yields what to say about the data."""
        return ()

    def pretrained_part(self):
        """What of the model comes from --pretrained, where that is less than all."""
        return self.model

    def counted(self):
        """The model whose parameters are told."""
        return self.model

    def model_line(self):
        """What to say about the model."""
        parameters, tokens = self.counted().count_params(), self.tokenizers[-1].vocabulary_size
        return f"{self.architecture} with {parameters:,} parameters, {tokens:,} tokens"

    def trains_vocabulary(self):
        """Whether the vocabulary is one that the run trains."""
        return self.config.pretrained is None

    def callbacks(self):
        """More callbacks of the training."""
        return ()

    def examples(self):
        """Texts of the validation data to verify exports with."""
        raise NotImplementedError

    def final_task(self, model):
        """The task that is saved, over the final model."""
        return self.make_task(model, self.examples())

    def evaluate(self):
        """What results.json says of the final `task`, a dict; writes the files that belong to its scores."""
        raise NotImplementedError

    def report(self, results):
        """Prints the scores and a few examples.

        Args:
            results: The dict that results.json has.
        """
        raise NotImplementedError
