"""Prompts with worked examples, from which a language model infers a task."""

from dataclasses import dataclass
from typing import Any

from zoo.errors import UserError


@dataclass(frozen=True)
class PromptTemplate:
    r"""A prompt of an instruction, worked examples and an input whose output is to be written.

    Attributes:
        example: An example, with {input} and {output} in it; the prompt ends where the last {output} would stand, less
            the blanks before it, because tokens of such models begin with a blank.
        instruction: What comes first; nothing if empty.
        separator: What stands between instruction, examples and input. A text generator is told to stop at it.

    Raises:
        UserError: for an example without {input} or {output}.

    Source: Brown et al. 2020, https://arxiv.org/abs/2005.14165, section 2.

    Example:
        >>> template = PromptTemplate("English: {input}\nGerman: {output}", "Translate.")
        >>> print(template("thank you", [("good morning", "guten Morgen")]))
        Translate.
        <BLANKLINE>
        English: good morning
        German: guten Morgen
        <BLANKLINE>
        English: thank you
        German:
    """

    example: str = "Input: {input}\nOutput: {output}"
    instruction: str = ""
    separator: str = "\n\n"

    def __post_init__(self):
        for place in ("{input}", "{output}"):
            if self.example.count(place) != 1:
                raise UserError(f"the example of a prompt must hold {place} once, got {self.example!r}")
        if self.example.index("{input}") > self.example.index("{output}"):
            raise UserError(f"{{input}} must come before {{output}} in the example of a prompt, got {self.example!r}")
        if not self.separator:
            raise UserError("the separator of a prompt is empty; a model could not tell where an example ends")

    def __call__(self, text: Any, examples: Any = ()) -> str:
        """The prompt for a text.

        Args:
            text: What stands for {input}, a str.
            examples: Pairs of str, input and output: none for zero-shot use.
        """
        parts = [self.instruction] if self.instruction else []
        parts += [self._filled(source, output) for source, output in examples]
        before, _, _ = self.example.partition("{output}")
        parts.append(before.replace("{input}", text).rstrip(" "))
        return self.separator.join(parts)

    def _filled(self, source, output):
        before, _, after = self.example.partition("{output}")
        return before.replace("{input}", source) + output + after
