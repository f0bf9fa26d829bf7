"""Requests per minute of each client."""

import math
import time

_MOST_CLIENTS = 100_000


class RateLimit:
    """A bucket of tokens for each client, which fills up evenly.

    Args:
        requests_per_minute: How many are allowed; 0 for any number.
        clock: Seconds that only grow.
    """

    def __init__(self, requests_per_minute, clock=time.monotonic):
        self._most, self._clock = requests_per_minute, clock
        self._buckets = {}

    def seconds_to_wait(self, client):
        """0 if a request is allowed, which then counts, or after how many whole seconds one is."""
        if not self._most:
            return 0
        now = self._clock()
        tokens, then = self._buckets.get(client, (self._most, now))
        tokens = min(self._most, tokens + (now - then) * self._most / 60)
        allowed = tokens >= 1
        self._buckets[client] = tokens - allowed, now
        if len(self._buckets) > _MOST_CLIENTS:
            # Those that have waited a minute are like new ones.
            self._buckets = {name: each for name, each in self._buckets.items() if now - each[1] < 60}
        return 0 if allowed else math.ceil((1 - tokens) * 60 / self._most)
