"""What tasks over two texts share: both in one row of tokens, cut to what the model reads."""

from typing import Any, ClassVar

from zoo.errors import UserError
from zoo.tasks.encoded import Encoded
from zoo.tasks.encoder_task import SPECIAL_TOKENS, EncoderTask
from zoo.tasks.pair_rows import TokenSpans, kept_lengths, pair_rows


class PairTask(EncoderTask):
    """A task whose model reads `[CLS] text [SEP] text_pair [SEP]`, or `<s> text </s></s> text_pair </s>`.

    It comes before another `EncoderTask` among the bases of a class, whose constructor it calls.

    Args:
        args, kwargs: Of that constructor. The settings are `PairSettings` with a `max_source_length`.

    Raises:
        UserError: if the tokenizer does not fit the model, and where there is no room for a token of each text.
    """

    inputs: ClassVar[tuple[str, ...]] = ("text", "text_pair")

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        if self.most_tokens < 2:
            raise UserError(
                f"max_source_length {self.max_source_length} leaves no room for two texts beside the special tokens; "
                f"it must be at least {self.max_source_length - self.most_tokens + 2}"
            )

    @property
    def most_tokens(self) -> int:
        """Tokens of both texts together, special ones left out."""
        return self.max_source_length - SPECIAL_TOKENS - self.settings.separators

    def encode(self, text: Any, text_pair: Any, truncation: str | None = None, **controls: Any) -> Encoded:
        """The tokens of pairs, cut off where special ones still fit; see `Task.encode`.

        Args:
            text, text_pair, controls: As there.
            truncation: Which text loses its end, see `CutPairSettings`; as the settings say if None.
        """
        first, second = (self.tokenizer.encode(each) for each in (text, text_pair))
        spans = [TokenSpans.of(each) for each in (first, second)]
        kept = kept_lengths(
            spans[0].lengths, spans[1].lengths, self.most_tokens, truncation or self.settings.truncation
        )
        first, second = (each._replace(lengths=lengths) for each, lengths in zip(spans, kept, strict=True))
        return self.joined(first, second)

    def joined(self, first: TokenSpans, second: TokenSpans, positions_more: int = 0, kept: Any = None) -> Encoded:
        """Rows of two texts, as the model reads them.

        Args:
            first, second: `TokenSpans` of N rows that fit.
            positions_more, kept: As of `framed`.

        Returns:
            `Encoded`.
        """
        tokenizer, settings = self.tokenizer, self.settings
        rows = pair_rows(
            first,
            second,
            bos_id=tokenizer.bos_id,
            eos_id=tokenizer.eos_id,
            pad_id=tokenizer.pad_id,
            separators=settings.separators,
            second_segment=settings.second_segment,
        )
        tokens = rows._asdict()
        if not settings.second_segment:
            del tokens["segment_ids"]
        return self.read_in_parts(tokens, positions_more, kept)
