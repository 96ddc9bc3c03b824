"""Text from outside in everything that a user reads: it stays in its line, and hides and reverses nothing."""

from __future__ import annotations

import ast
import copy
import html
import inspect
import pickle
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

import cognito_jupyter.notebook.panel.html as panel_html
from cognito_jupyter import errors
from cognito_jupyter.cli import login as cli_login
from cognito_jupyter.errors import CognitoError, SettingError
from cognito_jupyter.notebook.completion import MagicCompleter
from cognito_jupyter.notebook.display.login_views import SignInLink
from cognito_jupyter.notebook.display.views import Note, Table, View
from cognito_jupyter.notebook.magics import CognitoMagics
from cognito_jupyter.settings.layers import known_profiles
from tests.settings.conftest import COMPLETE, write_file

PACKAGE = Path(errors.__file__).parent
OWN_MODULES = [each for each in PACKAGE.rglob("*.py") if not {"local", "demo"} & set(each.relative_to(PACKAGE).parts)]
HOSTILE = "a\x1b[8m\u202eb\n  domain = 'good.example'\r\x9b2Kc\u2028d\u2066\u200f\x07\x00e\u3164\u3164\u2800        f"
"""Conceals, reverses, and begins lines of its own, the last one by blanks alone."""
HOSTILE_NAME = HOSTILE.replace("\x00", "")
"""The same, for what an operating system takes: a path, a variable of the environment."""
ERROR_CLASSES = [each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, CognitoError)]


def assert_printable(text: str, lines: int = 1) -> None:
    """Checks that text has this many lines, and in them nothing that a terminal or a browser does not show as it is."""
    assert len(text.split("\n")) == lines, text
    for line in text.split("\n"):
        assert line.isprintable(), repr(line)
        assert not set(line) & set("\u115f\u1160\u2800\u3164\uffa0")
        assert "        f" not in line


# -- errors


@pytest.mark.parametrize("error_class", ERROR_CLASSES)
def test_every_error_is_one_printable_line(error_class: type[CognitoError]) -> None:
    error = error_class(f"{HOSTILE} cannot be read.", f"Remove {HOSTILE}.")
    for each in (error, copy.copy(error), pickle.loads(pickle.dumps(error))):
        for text in (str(each), each.what, each.remedy, repr(each)):
            assert_printable(text)
    assert "cannot be read. Remove a" in str(error)


@given(st.text())
def test_no_error_leaves_its_line_whatever_it_was_made_of(text: str) -> None:
    error = SettingError(text, text)
    assert_printable(str(error))
    assert SettingError(error.what).what == error.what


def test_an_error_keeps_names_as_they_are_written() -> None:
    for name in ("Zoë Müller, 山田, Łódź", "role KeyJones_of_1234567890", r"C:\Users\ada", "'it''s'"):
        assert SettingError(name).what == name


# -- what a cell, the panel and `cognito-jupyter status` show

VIEWS = [
    (Note((HOSTILE, HOSTILE)), 2),
    (Table(HOSTILE, ((HOSTILE, HOSTILE), ("x", HOSTILE)), notes=(HOSTILE,), link=(HOSTILE, "https://e.example/")), 5),
    (Table(HOSTILE, ((HOSTILE, HOSTILE),), header=(HOSTILE, HOSTILE), notes=(HOSTILE,)), 4),
    (SignInLink("https://good.example/login?x=1", 60, (HOSTILE,), HOSTILE), 7),
]


@pytest.mark.parametrize(("view", "lines"), VIEWS)
def test_every_view_keeps_outside_text_in_its_line_and_cell(view: View, lines: int) -> None:
    bundle = view._repr_mimebundle_()
    assert_printable(bundle["text/plain"].replace("  ", " "), lines)
    assert_printable(html.unescape(bundle["text/html"]))


def test_columns_are_as_wide_as_what_is_shown() -> None:
    first, second = Table("t", (("\x1b", "b"), ("four", "b"))).text().splitlines()[1:]
    assert first.index("b", 8) == second.index("b") == 8


