"""Text from outside that is shown to a user."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given, strategies as st

from cognito_jupyter._printable import one_line

TOKEN = "eyJraWQiOiJhYmMifQ.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Attribute is not readable.", "Attribute is not readable."),
        ("Zoë Müller, 山田", "Zoë Müller, 山田"),
        ("two\r\nlines\tand\u00a0spaces\u2028here", "two lines and spaces here"),
        ("\x1b[31mred\x1b[0m and \x9b1mbold", "red and bold"),
        ("a \x1b]8;;https://example.org\x07link\x1b]8;;\x1b\\ b", "a link b"),
        ("\x1b]0;a title that never ends", ""),
        ("abc\u202egnp.exe\u2066x\u200f", "abcgnp.exex"),
        ("bell\x07 and null\x00", "bell and null"),
        ("half of a pair \ud800", "half of a pair"),
        (f"Invalid token {TOKEN}.", "Invalid token ..."),
        ("ey\u200bJraWQiOiJhYmMifQ is one, too", "... is one, too"),
        ("Hey Jude", "Hey Jude"),
    ],
)
def test_outside_text_is_shown_as_one_printable_line_without_tokens(text: str, shown: str) -> None:
    assert one_line(text) == shown


def test_a_long_text_is_cut_to_its_limit() -> None:
    assert one_line("word " * 100, 20) == "word word word wo..."


@given(st.text(), st.integers(min_value=3, max_value=300))
@example("\x1b\x1b[[31mm", 200)
def test_no_control_character_survives(text: str, limit: int) -> None:
    line = one_line(text, limit)
    assert len(line) <= limit
    assert line.isprintable()
    assert not [character for character in line if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]
    assert one_line(line, limit) == line
