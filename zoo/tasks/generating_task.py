"""What tasks that write have in common: a search for each batch of texts, and the best of what it finds."""

from typing import ClassVar

from zoo.generation.control import Control
from zoo.tasks.signature import Signature
from zoo.tasks.task import Task, plain

# The time of an answer grows with its tokens.
_FEW_TOKENS = 16


class GeneratingTask(Task):
    """Answers a text with what a search of a decoder finds.

    Subclasses have settings with a `search` (`zoo.tasks.search_settings.SearchSettings`). Their `encode` and `compute`
    take the search and how many hypotheses of a row to return, `search` and `num_return`, and all outputs of their
    `decode` have shape [B, num_return].

    Attributes:
        hypothesis: A named tuple with a field for each output: one answer in Python.
    """

    hypothesis: ClassVar[type]
    _vocabulary_size: int

    @property
    def controls(self):
        """The per-row options of `predict_batch`: lengths, and those of the search."""
        settings, most = self.settings, self.settings.max_new_tokens
        return {
            "max_new_tokens": Control(
                "int32", most, 1, most, "most tokens of an answer, end token included", trial=min(most, _FEW_TOKENS)
            ),
            "min_new_tokens": Control("int32", settings.min_new_tokens, 0, most, "least tokens before the end token"),
            **settings.search.controls(self._vocabulary_size),
        }

    @property
    def draws(self):
        """Whether tokens are drawn unless a request asks for the most probable ones."""
        return self.settings.search.draws

    def predict_batch(self, *texts, **given):
        """The best answers to one batch; see `Task.predict_batch`. Each output has shape [B]."""
        given |= dict(zip(self.inputs, texts, strict=False))
        found = self.answer_batch(given, search=self.settings.search, num_return=1)
        return {name: value[:, 0] for name, value in found.items()}

    def unpack(self, outputs):
        """The answers, a list of str."""
        return [text.decode("utf-8") for text in outputs["text"]]

    def __call__(self, *texts, **options):
        """Answers a str or a list of any length.

        Args:
            texts: A str or a list of str or bytes.
            options: `batch_size`, `progress`, a number for any of `controls`, and what else the task takes by name.

        Returns:
            A str, or a list of str in the order of `texts`.

        Raises:
            UserError: if an input is not str or bytes, and for options unknown or out of bounds, naming them.
        """
        found = self._best(*texts, **options)
        # Of a single text it is one, otherwise a list with one for each text.
        return found[0].text if isinstance(next(iter(found), None), tuple) else [each[0].text for each in found]

    def records(self, *texts, **options):
        """The best answer to each text with what is said of it; see `Task.records`."""
        return [each[0]._asdict() for each in self._best(*texts, **options)]

    def _best(self, *texts, **options):
        return self._hypotheses(texts, 1, self.settings.search, **options)

    def _hypotheses(self, texts, num_return, search, *, batch_size=None, progress=False, **controls):
        """For each row a list of hypotheses; for single texts just that list."""

        def predict(**given):
            return self.answer_batch(given, search=search, num_return=num_return)

        def unpack(outputs):
            columns = [plain(outputs[name]) for name in self.hypothesis._fields]
            rows = zip(*columns, strict=True)
            return [[self.hypothesis(*values) for values in zip(*row, strict=True)] for row in rows]

        return self.answer(
            (search, num_return, self.settings),
            Signature(predict, self.inputs, controls=self.controls),
            texts,
            controls,
            unpack=unpack,
            batch_size=batch_size,
            progress=progress,
        )
