"""A model of Cognito: an outage, and quotas that count the requests of each window of time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from cognito_jupyter.errors import UnavailableError
from cognito_jupyter.local.quotas import AWS_QUOTAS

TOKEN, EXCHANGE = "token", "GetCredentialsForIdentity"
QUOTAS: Mapping[str, float] = {name: AWS_QUOTAS[name] for name in (TOKEN, EXCHANGE)}


class ThrottledError(UnavailableError):
    """The service received too many requests."""


@dataclass
class CognitoModel:
    """The token endpoint and the identity pool, which fail during an outage and throttle what exceeds their quotas.

    Attributes:
        outage: When the outage begins and ends, in seconds of the virtual clock.
        window: The length of a window of time in seconds. With a twentieth of the kernels and windows of twenty
            seconds, the numbers in each window are those of all kernels in a second.
        scale: Which part of AWS's quotas applies.
        requests: How many requests came in each window, by operation.
    """

    outage: tuple[float, float]
    window: float = 1.0
    scale: float = 1.0
    requests: dict[str, Counter[int]] = field(default_factory=lambda: {name: Counter() for name in QUOTAS})

    def quota(self, operation: str) -> float:
        """Returns how many requests a window admits."""
        return QUOTAS[operation] * self.scale * self.window

    def send(self, operation: str, now: float) -> None:
        """Counts a request.

        Raises:
            ThrottledError: There were too many in this window.
            UnavailableError: The service is down.
        """
        window = int(now // self.window)
        self.requests[operation][window] += 1
        if self.outage[0] <= now < self.outage[1]:
            raise UnavailableError("The service is down.", "Try again in a minute.")
        if self.requests[operation][window] > self.quota(operation):
            raise ThrottledError("The service is throttling.", "Try again in a minute.")

    def exceeded_twice(self, operation: str) -> Iterator[float]:
        """Yields each time at which the quota is exceeded for the second window in a row; an outage counts too."""
        requests, quota = self.requests[operation], self.quota(operation)
        for window in sorted(requests):
            if requests[window] > quota and requests[window - 1] > quota:
                yield window * self.window

    def rates(self, operation: str, step: float) -> dict[float, float]:
        """Returns the requests per second, averaged over steps of some seconds, by the step's beginning.

        Args:
            operation: The operation.
            step: Seconds; a multiple of the window.
        """
        sums: Counter[float] = Counter()
        for window, count in self.requests[operation].items():
            sums[window * self.window // step * step] += count
        return {time: count / step for time, count in sorted(sums.items())}