def test_the_link_to_sign_in_stays_as_it_is_though_its_random_values_look_like_a_token() -> None:
    url = "https://good.example/login?state=eyJraWQiOiJhYmMifQ&nonce=1"
    assert url in SignInLink(url, 60).text()
    assert html.escape(url) in SignInLink(url, 60).html()
    assert url in Table("t", (("a", "b"),), link=("l", url)).text()
    options = panel_html.SignInOptions(url, "http://localhost:3000", None, listening=True)
    assert html.escape(url) in panel_html.sign_in_options(options, paste_box=True)


def test_every_part_of_the_panel_keeps_outside_text_in_its_line() -> None:
    now = datetime.now(UTC)
    options = panel_html.SignInOptions("https://good.example/", "http://localhost", HOSTILE, True, (HOSTILE,))
    parts = {
        "heading": panel_html.heading(HOSTILE, HOSTILE, HOSTILE),
        "sign_in_options": panel_html.sign_in_options(options, paste_box=False),
        "facts": panel_html.facts([(HOSTILE, HOSTILE)]),
        "time_left": panel_html.time_left(HOSTILE, now, 60, HOSTILE),
        "note": panel_html.note(HOSTILE),
    }
    for part in parts.values():
        assert_printable(html.unescape(part).replace("\n", ""))
    public = {name for name, value in inspect.getmembers(panel_html, inspect.isfunction) if name[0] != "_"}
    own = {name for name in public if getattr(panel_html, name).__module__ == panel_html.__name__}
    assert own - set(parts) == {"countdown", "local_time"}  # which show times only


def test_only_urls_and_what_is_one_printable_line_already_are_escaped_for_html() -> None:
    """A new line of a page that escapes text without `printable` is found here."""
    escaped: set[tuple[str, str]] = set()
    for path in OWN_MODULES:
        escaped |= {
            (path.name, text) for text in re.findall(r"html\.escape\(([^()]*)", path.read_text(encoding="utf-8"))
        }
    assert sorted(escaped) == [
        ("doctor.py", "printable"),
        ("html.py", "options.url"),
        ("html.py", "printable"),
        ("login_views.py", "self.url"),
        ("pages.py", "error"),
        ("pages.py", "url"),
        ("views.py", "printable"),
        ("views.py", "self.link[1]"),
    ]


def test_every_record_of_the_log_is_made_of_errors_and_constants() -> None:
    """What a service said reaches the log in an error of this package only, which is one printable line."""
    arguments = set()
    for path in OWN_MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("_LOG."):
                arguments |= {ast.unparse(each) for each in node.args if not isinstance(each, ast.Constant)}
    assert arguments - {"logging.NullHandler()"} == {"level", "subject", "failure", "self.warning"}


# -- the question about a settings file


@pytest.fixture
def hostile_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, as a clone may have brought it, with a settings file."""
    folder = tmp_path / f"clone {HOSTILE_NAME}"[:200]
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_a_folders_name_draws_no_line_in_the_question_about_its_settings_file(
    hostile_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [f"{name} = '{value}'" for name, value in {**COMPLETE, "domain": "evil.example"}.items()]
    write_file(hostile_folder / "cognito.toml", "\n".join([*lines, '[profile."x\\ny\\u001b[2K"]', "timeout = 9"]))
    monkeypatch.setattr("sys.stdin", TerminalThatSaysNo())
    with pytest.raises(SettingError, match="you did not confirm") as refused:
        cli_login.resolve_settings({})
    shown = capsys.readouterr().err
    assert_printable(shown.replace("    ", ""), 9)
    assert r"\x1b[8m\u202eb\x0a \x20domain = 'good.example'" in shown.splitlines()[0]
    assert_printable(str(refused.value))


class TerminalThatSaysNo:
    """Standard input of a user who declines."""

    @staticmethod
    def isatty() -> bool:
        return True

    @staticmethod
    def readline() -> str:
        return "no\n"


def test_a_profile_of_a_file_that_the_user_has_not_agreed_to_is_completed_only_if_it_can_be_typed(
    hostile_folder: Path,
) -> None:
    write_file(hostile_folder / "cognito.toml", '[profile."x\\u001b[2K"]\n[profile.lab]')
    completer = MagicCompleter(CognitoMagics.cognito_login, {"--profile": known_profiles}, lambda: [HOSTILE, "Analyst"])
    assert completer.complete("--profile ", "") == ["lab"]
    words = completer.complete("", "")
    assert [word for word in words if not word.startswith("--")] == ["Analyst"]
