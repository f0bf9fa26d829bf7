"""How a text generator reads prompts and chooses tokens."""

from dataclasses import dataclass, replace

from zoo.errors import UserError

LARGEST_SEED = 2**31 - 1
SMALLEST_TOP_P = 1e-6


@dataclass(frozen=True)
class GenerationSettings:
    """How a `TextGenerator` reads prompts and chooses tokens.

    Raises:
        UserError: for an impossible value, naming the attribute.

    Attributes:
        max_new_tokens: Most tokens of a continuation, the end token included.
        min_new_tokens: Least tokens before the end token.
        temperature: What logits are divided by before a token is drawn; 0 takes the most probable one (greedy search).
        top_k: Draw from the k most probable tokens; 0 from all.
        top_p: Draw from the smallest set of most probable tokens that has this probability; 1 from all.
        min_p: Leave out tokens less probable than this share of the most probable one's probability; 0 none.
        repetition_penalty: Above 1, tokens that occur in the prompt or the continuation become less probable; 1 for
            none.
        no_repeat_ngram_size: No n-gram of this size occurs twice in prompt and continuation; 0 allows everything.
        seed: Of the random numbers, together with the prompt: the same prompt with the same seed has the same answer.
        stop: Strings at whose first occurrence a continuation ends, without it.
        max_source_length: Tokens of a prompt; only the last so many of a longer one are read. As many as the model has
            positions beside those of `max_new_tokens` if None.
        begin_token: Whether the end token, which also begins texts, stands before every prompt; it always stands
            before an empty one.
    """

    max_new_tokens: int = 128
    min_new_tokens: int = 0
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 0.95
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    no_repeat_ngram_size: int = 0
    seed: int = 0
    stop: tuple[str, ...] = ()
    max_source_length: int | None = None
    begin_token: bool = False

    def __post_init__(self):
        for name, minimum in (
            ("max_new_tokens", 1),
            ("min_new_tokens", 0),
            ("top_k", 0),
            ("no_repeat_ngram_size", 0),
            ("seed", -LARGEST_SEED - 1),
            ("max_source_length", 1),
        ):
            value = getattr(self, name)
            if name == "max_source_length" and value is None:
                continue
            if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
                raise UserError(f"{name} must be an integer of at least {minimum}, got {value!r}")
        if self.seed > LARGEST_SEED:
            raise UserError(f"seed must be at most {LARGEST_SEED}, got {self.seed}")
        if self.min_new_tokens > self.max_new_tokens:
            raise UserError(
                f"min_new_tokens ({self.min_new_tokens}) must not exceed max_new_tokens ({self.max_new_tokens})"
            )
        for name, least, most in (
            ("temperature", 0.0, 100.0),
            ("top_p", SMALLEST_TOP_P, 1.0),
            ("min_p", 0.0, 1.0),
            ("repetition_penalty", 0.1, 10.0),
        ):
            value = getattr(self, name)
            if not isinstance(value, (int, float)) or isinstance(value, bool) or not least <= value <= most:
                raise UserError(f"{name} must be between {least:g} and {most:g}, got {value!r}")
        if not isinstance(self.stop, (list, tuple)):
            raise UserError(f"stop must be a list of strings, got {self.stop!r}")
        object.__setattr__(self, "stop", tuple(self.stop))


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
