"""Keeps what is pasted into a panel out of the logs of the kernel.

At DEBUG the logger `Comm` and that of ipykernel (`--debug`) write each message of a widget, and with it the address
that a user pastes. A widget's id is its comm's, and each of its messages names it: the ids of this package's widgets
have a form of their own, by which a filter recognizes the records.
"""

from __future__ import annotations

import logging
import re
import uuid
from typing import Any

_PREFIX = "cognito-jupyter-"
_MODEL_ID = re.compile(_PREFIX + r"[0-9a-f]{32}")
_COMM_LOGGER = "Comm"
"""The logger of the package comm."""


def new_model_id() -> str:
    """Returns the id for a widget whose messages must not be logged."""
    return _PREFIX + uuid.uuid4().hex


class _CommFilter(logging.Filter):
    """Replaces the records that hold a message of this package's widgets; it never raises."""

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001 - the caller's message and arguments do not fit, which logging itself reports
            message = _text_of(record.args)
        if _MODEL_ID.search(message):
            record.msg, record.args = "A message of cognito_jupyter's panel, which is not logged.", None
            record.exc_info = record.exc_text = None
        return True


def redact_comm_logs(kernel: Any) -> None:
    """Has the loggers that write comm messages leave out those of this package's widgets.

    Args:
        kernel: The kernel of ipykernel; None: there is none, and only the package comm logs.
    """
    kernel_log = getattr(kernel, "log", None)
    for log in (logging.getLogger(_COMM_LOGGER), getattr(kernel_log, "logger", kernel_log)):
        if isinstance(log, logging.Logger) and not any(isinstance(each, _CommFilter) for each in log.filters):
            log.addFilter(_CommFilter())


def _text_of(value: object) -> str:
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 - an object of the caller's that cannot be shown
        return ""
