"""Completes the options of the magics, and, once the user is signed in, role suffixes and profiles.

`extension` installs and removes the completers; IPython calls them on Tab.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace

from IPython.core.interactiveshell import InteractiveShell

from .._printable import printable
from .display.ipython import argument_parser


class MagicCompleter:
    """Completes the line of one magic.

    Args:
        magic: The magic.
        values: For some of its options, what returns their values.
        positionals: Returns the values that need no option.
    """

    def __init__(
        self,
        magic: Callable[..., None],
        values: Mapping[str, Callable[[], Sequence[str]]],
        positionals: Callable[[], Sequence[str]] = lambda: (),
    ) -> None:
        options = argument_parser(magic)._option_string_actions  # noqa: SLF001 - argparse has no public list of them
        self._options = [option for option in options if option.startswith("--")]
        self._values = values
        self._positionals = positionals

    def __call__(self, shell: InteractiveShell, event: SimpleNamespace) -> list[str]:  # noqa: ARG002 - IPython's interface
        """Returns the completions; IPython's interface for `complete_command`.

        Args:
            shell: The shell.
            event: `symbol` is the word being typed, and `text_until_cursor` the line up to the cursor.
        """
        before = event.text_until_cursor.removesuffix(event.symbol).split()
        values = self._values.get(before[-1]) if before else None
        if values is not None:
            return _quote(values())
        positionals = _quote(self._positionals())
        return [each for each in [*self._options, *positionals] if each not in before]


def _quote(words: Sequence[str]) -> list[str]:
    """Returns the words that a user can type, in quotation marks where they need them.

    IPython completes word by word and would cut a value at its first space. A profile's name may come from a file that
    the user has not agreed to.
    """
    return [shlex.quote(word) for word in words if word == printable(word)]
