"""How tasks over an encoder-decoder read and decode."""

from typing import ClassVar

from zoo.errors import UserError
from zoo.generation import BeamSearch, Greedy, Search, TokenRules
from zoo.tasks.search_settings import SearchSettings, search_settings


@search_settings
class SequenceToSequenceSettings(SearchSettings):
    """How a `SequenceToSequenceTask` decodes.

    Raises:
        UserError: for an impossible value, naming the attribute.

    Attributes:
        search: `zoo.generation.BeamSearch` or `Greedy`. Its values go by their own names, too: `num_beams`,
            `length_penalty`, `length_penalty_type` and `stopping`.
        max_new_tokens: Most target tokens, the end token included.
        min_new_tokens: Least target tokens before the end token.
        max_tokens_factor, max_tokens_offset: A row's answer also has at most factor * source tokens + offset
            tokens, which ends runaway answers and keeps the cache small.
        no_repeat_ngram_size: No n-gram of this size occurs twice in an answer; 0 allows everything.
        count_start_token: Whether the start token is the first one of these n-grams, as in transformers; else the first
            token of the answer is.
        max_source_length: Source tokens, the end token included; the rest of a longer text is cut off.
        start_token_id: What the decoder reads first; the target tokenizer's begin token if None.
        suppressed_token_ids: Tokens that no answer holds.
        renormalize: Whether the probabilities of the other tokens sum to 1 where some are suppressed.
        forced_first_token_id: First token of every answer, such as that of a language.
        forced_last_token_id: Token that an answer has where it reaches its greatest length, such as the end token.
        source_prefix_ids: Tokens before the source's own.
        source_suffix_ids: Tokens after them; the source tokenizer's end token if None.
        source_prefix: Text before every source, such as "summarize: ", by which a T5 knows what to do.
        clean_up_spaces: Whether blanks before punctuation and English contractions are taken out of answers.
    """

    searches: ClassVar[tuple] = (BeamSearch, Greedy)

    search: Search = BeamSearch()
    max_new_tokens: int = 256
    min_new_tokens: int = 0
    max_tokens_factor: float = 3.0
    max_tokens_offset: int = 16
    no_repeat_ngram_size: int = 0
    count_start_token: bool = False
    max_source_length: int = 256
    start_token_id: int | None = None
    suppressed_token_ids: tuple = ()
    renormalize: bool = False
    forced_first_token_id: int | None = None
    forced_last_token_id: int | None = None
    source_prefix_ids: tuple = ()
    source_suffix_ids: tuple | None = None
    source_prefix: str = ""
    clean_up_spaces: bool = False

    def __post_init__(self):
        # From JSON they come as lists.
        for name in ("suppressed_token_ids", "source_prefix_ids", "source_suffix_ids"):
            value = getattr(self, name)
            if isinstance(value, list):
                object.__setattr__(self, name, tuple(value))
        self.check_lengths(
            ("max_new_tokens", 1),
            ("min_new_tokens", 0),
            ("max_tokens_offset", 1),
            ("no_repeat_ngram_size", 0),
            ("max_source_length", 2),
        )
        if not self.max_tokens_factor >= 0:
            raise UserError(f"max_tokens_factor must be at least 0, got {self.max_tokens_factor!r}")
        if not isinstance(self.source_prefix, str):
            raise UserError(f"source_prefix must be a text, got {self.source_prefix!r}")
        for name in ("count_start_token", "renormalize", "clean_up_spaces"):
            if not isinstance(getattr(self, name), bool):
                raise UserError(f"{name} must be true or false, got {getattr(self, name)!r}")
        # It refuses what is no token id.
        self.token_rules  # noqa: B018
        start = () if self.start_token_id is None else (self.start_token_id,)
        for name, ids in (
            ("start_token_id", start),
            ("source_prefix_ids", self.source_prefix_ids),
            ("source_suffix_ids", self.source_suffix_ids or ()),
        ):
            if not all(isinstance(each, int) and not isinstance(each, bool) and each >= 0 for each in ids):
                raise UserError(f"{name} must hold integers of at least 0, got {getattr(self, name)!r}")
        specials = len(self.source_prefix_ids) + len(self.source_suffix_ids or (0,))
        if self.max_source_length <= specials:
            raise UserError(f"max_source_length ({self.max_source_length}) must exceed its {specials} special tokens")

    @property
    def token_rules(self) -> TokenRules:
        """The `zoo.generation.TokenRules` of these settings."""
        return TokenRules(self.suppressed_token_ids, self.forced_first_token_id, self.forced_last_token_id)
