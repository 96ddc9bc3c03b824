"""A user id that the system does not know, with no HOME: as in many containers. Nothing is written where it stands."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cognito_jupyter.local import LocalCognito
from tests.cli.test_commands import Terminal, folder
from tests.support.forked_commands import Commands
from tests.support.systems import needs_xdg

__all__ = ["folder"]  # a fixture

NO_HOME = "has no home folder on this computer, so no sign-in can be read or stored. Set COGNITO_JUPYTER_FOLDER"
WITHOUT_HOME = """
import os, pwd, sys
for name in ("HOME", "COGNITO_JUPYTER_FOLDER", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
    os.environ.pop(name, None)
def unknown(uid):
    raise KeyError(uid)
pwd.getpwuid = unknown
"""


@pytest.fixture
def terminal(cognito: LocalCognito) -> Terminal:
    return Terminal(cognito)


@pytest.fixture
def no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder of a user without a home; every new interpreter takes it for such a user's."""
    packages = tmp_path / "packages"
    packages.mkdir()
    (packages / "sitecustomize.py").write_text(WITHOUT_HOME)
    monkeypatch.setenv("PYTHONPATH", str(packages))
    working_folder = tmp_path / "work"
    working_folder.mkdir()
    monkeypatch.chdir(working_folder)
    return working_folder


@pytest.mark.parametrize("command", [("login",), ("status",), ("logout", "--all"), ("credential-process", "name")])
def test_commands_name_the_cause_and_leave_nothing(terminal: Terminal, no_home: Path, command: tuple[str, ...]) -> None:
    error = terminal.run(*command, code=1)
    assert NO_HOME in error
    assert "Traceback" not in error
    assert terminal.login_count == 0
    assert not list(no_home.iterdir())


@pytest.mark.parametrize("variable", ["COGNITO_JUPYTER_FOLDER", pytest.param("XDG_STATE_HOME", marks=needs_xdg)])
def test_a_relative_state_folder_is_no_home_either(
    cognito: LocalCognito, commands: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COGNITO_JUPYTER_FOLDER")
    monkeypatch.setenv(variable, "state")
    assert NO_HOME in Terminal(cognito, commands).run("login", code=1)
    assert not list(tmp_path.iterdir())


def test_a_sign_in_planted_in_the_working_folder_is_not_read(terminal: Terminal, folder: Path, no_home: Path) -> None:
    """A folder whose name is ~, in a clone or an archive."""
    home = no_home / "~" / ".local" / "state" / "cognito_jupyter" / "sign-ins"
    home.mkdir(mode=0o700, parents=True)
    (home / f"{'0' * 32}.sign-in").touch(mode=0o600)
    assert NO_HOME in terminal.run("status", code=1)
    assert [path.name for path in home.iterdir()] == [f"{'0' * 32}.sign-in"]


def test_the_working_folder_of_the_check_has_no_home(no_home: Path) -> None:
    program = "import os; print(os.path.expanduser('~'))"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout == "~\n"
