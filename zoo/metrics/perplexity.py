"""Perplexity of a text under a language model, per token and per byte."""

import math
from typing import NamedTuple


class Perplexity(NamedTuple):
    """How well a model predicts a text.

    Values per token compare only between models of one tokenizer; those per byte compare between all.

    Attributes:
        nll: Mean of -log p over the tokens, in nats.
        tokens: Tokens predicted.
        num_bytes: Bytes of the text, UTF-8.
        block_length: Most tokens of context.
        stride: Tokens by which windows move on: each token has at least `block_length - stride` before it.
    """

    nll: float
    tokens: int
    num_bytes: int
    block_length: int
    stride: int

    @property
    def per_token(self) -> float:
        """exp(nll)."""
        return math.exp(self.nll) if self.nll < 700.0 else math.inf

    @property
    def bits_per_byte(self) -> float:
        """-log2 p of the whole text, divided by its bytes."""
        return self.nll * self.tokens / self.num_bytes / math.log(2.0)

    @property
    def per_byte(self) -> float:
        """2 ** bits_per_byte."""
        return 2.0**self.bits_per_byte

    def to_dict(self) -> dict:
        """All of it as plain values, for results.json."""
        return {
            **self._asdict(),
            "per_token": self.per_token,
            "per_byte": self.per_byte,
            "bits_per_byte": self.bits_per_byte,
        }
