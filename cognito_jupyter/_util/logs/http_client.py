"""Redacts what http.client prints when its `debuglevel` is set: requests with their headers and forms.

http.client has no logger: it calls `print`. A name `print` in that module comes before the built-in one, which is how
others lead this output into a log; one that is there already is called with the redacted text. A connection class of
this package's own would not do: the sessions that users get have botocore's.
"""

from __future__ import annotations

import builtins
import http.client
from collections.abc import Callable
from typing import Any

from .secret_forms import redact_by_form

_NAME = "print"


class RedactingPrint:
    """Prints without secrets, or nothing.

    Args:
        original: What the module called before; None: the built-in `print`.
        is_suppressed: Returns whether to print nothing.
    """

    def __init__(self, original: Callable[..., object] | None, is_suppressed: Callable[[], bool]) -> None:
        self._original = original
        self._is_suppressed = is_suppressed

    def __call__(self, *values: object, **options: Any) -> None:
        """Prints values.

        Args:
            values: As for `print`.
            options: As for `print`.
        """
        if not self._is_suppressed():
            (self._original or builtins.print)(*(redact_by_form(str(value)) for value in values), **options)


def install_redacting_print(is_suppressed: Callable[[], bool]) -> None:
    """Has http.client print through a `RedactingPrint`; a second call changes nothing.

    Args:
        is_suppressed: Returns whether to print nothing.
    """
    current = vars(http.client).get(_NAME)
    if not isinstance(current, RedactingPrint):
        setattr(http.client, _NAME, RedactingPrint(current, is_suppressed))
