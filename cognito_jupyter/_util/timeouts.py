"""How long Cognito is waited for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Timeouts:
    """How long Cognito is waited for, in seconds; the defaults suit a person who waits beside it.

    Attributes:
        connect: For a connection.
        read: For the next part of an answer.
        total: For a whole answer, which may come in drips.
        retry_delays: Before each repetition of a request to the user pool that is safe to repeat, jittered. How often
            the
            identity pool is asked again is botocore's setting, `AWS_MAX_ATTEMPTS`.
    """

    connect: float = 5.0
    read: float = 15.0
    total: float = 30.0
    retry_delays: tuple[float, ...] = (0.2, 0.6, 1.8)


DEFAULT_TIMEOUTS = Timeouts()
