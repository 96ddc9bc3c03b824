"""What Tab completes: options and values of the magics, before and without all that IPython knows of Python."""

from __future__ import annotations

import atexit
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from cognito_jupyter.notebook.completion import LineCompleter, MagicCompleter
from cognito_jupyter.notebook.magics import CognitoMagics
from cognito_jupyter.notebook.matcher import LineMatcher

ROLES = ["Analyst", "Uploader", "My Role", "it's"]


@dataclass
class Tab:
    """Presses Tab in a real IPython.

    Attributes:
        shell: The shell.
    """

    shell: InteractiveShell

    def press(self, line: str) -> list[str]:
        """Returns the lines that Tab makes of a line, in the order in which they are shown."""
        with provisionalcompleter():
            found = list(self.shell.Completer.completions(line, len(line)))
        return [line[: each.start] + each.text for each in found]


@pytest.fixture(params=[True, False], ids=["jedi", "no jedi"], scope="module")
def tab(request: pytest.FixtureRequest) -> Iterator[Tab]:
    shell = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))  # type: ignore[no-untyped-call]
    shell.Completer.use_jedi = request.param
    roles = {"-r": lambda: ROLES, "--role-suffix": lambda: ROLES}
    login = MagicCompleter(CognitoMagics.cognito_login, roles, lambda: ROLES)
    completer = LineCompleter({"cognito_login": login, "cognito_status": None})
    shell.Completer.custom_matchers.append(LineMatcher(lambda: completer))
    yield Tab(shell)
    atexit.unregister(shell.atexit_operations)


def test_only_our_options_are_shown(tab: Tab) -> None:
    """IPython with jedi showed 211 entries, ours last."""
    lines = tab.press("%cognito_login --")
    assert lines[0] == "%cognito_login --role-suffix"
    assert len(lines) == 14
    assert all(line.startswith("%cognito_login --") for line in lines)


@pytest.mark.parametrize(
    "start",
    [
        "%cognito_login ",
        "cognito_login ",
        "session = %cognito_login ",
        "x = 1\n%cognito_login ",
        "%time %cognito_login ",
        "%%time\n%cognito_login ",
        "%time session = %cognito_login ",
        "took = %timeit -n1 -r 1 -o %cognito_login ",
    ],
)
@pytest.mark.parametrize(
    ("word", "completed"),
    [
        ("--sw", ["--switch-account"]),
        ("Up", ["Uploader"]),
        ("-r An", ["-r Analyst"]),
        ("--role-suffix=An", ["--role-suffix=Analyst"]),
        ("-r My", ["-r 'My Role'"]),
        ("-r 'My", ["-r 'My Role'"]),
        ('-r "My R', ['-r "My Role"']),
        ("'My Role' --fre", ["'My Role' --fresh"]),
        ("-r it", ["""-r 'it'"'"'s'"""]),
    ],
)
def test_a_word_is_completed(tab: Tab, start: str, word: str, completed: list[str]) -> None:
    assert tab.press(start + word) == [start + each for each in completed]


def test_roles_come_before_options_and_options_only_once(tab: Tab) -> None:
    lines = [line.removeprefix("%cognito_login --fresh ") for line in tab.press("%cognito_login --fresh ")]
    assert lines[:2] == ["Analyst", "Uploader"]
    assert "--paste" in lines
    assert "--fresh" not in lines


@pytest.mark.parametrize("word", ["--timeout ", "--profile=", "--fo", "Nobody", "-r Nobody", "--fresh --timeout 3"])
def test_where_nothing_of_ours_fits_no_names_of_python_are_shown(tab: Tab, word: str) -> None:
    """There were 325, of which one more Tab would have put `format` or `abs` into the line."""
    line = f"%cognito_login {word}"
    assert tab.press(line) in ([], [line])


@pytest.mark.parametrize("line", ["%cognito_status ", "%time %cognito_status ", "x = %cognito_status a"])
def test_a_magic_without_arguments_completes_to_nothing(tab: Tab, line: str) -> None:
    assert tab.press(line) in ([], [line])


def test_every_magic_has_a_completer() -> None:
    """Otherwise Tab after it shows hundreds of Python's names."""
    shell = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))  # type: ignore[no-untyped-call]
    try:
        magics = CognitoMagics(shell)
        assert set(magics._line_completer().magics) == set(CognitoMagics.magics["line"])
    finally:
        atexit.unregister(shell.atexit_operations)


@pytest.mark.parametrize(
    "line", ["import ope", "x = cognito_login", "%cognito_l", "print(%cognito_login --", "%time cognito_login --"]
)
def test_other_lines_are_ipythons(tab: Tab, line: str) -> None:
    assert not [each for each in tab.press(line) if "--role-suffix" in each]
