"""Holds the queries of redirects that arrive before the user has signed in to the Jupyter server.

The server's sign-in page returns to where the user came from, and names that address in its own, which logs do not
redact. So the address that it names holds a random key in place of code and state.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

from .._util.redaction import SecretText

_SECONDS = 600.0
"""How long a query is held; a code lasts five minutes, but the login that waits for it may be denied later, too."""
_MAX_QUERIES = 64
"""Anybody who can reach the server can have it hold a query; the oldest one goes."""


class HeldQueries:
    """The queries that are held, each for one use.

    Args:
        now: Returns seconds, by a clock that nobody sets.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._queries: dict[str, tuple[SecretText, float]] = {}

    def hold(self, query: str) -> str:
        """Holds a query, and returns its key."""
        while len(self._queries) >= _MAX_QUERIES:
            del self._queries[next(iter(self._queries))]
        key = secrets.token_urlsafe(16)
        self._queries[key] = (SecretText(query), self._now() + _SECONDS)
        return key

    def pop(self, key: str) -> SecretText | None:
        """Returns the query of a key, and forgets it; None if there is none, or not any more."""
        query, until = self._queries.pop(key, (None, 0.0))
        return query if self._now() < until else None
