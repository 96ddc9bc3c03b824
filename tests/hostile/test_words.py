"""Every character that a terminal or a browser does not show as it is, in everything that shows text from outside."""

from __future__ import annotations

import functools
import sys
import unicodedata
from collections.abc import Callable

import pytest

from cognito_jupyter._printable import one_line, printable
from cognito_jupyter.errors import SettingError
from cognito_jupyter.notebook.display.views import Note, Table
from cognito_jupyter.notebook.panel import html as panel_html

from .attempts import Attempts

_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp", "Zs"}
_SAMPLED = {"Cs", "Co"}
"""Of these categories there are thousands, all alike: one in a hundred."""
BLANKS = "\u115f\u1160\u2800\u3164\uffa0"
PLACES: dict[str, Callable[[str], str]] = {
    "an error": lambda text: str(SettingError(f"{text} is no folder.", f"Remove {text}.")),
    "a table": lambda text: Table("title", ((text, "value"),)).text().split("\n", 1)[1],
    "a note": lambda text: Note((text,)).text(),
    "the panel": panel_html.note,
    "a line": one_line,
    "a path": printable,
}


@functools.cache
def hidden_characters() -> tuple[str, ...]:
    """Returns those of these categories. Not at import: each process of the tests imports all modules."""
    return tuple(
        character
        for number, character in enumerate(map(chr, range(sys.maxunicode + 1)))
        if (category := unicodedata.category(character)) in _HIDDEN
        and (category not in _SAMPLED or number % 100 == 0)
        and character != " "
    )


@pytest.mark.parametrize("place", PLACES)
def test_no_character_hides_or_moves_what_is_shown(attempts: Attempts, place: str) -> None:
    show = PLACES[place]
    odd = frozenset({*hidden_characters(), *BLANKS})
    for character in odd:
        for text in (f"a{character}b", character, f"{character}domain = 'good.example'"):
            shown = show(text)
            holds = shown.isprintable() and odd.isdisjoint(shown)
            attempts.check(f"U+{ord(character):04X} in {text!r}", holds)


def test_the_search_finds_each_character_in_a_plain_text() -> None:
    """Otherwise the test above could not fail."""
    odd = frozenset({*hidden_characters(), *BLANKS})
    for character in odd:
        text = f"a{character}b"
        assert not text.isprintable() or not odd.isdisjoint(text)
