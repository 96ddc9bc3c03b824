"""Keeps secrets out of reprs and logs.

Three means: dicts whose repr shows no value, for everything that travels between Cognito and this package; one text
whose repr does not show it; and a log filter for the packages below. At DEBUG botocore logs the id token that it sends,
the credentials that it receives, and the session token that it signs each request with; a user who turns on DEBUG does
not want to see those.

This module never decides what is a secret: the callers hand in their own.
"""

from __future__ import annotations

import contextlib
import logging
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from typing import TypeVar, cast
from urllib.parse import quote

from .closing import NotPicklable

_LOGGER_NAMES = ("botocore", "boto3", "urllib3", "s3transfer", "requests")
_DEBUG_SUPPRESSED: ContextVar[bool] = ContextVar("cognito_jupyter_debug_suppressed", default=False)
"""Whether this thread is in a call of this package that sends tokens or receives credentials."""

GetSecrets = Callable[[], Iterable[str]]
_Shape = TypeVar("_Shape", bound=Mapping[str, object])


class RedactedDict(dict[str, object]):
    """A dict whose repr shows only its keys; it works as any other otherwise."""

    def __repr__(self) -> str:
        return "{" + ", ".join(f"{key!r}: '...'" for key in self) + "}"


def redacted(shape: _Shape) -> _Shape:
    """Returns the same mapping as a `RedactedDict`; the static type is kept."""
    return cast("_Shape", RedactedDict(shape))


class Secret(NotPicklable):
    """One text that no repr, format or traceback shows; `reveal` returns it. Two are equal if their texts are.

    Args:
        text: The secret.
    """

    pickle_error = "A secret cannot be pickled or copied: it stays in this process."

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Returns the text. Call it in the expression that needs it, so that no variable holds it."""
        return self._text

    def __repr__(self) -> str:
        return "Secret('...')"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)


class RedactingFilter(logging.Filter):
    """Drops the DEBUG records of this package's own calls, and redacts known secrets in all other records.

    Args:
        get_secrets: Returns the current secrets; a weak reference, so that a logger does not keep them alive.
    """

    def __init__(self, get_secrets: weakref.WeakMethod[GetSecrets]) -> None:
        super().__init__()
        self.get_secrets = get_secrets

    def filter(self, record: logging.LogRecord) -> bool:
        """Returns whether to log the record, which is changed if it holds a secret."""
        if _DEBUG_SUPPRESSED.get() and record.levelno <= logging.DEBUG:
            return False
        get_secrets = self.get_secrets()
        if get_secrets is None:
            return True
        message = redacted_message = record.getMessage()
        for secret in get_secrets():
            for form in (secret, quote(secret, safe="")):
                redacted_message = redacted_message.replace(form, "...")
        if redacted_message != message:
            record.msg, record.args = redacted_message, None
        return True


@contextlib.contextmanager
def suppress_debug_logs() -> Iterator[None]:
    """Has the installed filters drop the DEBUG records that this thread logs inside the `with` statement."""
    token = _DEBUG_SUPPRESSED.set(True)
    try:
        yield
    finally:
        _DEBUG_SUPPRESSED.reset(token)


def install_redaction(get_secrets: GetSecrets) -> None:
    """Adds a `RedactingFilter` to each logger of botocore and its companions.

    Call it again after more of those packages have been imported: a filter works on its own logger only, not on the
    loggers below it.

    Args:
        get_secrets: A bound method that returns the current secrets; the filter is void once its object is gone.
    """
    reference = weakref.WeakMethod(get_secrets)
    for name in [*_LOGGER_NAMES, *logging.Logger.manager.loggerDict]:
        if name.partition(".")[0] not in _LOGGER_NAMES:
            continue
        logger = logging.getLogger(name)
        filters = [each for each in logger.filters if isinstance(each, RedactingFilter)]
        for existing in filters:
            # Its manager is gone.
            if existing.get_secrets() is None:
                logger.removeFilter(existing)
        if all(existing.get_secrets != reference for existing in filters):
            logger.addFilter(RedactingFilter(reference))
