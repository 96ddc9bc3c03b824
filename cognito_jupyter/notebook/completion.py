"""Tab behind the magics: options, profiles and, once signed in, role suffixes."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from .display.ipython import hook_chains, set_hook

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_EVENT = "complete_command"

Values = Mapping[str, Callable[[], Sequence[str]]]
"""From an option to the values that may follow it."""


class _CompletionEvent(Protocol):
    """What IPython tells a completer: the word being typed, and the line up to it."""

    symbol: str
    text_until_cursor: str


class MagicCompleter:
    """Completes one magic's line.

    Args:
        options: Its options.
        values: What may follow some of them.
        positionals: What may stand by itself.
    """

    def __init__(
        self, options: Sequence[str], values: Values, positionals: Callable[[], Sequence[str]] = lambda: ()
    ) -> None:
        self._options = options
        self._values = values
        self._positionals = positionals

    def __call__(self, shell: InteractiveShell, event: _CompletionEvent) -> list[str]:  # noqa: ARG002 - IPython's interface
        """IPython's interface for `complete_command`."""
        before = event.text_until_cursor.removesuffix(event.symbol).split()
        values = self._values.get(before[-1]) if before else None
        if values is not None:
            # IPython completes word by word and would cut a value at its first space.
            return [shlex.quote(value) for value in values()]
        positionals = [shlex.quote(word) for word in self._positionals()]
        return [each for each in [*self._options, *positionals] if each not in before]


def install_completers(shell: InteractiveShell, completers: Mapping[str, MagicCompleter]) -> None:
    """Lets the completers answer for their magics, "%cognito_login" and so on."""
    for magic, completer in completers.items():
        set_hook(shell, _EVENT, completer, str_key=magic)


def remove_completers(shell: InteractiveShell, completers: Mapping[str, MagicCompleter]) -> None:
    """Takes the completers away; IPython has no public way to do so."""
    chains = hook_chains(shell, _EVENT)
    for magic, completer in completers.items():
        chain = chains.get(magic)
        if chain is None:
            continue
        chain.chain = [entry for entry in chain.chain if getattr(entry[1], "__func__", None) is not completer]
        if not chain.chain:
            del chains[magic]
