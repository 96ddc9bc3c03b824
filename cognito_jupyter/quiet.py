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

_SOURCES = ("botocore", "boto3", "urllib3", "s3transfer", "requests")
_QUIET: ContextVar[bool] = ContextVar("cognito_jupyter_quiet", default=False)
"""Whether this thread is in the middle of a call of ours that carries tokens or brings keys."""

Secrets = Callable[[], Iterable[str]]


class SecretFilter(logging.Filter):
    """Drops the DEBUG records of our own calls, and blots known secrets out of all others.

    Args:
        secrets: What to blot out now; a weak reference, so that a logger keeps nobody's secrets alive.
    """

    def __init__(self, secrets: weakref.WeakMethod[Secrets]) -> None:
        super().__init__()
        self._secrets = secrets

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record may go on; changed where it held a secret."""
        if _QUIET.get() and record.levelno <= logging.DEBUG:
            return False
        secrets = self._secrets()
        if secrets is not None:
            _blot(record, secrets())
        return True


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Marks what happens inside as ours; its DEBUG records are dropped by the filters."""
    token = _QUIET.set(True)
    try:
        yield
    finally:
        _QUIET.reset(token)


def keep_out_of_logs(secrets: Secrets) -> None:
    """Sees to it that no logger of botocore and its companions shows what a method returns.

    To be called again after more of those packages have been imported: a filter works on its own logger alone.

    Args:
        secrets: A bound method that returns the secrets of now; the filter goes when its object goes.
    """
    reference = weakref.WeakMethod(secrets)
    for name in [*_SOURCES, *logging.Logger.manager.loggerDict]:
        if name.partition(".")[0] in _SOURCES:
            _attach(logging.getLogger(name), SecretFilter(reference))


def _attach(logger: logging.Logger, own: SecretFilter) -> None:
    # Those of managers that are gone go with the first new one.
    for other in [each for each in logger.filters if isinstance(each, SecretFilter)]:
        if other._secrets() is None:  # noqa: SLF001 - the same class's
            logger.removeFilter(other)
        elif other._secrets == own._secrets:  # noqa: SLF001
            return
    logger.addFilter(own)


def _blot(record: logging.LogRecord, secrets: Iterable[str]) -> None:
    message = record.getMessage()
    clean = message
    for secret in secrets:
        for form in (secret, quote(secret, safe="")):
            clean = clean.replace(form, "...")
    if clean != message:
        record.msg, record.args = clean, None
