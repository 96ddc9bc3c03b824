"""How long Cognito is waited for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Patience:
    """How long Cognito is waited for, in seconds; the defaults suit a person who waits beside it.

    Attributes:
        connect: For a connection.
        read: For the next part of an answer.
        whole: For a whole answer, which may come in drips.
        pauses: Before each repetition of a request to the user pool that is safe to repeat, jittered. How often the
            identity pool is asked again is botocore's setting, `AWS_MAX_ATTEMPTS`.
    """

    connect: float = 5.0
    read: float = 15.0
    whole: float = 30.0
    pauses: tuple[float, ...] = (0.2, 0.6, 1.8)


USUAL = Patience()
