"""How a text generator reads prompts and chooses tokens."""

from dataclasses import field, replace
from typing import Any, ClassVar

from zoo.errors import UserError
from zoo.generation import Greedy, Sampling, Search
from zoo.tasks.search_settings import SearchSettings, search_settings


@search_settings
class GenerationSettings(SearchSettings):
    """How a `TextGenerator` reads prompts and chooses tokens.

    Raises:
        UserError: for an impossible value, naming the attribute.

    Attributes:
        search: `zoo.generation.Sampling` or `Greedy`. Its values go by their own names, too: `temperature`, `top_k`,
            `top_p`, `min_p`, `repetition_penalty` and `seed`. The seed counts together with the prompt: the same prompt
            with the same seed has the same answer.
        max_new_tokens: Most tokens of a continuation, the end token included.
        min_new_tokens: Least tokens before the end token.
        no_repeat_ngram_size: No n-gram of this size occurs twice in prompt and continuation; 0 allows everything.
        stop: Strings at whose first occurrence a continuation ends, without it.
        max_source_length: Tokens of a prompt; only the last so many of a longer one are read. As many as the model has
            positions beside those of `max_new_tokens` if None.
        begin_token: Whether the begin token, which may be the end token, stands before every prompt; the end token
            always stands before an empty one.
        end_token_ids: Tokens that end a continuation as the tokenizer's end token does.
        chat_variables: Variables of the chat template by name, JSON values, such as `{"enable_thinking": False}`.
    """

    searches: ClassVar[tuple] = (Sampling, Greedy)

    search: Search = Sampling(top_p=0.95)
    max_new_tokens: int = 128
    min_new_tokens: int = 0
    no_repeat_ngram_size: int = 0
    stop: tuple[str, ...] = ()
    max_source_length: int | None = None
    begin_token: bool = False
    end_token_ids: tuple[int, ...] = ()
    chat_variables: dict[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self):
        longest = () if self.max_source_length is None else (("max_source_length", 1),)
        self.check_lengths(("max_new_tokens", 1), ("min_new_tokens", 0), ("no_repeat_ngram_size", 0), *longest)
        if not isinstance(self.stop, (list, tuple)):
            raise UserError(f"stop must be a list of strings, got {self.stop!r}")
        object.__setattr__(self, "stop", tuple(self.stop))
        object.__setattr__(self, "end_token_ids", tuple(self.end_token_ids))
        if not isinstance(self.chat_variables, dict) or not all(isinstance(name, str) for name in self.chat_variables):
            raise UserError(f"chat_variables must be a dict of values by name, got {self.chat_variables!r}")


def within_positions(settings, positions):
    """The settings with prompt and continuation cut to the model's positions."""
    new = min(settings.max_new_tokens, max(positions - 1, 1))
    longest = positions - new if settings.max_source_length is None else settings.max_source_length
    if longest < 1:
        raise UserError(f"the model has {positions} positions, which is too few for a prompt and a continuation")
    return replace(
        settings,
        max_new_tokens=new,
        min_new_tokens=min(settings.min_new_tokens, new),
        max_source_length=min(longest, positions - new),
    )
