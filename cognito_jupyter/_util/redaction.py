"""Keeps what is ours and secret out of other packages' logs.

At DEBUG botocore logs the id token it sends, the keys it receives, and the session token that each request is signed
with. Nobody turns DEBUG on to see those.
"""

from __future__ import annotations

import contextlib
import logging
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from urllib.parse import quote

_LOGGER_NAMES = ("botocore", "boto3", "urllib3", "s3transfer", "requests")
_DEBUG_SUPPRESSED: ContextVar[bool] = ContextVar("cognito_jupyter_quiet", default=False)
"""Whether this thread is in the middle of a call of ours that carries tokens or brings keys."""

GetSecrets = Callable[[], Iterable[str]]


class RedactingFilter(logging.Filter):
    """Drops the DEBUG records of our own calls, and blots known secrets out of all others.

    Args:
        get_secrets: What to blot out now; a weak reference, so that a logger keeps nobody's secrets alive.
    """

    def __init__(self, get_secrets: weakref.WeakMethod[GetSecrets]) -> None:
        super().__init__()
        self._get_secrets = get_secrets

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record may go on; changed where it held a secret."""
        if _DEBUG_SUPPRESSED.get() and record.levelno <= logging.DEBUG:
            return False
        secrets = self._get_secrets()
        if secrets is not None:
            _redact(record, secrets())
        return True


@contextlib.contextmanager
def suppress_debug_logs() -> Iterator[None]:
    """Marks what happens inside as ours; its DEBUG records are dropped by the filters."""
    token = _DEBUG_SUPPRESSED.set(True)
    try:
        yield
    finally:
        _DEBUG_SUPPRESSED.reset(token)


def install_redaction(get_secrets: GetSecrets) -> None:
    """Sees to it that no logger of botocore and its companions shows what a method returns.

    To be called again after more of those packages have been imported: a filter works on its own logger alone.

    Args:
        get_secrets: A bound method that returns the secrets of now; the filter goes when its object goes.
    """
    reference = weakref.WeakMethod(get_secrets)
    for name in [*_LOGGER_NAMES, *logging.Logger.manager.loggerDict]:
        if name.partition(".")[0] in _LOGGER_NAMES:
            _attach(logging.getLogger(name), RedactingFilter(reference))


def _attach(logger: logging.Logger, new_filter: RedactingFilter) -> None:
    # Those of managers that are gone go with the first new one.
    for existing in [each for each in logger.filters if isinstance(each, RedactingFilter)]:
        if existing._get_secrets() is None:  # noqa: SLF001 - the same class's
            logger.removeFilter(existing)
        elif existing._get_secrets == new_filter._get_secrets:  # noqa: SLF001
            return
    logger.addFilter(new_filter)


def _redact(record: logging.LogRecord, secrets: Iterable[str]) -> None:
    message = record.getMessage()
    redacted = message
    for secret in secrets:
        for form in (secret, quote(secret, safe="")):
            redacted = redacted.replace(form, "...")
    if redacted != message:
        record.msg, record.args = redacted, None
