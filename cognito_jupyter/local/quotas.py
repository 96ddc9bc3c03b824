"""Request quotas, as a bucket of tokens for each operation; without any in `knobs.quotas`, nothing is throttled.

`inject_faults` calls `QuotaEnforcer` before each request reaches the application.

Sources: https://docs.aws.amazon.com/cognito/latest/developerguide/quotas.html; the responses are those of
`aws_responses`. How much more than a second's worth AWS admits at once is not documented: here it is nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

PER_ADDRESS = "token per address"
"""The name in `knobs.quotas` for the token endpoint's quota for each address of a client."""

AWS_QUOTAS: Mapping[str, float] = MappingProxyType(
    {"GetId": 25.0, "GetCredentialsForIdentity": 200.0, "token": 120.0, PER_ADDRESS: 300.0}
)
"""AWS's default quotas in requests per second, for `knobs.quotas`; "token" counts both grants."""


@dataclass
class TokenBucket:
    """A bucket of tokens, one for each request, that fills up evenly.

    Attributes:
        rate: Tokens per second, and how many it holds.
        tokens: How many it holds now.
        filled_at: When `tokens` was right, in monotonic seconds.
    """

    rate: float
    tokens: float
    filled_at: float

    def admit(self, now: float) -> bool:
        """Takes a token; returns whether there was one."""
        self.tokens = min(self.rate, self.tokens + max(0.0, now - self.filled_at) * self.rate)
        self.filled_at = now
        if self.tokens < 1.0:
            return False
        self.tokens -= 1.0
        return True


class QuotaEnforcer:
    """The buckets of one Cognito.

    Args:
        monotonic: Seconds that never go back.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._buckets: dict[tuple[str, str], TokenBucket] = {}
        self._lock = threading.Lock()

    def admit(self, endpoint: str, address: str, quotas: Mapping[str, float]) -> bool:
        """Counts a request; returns whether each quota that applies to it allows it.

        Args:
            endpoint: The endpoint's name, as in the call counts.
            address: The client's address.
            quotas: Requests per second by the endpoint's name; "token" and PER_ADDRESS for both grants.
        """
        operation = endpoint.partition(":")[0]
        names = {(endpoint, ""), (operation, "")} | ({(PER_ADDRESS, address)} if operation == "token" else set())
        now = self._monotonic()
        with self._lock:
            buckets = [self._bucket(each, quotas[each[0]], now) for each in sorted(names) if each[0] in quotas]
            # Each bucket counts the request, also the one that another bucket refuses.
            admitted = [bucket.admit(now) for bucket in buckets]
        return all(admitted)

    def _bucket(self, name: tuple[str, str], rate: float, now: float) -> TokenBucket:
        bucket = self._buckets.get(name)
        if bucket is None or bucket.rate != rate:
            bucket = self._buckets[name] = TokenBucket(rate, rate, now)
        return bucket
