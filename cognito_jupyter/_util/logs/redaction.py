"""A log filter that redacts secrets in what botocore, urllib3 and their companions log.

At DEBUG botocore logs the id token that it sends, the credentials that it receives, and the session token that it signs
each request with; a user who turns on DEBUG does not want to see those. Three means: the DEBUG records of this
package's own calls are dropped; secrets are redacted by their form (`secret_forms`); and the secrets that a living
manager holds are redacted wherever they occur. `http_client` does the same for what http.client prints.

The filter belongs to the loggers, and so does its state.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .http_client import install_redacting_print
from .secret_forms import redact_by_form

_LOGGER_NAMES = (
    *("aiobotocore", "aiohttp", "boto3", "botocore", "httpcore", "httpx"),
    *("py4j", "requests", "s3fs", "s3transfer", "urllib3"),
)
_DEBUG_SUPPRESSED: ContextVar[bool] = ContextVar("cognito_jupyter_debug_suppressed", default=False)
"""Whether this thread is in a call of this package that sends tokens or receives credentials."""

GetSecrets = Callable[[], Iterable[str]]


class RedactingFilter(logging.Filter):
    """Drops the DEBUG records of this package's own calls, and redacts secrets in all other records.

    It never raises: a record whose message and arguments do not fit is logged as one text that holds both.

    Attributes:
        sources: Return the secrets of living objects; weak references, so that a logger keeps none of these alive.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sources: tuple[weakref.WeakMethod[GetSecrets], ...] = ()

    def add_source(self, get_secrets: GetSecrets) -> None:
        """Adds a source of secrets, and forgets those that are gone.

        Args:
            get_secrets: A bound method that returns the current secrets of its object.
        """
        reference = weakref.WeakMethod(get_secrets)
        living = tuple(each for each in self.sources if each() is not None and each != reference)
        self.sources = (*living, reference)

    def filter(self, record: logging.LogRecord) -> bool:
        """Returns whether to log the record, which is changed if it holds a secret."""
        if _DEBUG_SUPPRESSED.get() and record.levelno <= logging.DEBUG:
            return False
        try:
            self._redact_message(record)
            self._redact_traceback(record)
        except Exception:  # noqa: BLE001 - a record that cannot be read must not fail the caller who logs it
            record.msg, record.args = "A record that cannot be formatted was logged here.", None
            record.exc_info = record.exc_text = None
        return True

    def redact(self, text: str) -> str:
        """Returns text without secrets.

        Args:
            text: A line of a log.
        """
        for source in self.sources:
            get_secrets = source()
            for secret in get_secrets() if get_secrets is not None else ():
                if secret:
                    text = text.replace(secret, "...").replace(quote(secret, safe=""), "...")
        return redact_by_form(text)

    def _redact_message(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001 - the caller's message and arguments do not fit
            # logging would print both, unredacted, to stderr.
            record.msg, record.args = self.redact(f"{record.msg} {record.args!r}"), None
            return
        redacted_message = self.redact(message)
        if redacted_message != message:
            record.msg, record.args = redacted_message, None

    def _redact_traceback(self, record: logging.LogRecord) -> None:
        """Formats an exception ahead of the handlers if its text holds a secret, as the parameters of a URL do."""
        if not isinstance(record.exc_info, tuple) or record.exc_info[0] is None:
            return
        text = record.exc_text or logging.Formatter().formatException(record.exc_info)
        redacted_text = self.redact(text)
        if redacted_text != text:
            record.exc_info, record.exc_text = None, redacted_text


@contextlib.contextmanager
def suppress_debug_logs() -> Iterator[None]:
    """Drops the DEBUG records that this thread logs inside the `with` statement, and what http.client prints."""
    install_redacting_print(_DEBUG_SUPPRESSED.get)
    token = _DEBUG_SUPPRESSED.set(True)
    try:
        yield
    finally:
        _DEBUG_SUPPRESSED.reset(token)


def install_redaction(get_secrets: GetSecrets | None = None, *, ahead_of_imports: bool = False) -> None:
    """Adds the `RedactingFilter` to each logger of botocore and its companions, and redacts what http.client prints.

    Call it again after more of those packages have been imported: a filter works on its own logger only, not on the
    loggers below it.

    Args:
        get_secrets: A bound method that returns the current secrets; it is forgotten once its object is gone. None:
            only secrets that their form gives away are redacted.
        ahead_of_imports: Whether to do it for the modules of those packages too that have not been imported: for a
            process that calls this only once.
    """
    install_redacting_print(_DEBUG_SUPPRESSED.get)
    redacting_filter = _installed_filter(_logger(_LOGGER_NAMES[0])) or RedactingFilter()
    if get_secrets is not None:
        redacting_filter.add_source(get_secrets)
    module_names = _installed_modules() if ahead_of_imports else ()
    for name in [*_LOGGER_NAMES, *module_names, *logging.Logger.manager.loggerDict]:
        logger: Any = _logger(name) if name.partition(".")[0] in _LOGGER_NAMES else None
        if logger is not None:
            logger.addFilter(redacting_filter)  # which logging does once


def _installed_modules() -> Iterator[str]:
    """Yields the names of all modules of those packages; their loggers have the same names. It imports none of them."""
    for package in _LOGGER_NAMES:
        try:
            spec = importlib.util.find_spec(package)
        except ValueError:  # it is loaded, and nobody knows from where
            continue
        for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
            for path in Path(folder).rglob("*.py"):
                yield ".".join([package, *path.relative_to(folder).with_suffix("").parts]).removesuffix(".__init__")


def _logger(name: str) -> logging.Logger:
    """Returns a logger; if it exists already, without the lock of logging.

    Python 3.11 acquires that lock in a function of its own: it stays locked if an interrupt hits the main thread there,
    and every other thread that calls getLogger would wait forever.
    """
    known = logging.Logger.manager.loggerDict.get(name)
    return known if isinstance(known, logging.Logger) else logging.getLogger(name)


def _installed_filter(logger: logging.Logger) -> RedactingFilter | None:
    return next((each for each in logger.filters if isinstance(each, RedactingFilter)), None)
