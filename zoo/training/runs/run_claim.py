"""The moment at which a directory becomes that of a run."""

from typing import Any

from zoo.training.callbacks.training_callback import TrainingCallback
from zoo.training.runs.run_directory import claim_run_directory, release_run_directory
from zoo.writing import writing


class RunClaim(TrainingCallback):
    """Claims the run's directory when training begins, after everything that can be refused has been.

    It is the first of the callbacks of `train`, which is called in its context: where training fails before the first
    checkpoint, the claim is taken back, so that the corrected command starts in the same directory.

    Args:
        config: As for `claim_run_directory`.
        recipe: Name of the recipe.
        tokenizers: dict from the names of folders (`zoo.training.runs.run_directory.TOKENIZERS`) to tokenizers that
            are kept for when the run goes on.

    Raises:
        UserError: when training begins, if the disk is full or the directory cannot be written.
    """

    chief_only = True

    def __init__(self, config: Any, recipe: Any, tokenizers: Any):
        super().__init__()
        self._config, self._recipe, self._tokenizers = config, recipe, tokenizers
        self._is_new = False

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Writes recipe.json, then the tokenizers."""
        self._is_new = claim_run_directory(self._config, recipe=self._recipe)
        for name, tokenizer in self._tokenizers.items():
            folder = self._config.directory / name
            if not (folder / "tokenizer.json").is_file():
                with writing(folder):
                    tokenizer.save(folder)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if error is not None and self._is_new:
            release_run_directory(self._config)
