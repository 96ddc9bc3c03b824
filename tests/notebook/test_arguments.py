"""How the line of a magic is read: comments, semicolons, quotation marks."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given, strategies as st

from cognito_jupyter.errors import SettingError
from cognito_jupyter.notebook.arguments import parse_line, without_comment
from cognito_jupyter.notebook.magics import CognitoMagics
from cognito_jupyter.notebook.model.login_requests import LoginArguments


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Analyst  # it's mine", "Analyst"),
        ("Analyst # 'quoted", "Analyst"),
        ("Analyst;", "Analyst"),
        ("Analyst ; ;  ", "Analyst"),
        ("Analyst ; # done", "Analyst"),
        ("# nothing", ""),
        (";", ""),
        ("", ""),
        ("'My #1 role'", "'My #1 role'"),
        ("'Analyst;'", "'Analyst;'"),
        ("issue#7", "issue#7"),
        (r"Analyst\;", r"Analyst\;"),
        ("'open # mark", "'open # mark"),
    ],
)
def test_a_comment_and_semicolons_are_no_part_of_a_line(line: str, expected: str) -> None:
    assert without_comment(line) == expected


@pytest.mark.parametrize("line", ["Analyst  # my role", "-r Analyst;", "--role-suffix=Analyst ; # it's mine"])
def test_they_are_no_part_of_the_role(line: str) -> None:
    assert parse_line(line, CognitoMagics.cognito_login, LoginArguments).role_suffix == "Analyst"


def test_an_address_in_a_comment_is_refused_as_one_in_the_line_is() -> None:
    """The cell is saved with its text in either case."""
    line = "Analyst # http://localhost:3000/?code=0123456789abcdef0123456789&state=abcdefghijklmnopqrstuvwxyz012345"
    with pytest.raises(SettingError, match="holds the address"):
        parse_line(line, CognitoMagics.cognito_login, LoginArguments)


@given(st.lists(st.text(min_size=1), min_size=1), st.text())
def test_quoted_words_are_read_as_they_are_whatever_the_comment_holds(words: list[str], comment: str) -> None:
    line = " ".join(map(shlex.quote, words))
    quoted = [word for word in words if shlex.quote(word) != word]
    assert shlex.split(without_comment(f"{line} # {comment}")) == words
    assert shlex.split(without_comment(f"{line} ;")) == words or not quoted
