"""Completes the options of the magics, and, once the user is signed in, role suffixes and profiles.

`extension` installs and removes the completers; IPython calls them on Tab.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from .display.ipython import hook_chains, set_hook

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_EVENT = "complete_command"


class _CompletionEvent(Protocol):
    """What IPython passes to a completer.

    Attributes:
        symbol: The word being typed.
        text_until_cursor: The line up to the cursor.
    """

    symbol: str
    text_until_cursor: str


class MagicCompleter:
    """Completes the line of one magic.

    Args:
        options: The options of the magic.
        values: For some options, what returns their values.
        positionals: Returns the values that need no option.
    """

    def __init__(
        self,
        options: Sequence[str],
        values: Mapping[str, Callable[[], Sequence[str]]],
        positionals: Callable[[], Sequence[str]] = lambda: (),
    ) -> None:
        self._options = options
        self._values = values
        self._positionals = positionals

    def __call__(self, shell: InteractiveShell, event: _CompletionEvent) -> list[str]:  # noqa: ARG002 - IPython's interface
        """Returns the completions; IPython's interface for `complete_command`."""
        before = event.text_until_cursor.removesuffix(event.symbol).split()
        values = self._values.get(before[-1]) if before else None
        if values is not None:
            # IPython completes word by word and would cut a value at its first space.
            return [shlex.quote(value) for value in values()]
        positionals = [shlex.quote(word) for word in self._positionals()]
        return [each for each in [*self._options, *positionals] if each not in before]


def install_completers(shell: InteractiveShell, completers: Mapping[str, MagicCompleter]) -> None:
    """Installs completers.

    Args:
        shell: The shell.
        completers: The completers, by magic: "%cognito_login" and so on.
    """
    for magic, completer in completers.items():
        set_hook(shell, _EVENT, completer, str_key=magic)


def remove_completers(shell: InteractiveShell, completers: Mapping[str, MagicCompleter]) -> None:
    """Removes completers, for which IPython has no public method.

    Args:
        shell: The shell.
        completers: As given to `install_completers`.
    """
    chains = hook_chains(shell, _EVENT)
    for magic, completer in completers.items():
        chain = chains.get(magic)
        if chain is None:
            continue
        chain.chain = [entry for entry in chain.chain if getattr(entry[1], "__func__", None) is not completer]
        if not chain.chain:
            del chains[magic]
