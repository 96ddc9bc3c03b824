"""Completes the options of the magics, and, once the user is signed in, role suffixes and profiles.

`LineMatcher` calls it when the user presses Tab.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult

from .._printable import printable
from .arguments import outside_quotes
from .display.ipython import argument_parser

_MAGIC = re.compile(r"(?:^\s*|%)(\w+)\s")
"""A magic; at the start of a line its per cent sign may be missing (IPython's automagic)."""
_BEFORE_MAGIC = re.compile(r"\s*(?:[^%=]*=\s*)?(?:%\w+\s(?:[^%]*\s)?)?(?:[^%=]*=\s*)?")
"""What may stand in a line before a magic: an assignment, and another magic that runs it, as `%time` does."""


class LineCompleter:
    """Completes the lines of the magics.

    Args:
        magics: What completes the line of each magic, by its name; None for one that takes no arguments.

    Attributes:
        magics: As above.
    """

    def __init__(self, magics: Mapping[str, MagicCompleter | None]) -> None:
        self.magics = magics

    def complete(self, context: CompletionContext) -> SimpleMatcherResult:
        """Returns the completions of the word before the cursor; none outside of these magics.

        Args:
            context: The cell and the cursor in it.
        """
        text = context.text_until_cursor
        magics = (each for each in _MAGIC.finditer(text) if each[1] in self.magics)
        found = next((each for each in magics if _BEFORE_MAGIC.fullmatch(text, endpos=each.start())), None)
        if found is None:
            return {"completions": []}
        magic, line = self.magics[found[1]], text[found.end() :]
        start = max((at + 1 for at, character in outside_quotes(line).items() if character.isspace()), default=0)
        # IPython shows its own names where a matcher has none, so what is typed then completes to itself.
        words = (magic.complete(line[:start], line[start:]) if magic is not None else []) or [line[start:]]
        return {
            "completions": [SimpleCompletion(each, type="magic argument") for each in words],
            "matched_fragment": line[start:],
            "suppress": True,
            "ordered": True,
        }


class MagicCompleter:
    """Completes the line of one magic.

    Args:
        magic: The magic.
        values: For some of its options, what returns their values.
        positionals: Returns the values that need no option.
    """

    def __init__(
        self,
        magic: Callable[..., object],
        values: Mapping[str, Callable[[], Sequence[str]]],
        positionals: Callable[[], Sequence[str]] = lambda: (),
    ) -> None:
        options = argument_parser(magic)._option_string_actions  # noqa: SLF001 - argparse has no public list of them
        self._options = [option for option in options if option.startswith("--") and option != "--help"]
        self._with_value = {option for option, action in options.items() if action.nargs != 0}
        self._values = values
        self._positionals = positionals

    def complete(self, before: str, word: str) -> list[str]:
        """Returns what a word can become, in the order to show it.

        Args:
            before: The line before the word.
            word: The word that is being typed, perhaps with a quotation mark; empty: it has just begun.
        """
        words = before.split()
        if words and words[-1] in self._with_value:
            values = self._values.get(words[-1], tuple)
            return _completed(values(), word)
        option, equals, value = word.partition("=")
        if equals and option in self._values:
            return [f"{option}={each}" for each in _completed(self._values[option](), value)]
        options = [each for each in self._options if each not in words and each.startswith(word)]
        values_first = [each for each in _completed(self._positionals(), word) if each not in words]
        return options if word.startswith("-") else [*values_first, *options]


def _completed(values: Sequence[str], word: str) -> list[str]:
    """Returns the values that begin with a word, as a user can type them, in quotation marks where they need them.

    A profile's name may come from a file that the user has not agreed to.

    Args:
        values: The values.
        word: The word, perhaps with a quotation mark at its start, which the values then get too.
    """
    quote = word[:1] if word[:1] in {'"', "'"} else ""
    fitting = [each for each in values if each == printable(each) and each.startswith(word.removeprefix(quote))]
    return [f"{quote}{each}{quote}" if quote and quote not in each else shlex.quote(each) for each in fitting]
