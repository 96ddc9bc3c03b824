"""The matcher that IPython calls on Tab; what completes the lines of the magics is loaded at the first one.

`extension` installs and removes it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.completer import CompletionContext, SimpleMatcherResult

    from .completion import LineCompleter


class LineMatcher:
    """Completes the lines of the magics, as a matcher of IPython.

    Its completions are all that is shown: IPython's matcher for Python knows hundreds of names that fit no magic.

    Args:
        load_completer: Makes what completes them.
    """

    matcher_api_version = 2
    matcher_identifier = "cognito_jupyter"
    matcher_priority = 1000.0

    def __init__(self, load_completer: Callable[[], LineCompleter]) -> None:
        self.__qualname__ = type(self).__qualname__  # IPython reads it of every matcher
        self._load_completer = load_completer

    @functools.cached_property
    def _completer(self) -> LineCompleter:
        return self._load_completer()

    def __call__(self, context: CompletionContext) -> SimpleMatcherResult:
        """Returns the completions of the word before the cursor; none outside of these magics.

        Args:
            context: The cell and the cursor in it.
        """
        return self._completer.complete(context)
