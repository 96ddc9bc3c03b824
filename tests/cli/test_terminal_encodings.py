"""Terminals that cannot show every name: each command prints what it can and fails on none.

Child processes with the encodings of a Windows console (cp1252), of a container without a locale (ASCII), and UTF-8
with a folder whose name is not UTF-8. Most commands are forked; one login for each encoding and all other programs have
an interpreter of their own.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from cognito_jupyter.local import LocalCognito
from tests.support.forked_commands import Commands
from tests.support.terminal import run_command_in_terminal, run_in_terminal

NAME, PASSWORD = "Zoë漢", "correct-horse-battery"
ENCODINGS = {
    # What the terminal shows of the user's name.
    "cp1252": "Zoë\\u6f22",
    "ascii": "Zo\\xeb\\u6f22",
    "utf-8": "Zoë漢",
}


@pytest.fixture(params=ENCODINGS)
def encoding(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class EncodedTerminal:
    """Runs programs with the terminal's encoding, and signs in where one asks for it.

    Args:
        cognito: The Cognito to sign in at.
        encoding: The terminal's encoding.
        state: The folder of the stored sign-ins.
        commands: Starts the commands.
    """

    def __init__(self, cognito: LocalCognito, encoding: str, state: Path, commands: Commands) -> None:
        cognito.add_user(NAME, PASSWORD, ("Analyst",), "zoë@example.org")
        self.encoding = encoding
        self.shown_name = ENCODINGS[encoding]
        self.commands = commands
        self._environment = {**os.environ, "PYTHONIOENCODING": encoding, "COGNITO_JUPYTER_FOLDER": str(state)}

    def run(self, *words: str, code: int = 0) -> str:
        """Runs `cognito-jupyter` to its end, and returns all that it printed."""
        user, encoding = (NAME, PASSWORD), self.encoding
        output = run_command_in_terminal(self.commands, words, self._environment, user, code=code, encoding=encoding)
        assert "codec can't" not in output
        return output

    def run_python(self, *arguments: str, code: int = 0, **environment: str) -> str:
        """Does the same with Python."""
        command, environment = [sys.executable, *arguments], {**self._environment, **environment}
        output = run_in_terminal(command, environment, (NAME, PASSWORD), code=code, encoding=self.encoding)
        assert "codec can't" not in output
        return output


@pytest.fixture
def terminal(cognito: LocalCognito, encoding: str, own_environment: Path, commands: Commands) -> EncodedTerminal:
    undecodable = os.fsdecode("Zoë漢".encode() + b"\xff")
    return EncodedTerminal(cognito, encoding, own_environment / undecodable, commands)


def test_a_login_shows_a_user_as_far_as_the_terminal_can_without_a_fork_too(terminal: EncodedTerminal) -> None:
    terminal.commands = Commands()
    assert f"{terminal.shown_name} (" in terminal.run("login")
    shown = terminal.run("status")
    assert f"{terminal.shown_name} (" in shown
    assert r"\udcff" in shown


def test_every_command_shows_a_user_as_far_as_the_terminal_can(terminal: EncodedTerminal) -> None:
    assert f"{terminal.shown_name} (" in terminal.run("login")
    shown = terminal.run("status")
    assert f"{terminal.shown_name} (" in shown
    assert r"\udcff" in shown
    (facts,) = json.loads(terminal.run("status", "--json"))
    assert facts["who"].startswith(NAME)
    assert "AccessKeyId" in terminal.run("credential-process", facts["sign_in"])
    assert "Signed out" in terminal.run("logout")
    missing = terminal.run("credential-process", facts["sign_in"], code=1)
    assert "there is no file" in missing
    assert r"\udcff" in missing
    assert "You are not signed in" in terminal.run("logout")


@pytest.mark.parametrize("command", ["login", "logout", "status", "local", "demo", "credential-process"])
def test_every_command_shows_its_help(terminal: EncodedTerminal, command: str) -> None:
    assert "usage" in terminal.run(command, "--help")


def test_an_error_about_a_name_is_shown(terminal: EncodedTerminal) -> None:
    assert f"no profile '{terminal.shown_name}" in terminal.run("login", "--profile", NAME, code=1)
    assert f"--latency {terminal.shown_name} is not" in terminal.run("local", "--latency", NAME, code=1)


def test_authenticate_prints_its_link_beside_a_notice_that_the_terminal_cannot_show(
    terminal: EncodedTerminal, cognito: LocalCognito
) -> None:
    program = (
        "import sys, cognito_jupyter as c\n"
        "a = c.CognitoOAuthAuthenticator(*sys.argv[1:], open_browser=False)\n"
        "try: a.authenticate()\n"
        "except ConnectionError as error: print(error)\n"
    )
    shown = terminal.run_python(
        "-c", program, cognito.domain, cognito.client_id, cognito.redirect_uri,
        AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER=f"http://localhost:1/{NAME}",
    )  # fmt: skip
    assert f"http://localhost:1/{terminal.shown_name}" in shown
    assert "localhost:1 could not be reached" in shown


def test_ipython_shows_the_same_in_a_terminal(terminal: EncodedTerminal) -> None:
    terminal.run("login")
    lines = (
        "%load_ext cognito_jupyter\n%cognito_login\n%cognito_status\n%cognito_roles\n%cognito_login --profile " + NAME
    )
    shown = terminal.run_python("-m", "IPython", "--no-banner", "--colors=NoColor", "-c", lines, code=1)
    assert shown.count(f"{terminal.shown_name} (") >= 2
    assert f"no profile '{terminal.shown_name}" in shown
