"""Samples of what a language model writes, during its training."""

import sys
from typing import Any

from zoo.training.callbacks.training_callback import TrainingCallback
from zoo.writing import writing

FILE = "samples.txt"


class TextSamples(TrainingCallback):
    """Lets the model write at each validation; the texts go to `samples.txt` in the run's directory.

    Args:
        write: From a list of prompts to a list of continuations, such as a `TextGenerator` over the model in training.
        prompts: The prompts, str.
        show: Whether the first text is also shown on standard error.
    """

    chief_only = True

    def __init__(self, write: Any, prompts: Any, show: bool = True):
        super().__init__()
        self._write, self._prompts, self._show = write, list(prompts), show

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Writes, if this is a validation step."""
        if not self.run.validates_here or not self._prompts:
            return
        texts = self._write(self._prompts)
        path = self.run.directory / FILE
        with writing(path), path.open("a", encoding="utf-8") as file:
            for prompt, text in zip(self._prompts, texts, strict=True):
                file.write(f"=== update {self.run.step}\n{prompt}{text}\n")
        if self._show:
            print("  " + (self._prompts[0] + texts[0]).replace("\n", "\n  "), file=sys.stderr)
