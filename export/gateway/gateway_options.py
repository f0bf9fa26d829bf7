"""What a gateway allows, the same in Python and on the command line."""

from dataclasses import dataclass
from pathlib import Path

from zoo.errors import UserError
from zoo.ranges import check_range


@dataclass(frozen=True, kw_only=True)
class GatewayOptions:
    """What a gateway allows.

    Raises:
        UserError: for an impossible value, naming the option.
    """

    api_keys: Path | None = None
    """File with one API key a line, or a name and a key; without it anybody may ask."""
    requests_per_minute: int = 0
    """Most requests of a key, or without keys of an address; 0 for any number."""
    max_body_bytes: int = 2**20
    """Largest body of a request."""
    max_message_bytes: int = 64 * 2**20
    """Largest message to and from the server."""
    timeout_seconds: float = 60.0
    """Longest wait for a call of the server, its repetitions included."""
    tokens_at_a_time: int = 8
    """Tokens of a part of a stream: more are faster in all, fewer come more smoothly."""
    max_batch_size: int = 32
    """Most pairs of a rerank request in a call of the server."""
    allow_origins: tuple[str, ...] = ()
    """Web pages of these origins may ask from browsers, such as https://example.org."""

    def __post_init__(self):
        check_range("--requests-per-minute", self.requests_per_minute, least=0)
        for name in ("max_body_bytes", "max_message_bytes", "tokens_at_a_time", "max_batch_size"):
            check_range(f"--{name.replace('_', '-')}", getattr(self, name), least=1)
        if not self.timeout_seconds > 0:
            raise UserError(f"--timeout-seconds must be more than 0, got {self.timeout_seconds:g}")
        for origin in self.allow_origins:
            if origin != "*" and not origin.startswith(("http://", "https://")):
                raise UserError(f"--allow-origins: {origin!r} is no origin; give one such as https://example.org")
