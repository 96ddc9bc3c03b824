"""`cognito-jupyter login`, `logout` and `status`, run as a user runs them in a terminal."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.login_page_client import submit_login
from tests.support.forked_commands import SCRIPT, Commands
from tests.support.shared_kernels import refresh_token_of, restart_kernel
from tests.support.systems import needs_terminal

AUTHORIZE = re.compile(r"https?://\S+/oauth2/authorize\?\S+")


class Terminal:
    """Runs commands, and signs in at the URL that they print.

    Args:
        cognito: The Cognito to sign in at.
        commands: Starts the commands; by default each has an interpreter of its own.

    Attributes:
        login_count: How often.
        printed: Everything that was printed.
    """

    def __init__(self, cognito: LocalCognito, commands: Commands | None = None) -> None:
        self._cognito = cognito
        self._commands = commands or Commands()
        self.login_count = 0
        self.printed = ""

    def complete_login(self, text: str, *, remote_browser: bool = False) -> str:
        """Signs in; returns the URL at which the browser ends."""
        found = AUTHORIZE.search(text)
        assert found is not None, text
        self.login_count += 1
        user = self._cognito.demo_user
        return submit_login(found[0], user.username, user.password, follow_callback=not remote_browser)

    def run(self, *words: str, remote_browser: bool = False, code: int = 0, **environment: str) -> str:
        """Runs a command, and signs in at the URL that it prints; returns its output, or its errors if it fails."""
        process = self._commands.start_with_pipes(words, {**os.environ, **environment})
        errors = ""
        for line in process.stderr:
            errors += line
            if AUTHORIZE.search(line):
                address = self.complete_login(line, remote_browser=remote_browser)
                if remote_browser:
                    process.stdin.write(f"{address}\n")
                    process.stdin.flush()
        output = process.stdout.read()
        assert process.wait(60) == code, errors + output
        self.printed += errors + output
        return output if code == 0 else errors


@pytest.fixture
def terminal(cognito: LocalCognito, commands: Commands) -> Terminal:
    """Its commands are forked; some tests below run the same ones with an interpreter each."""
    return Terminal(cognito, commands)


@pytest.fixture
def folder(own_environment: Path) -> Path:
    return own_environment / "state" / "sign-ins"


def stored_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.sign-in"))


def test_an_ended_sign_in_is_shown_as_ended_and_login_replaces_it(
    cognito: LocalCognito, terminal: Terminal, folder: Path
) -> None:
    terminal.run("login")
    manager = restart_kernel(folder)
    assert manager.authenticator is not None
    manager.authenticator.revoke(refresh_token_of(manager))
    with pytest.raises(PermissionError):
        manager.refresh_user_pool_tokens()
    (facts,) = json.loads(terminal.run("status", "--json"))
    assert facts["ended"]
    shown = terminal.run("status")
    assert "Not signed in any more" in shown
    assert "has ended; to sign in again, run: cognito-jupyter login" in shown
    assert "Not signed in any more" not in terminal.run("login")
    assert terminal.login_count == 2
    assert not restart_kernel(folder).ended


def test_login_says_nothing_of_a_port_in_use_when_the_next_one_is_free(
    cognito: LocalCognito, terminal: Terminal
) -> None:
    port = int(cognito.redirect_uri.split()[0].rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)):
        terminal.run("login")
    assert terminal.login_count == 1
    assert "in use" not in terminal.printed


def test_the_login_hint_of_the_settings_is_in_the_printed_link(terminal: Terminal) -> None:
    terminal.run("login", COGNITO_LOGIN_HINT="demo")
    assert "login_hint=demo" in terminal.printed


def test_an_error_that_the_browser_brought_is_named_when_login_times_out(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cognito had no state to send with it, so the command went on waiting."""

    def bring_error(text: str, **_: object) -> str:
        found = AUTHORIZE.search(text)
        assert found is not None
        redirect_uri = parse_qs(urlsplit(found[0]).query)["redirect_uri"][0]
        page = requests.get(f"{redirect_uri}/?error=server_error&error_description=Invalid+samlResponse", timeout=5)
        assert "Invalid samlResponse" in page.text
        return ""

    monkeypatch.setattr(terminal, "complete_login", bring_error)
    # Long enough for the error to arrive on any machine.
    error = terminal.run("login", "--timeout", "6", code=1)
    assert "before that, the browser came back with an error (server_error: Invalid samlResponse)" in error


def test_the_identity_provider_and_the_login_hint_reach_the_sign_in_page(terminal: Terminal) -> None:
    terminal.run("login", "--identity-provider", "COGNITO", "--login-hint", "ada@example.org")
    assert "identity_provider=COGNITO&login_hint=ada%40example.org" in terminal.printed


@pytest.mark.parametrize("forked", [True, False], ids=["forked", "with an interpreter each"])
def test_a_user_stays_signed_in_until_logout(
    cognito: LocalCognito, terminal: Terminal, folder: Path, forked: bool
) -> None:
    if not forked:
        terminal = Terminal(cognito)
    output = terminal.run("login", "--role-suffix", "Analyst")
    (path,) = stored_files(folder)
    for part in ("demo (demo@example.org)", str(path), cognito.roles["Uploader"], f"credential-process {path.stem}"):
        assert part in output
    assert terminal.run("login", "-r", "Uploader").count("keys until") == 2
    assert terminal.login_count == 1
    assert json.loads(terminal.run("credential-process", path.stem, cognito.roles["Uploader"]))["Version"] == 1
    terminal.printed = terminal.printed[: terminal.printed.index('{"Version"')]
    assert "Signed out." in terminal.run("logout")
    assert stored_files(folder) == []
    assert cognito.counts[cognito.REVOKE]
    assert "You are not signed in." in terminal.run("logout")
    assert "Run: cognito-jupyter login" in terminal.run("status", code=1)
    assert not [secret for secret in cognito.secrets if secret in terminal.printed]


def test_status_shows_the_user_in_a_table_and_as_json(cognito: LocalCognito, terminal: Terminal, folder: Path) -> None:
    assert json.loads(terminal.run("login", "-r", "Analyst") and terminal.run("status", "--json"))
    before = cognito.counts.copy()
    (facts,) = json.loads(terminal.run("status", "--json"))
    assert facts["who"] == "demo (demo@example.org)"
    assert facts["sign_in"] == stored_files(folder)[0].stem
    analyst, uploader = facts["roles"]
    assert (analyst["suffix"], analyst["role_arn"]) == ("Analyst", cognito.roles["Analyst"])
    assert analyst["keys_until"].endswith("+00:00")
    assert uploader["keys_until"] is None
    table = terminal.run("status").splitlines()
    assert table[0] == "Signed in"
    assert any("Uploader" in line and line.endswith("no keys yet") for line in table)
    assert cognito.counts == before
    assert not [secret for secret in cognito.secrets if secret in terminal.printed]


def test_a_user_whose_name_is_an_id_is_named_by_the_e_mail_address(terminal: Terminal, cognito: LocalCognito) -> None:
    cognito.knobs.username_is_sub = True
    shown = terminal.run("login") + terminal.run("status") + terminal.run("status", "--json")
    assert shown.count("demo@example.org") == 3
    assert cognito.demo_user.sub not in shown


def test_status_needs_no_settings(terminal: Terminal, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal.run("login")
    for name in [name for name in os.environ if name.startswith("COGNITO_") and name != "COGNITO_JUPYTER_FOLDER"]:
        monkeypatch.delenv(name)
    assert "demo" in terminal.run("status")
    assert "Signed out." in terminal.run("logout")
    assert stored_files(folder) == []
    assert "user_pool_id" in terminal.run("login", code=1)


def test_the_role_needs_no_option(terminal: Terminal, cognito: LocalCognito) -> None:
    assert "keys until" in terminal.run("login", "Uploader", "--no-browser")
    (facts,) = json.loads(terminal.run("status", "--json"))
    assert [role["suffix"] for role in facts["roles"] if role["keys_until"]] == ["Uploader"]


def test_a_role_granted_after_the_sign_in_needs_no_new_login(
    terminal: Terminal, cognito: LocalCognito, folder: Path
) -> None:
    terminal.run("login")
    cognito.pool.users["demo"] = replace(cognito.demo_user, groups=("Admin", "Analyst", "Uploader"))
    assert cognito.roles["Admin"] in terminal.run("login", "Admin")
    cognito.pool.users["demo"] = replace(cognito.demo_user, groups=("Analyst", "Uploader"))
    assert "AccessKeyId" in terminal.run("credential-process", stored_files(folder)[0].stem, cognito.roles["Admin"])
    terminal.printed = ""
    assert terminal.login_count == 1


def test_switching_accounts_makes_cognito_request_a_login(terminal: Terminal) -> None:
    terminal.run("login")
    assert "Signed in" in terminal.run("login", "--switch-account")
    assert terminal.login_count == 2
    assert "&prompt=login" in terminal.printed
    assert "Cognito has signed in the same user as before." in terminal.printed


def test_fresh_signs_in_again(terminal: Terminal, folder: Path) -> None:
    terminal.run("login")
    before = stored_files(folder)[0].read_bytes()
    terminal.run("login", "--fresh")
    assert terminal.login_count == 2
    assert stored_files(folder)[0].read_bytes() != before


def test_a_url_is_pasted_when_the_browser_is_on_another_computer(cognito: LocalCognito, folder: Path) -> None:
    terminal = Terminal(cognito)
    assert "Signed in" in terminal.run("login", "--paste", "--no-browser", remote_browser=True)
    assert len(stored_files(folder)) == 1


def test_an_unknown_role_is_named_and_the_sign_in_stays(terminal: Terminal, folder: Path) -> None:
    output = terminal.run("login", "-r", "Nobody", code=1)
    assert "This sign-in allows: Analyst, Uploader." in output
    assert "Traceback" not in output
    terminal.run("login", "-r", "Analyst")
    assert terminal.login_count == 1


def test_a_sign_in_that_cannot_be_stored_is_revoked(cognito: LocalCognito, terminal: Terminal, folder: Path) -> None:
    folder.parent.mkdir()
    folder.write_text("a file where a folder should be", encoding="ascii")
    before = cognito.counts[cognito.REVOKE]
    assert "could not be stored on this computer, and was revoked" in terminal.run("login", code=1)
    assert cognito.counts[cognito.REVOKE] == before + 1


def test_a_login_that_times_out_is_an_error(terminal: Terminal, cognito: LocalCognito) -> None:
    process = subprocess.run(
        [SCRIPT, "login", "--timeout", "1"], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    assert (process.returncode, process.stdout) == (1, "")
    assert "timed out after 1 second" in process.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["login", "--timeout", "soon"],
        ["login", "-r", ""],
        ["login", "A", "-r", "B"],
        ["login", "-A"],
        ["status", "--xml"],
        ["in"],
    ],
)
def test_a_wrong_argument_is_named(terminal: Terminal, words: list[str]) -> None:
    process = subprocess.run([SCRIPT, *words], capture_output=True, text=True, check=False)
    assert process.returncode == 2
    assert "usage: cognito-jupyter" in process.stderr
    assert "Traceback" not in process.stderr


@pytest.mark.parametrize("words", [["{}"], ["login", "{}"], ["login", "--paste", "{}"], ["status", "{}"]])
def test_the_address_after_a_sign_in_is_never_repeated_from_an_argument(terminal: Terminal, words: list[str]) -> None:
    address = "http://localhost:3000/?code=5f0e6b7c-secret&state=abc"
    error = terminal.run(*(word.format(address) for word in words), code=2)
    assert "paste the address when it waits for you" in error
    assert "5f0e6b7c" not in error


@pytest.mark.parametrize("command", ["login", "logout", "status", "credential-process"])
def test_each_command_explains_itself(command: str) -> None:
    process = subprocess.run([SCRIPT, command, "--help"], capture_output=True, text=True, check=True)
    assert len(process.stdout) > 200


# -- a real terminal


class Pty:
    """A command in a pseudo-terminal."""

    def __init__(self, *words: str) -> None:
        import pty

        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [SCRIPT, *words], stdin=slave, stdout=slave, stderr=slave, start_new_session=True
        )
        self.slave = slave
        self.shown = ""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while True:
            try:
                self.shown += os.read(self.master, 4096).decode("utf-8", "replace")
            except OSError:
                return

    def wait_for(self, pattern: str) -> str:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            found = re.search(pattern, self.shown)
            if found:
                return found[0]
            time.sleep(0.02)
        raise AssertionError(self.shown)

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def echoes(self) -> bool:
        import termios

        return bool(termios.tcgetattr(self.slave)[3] & termios.ECHO)


@pytest.fixture
def shell(cognito: LocalCognito) -> Iterator[Pty]:
    shell = Pty("login", "--no-browser")
    yield shell
    shell.process.kill()
    shell.process.wait()
    os.close(shell.slave)
    os.close(shell.master)


@needs_terminal
def test_in_a_terminal_pasted_text_is_not_echoed_and_a_wrong_url_is_explained(shell: Pty, terminal: Terminal) -> None:
    link = shell.wait_for(r"http\S+/oauth2/authorize\?\S+(?=\s)")
    shell.wait_for("Ctrl-C cancels")
    assert not shell.echoes()
    shell.type("http://localhost:3000/?code=abc&state=def\n")
    shell.wait_for("belongs to another sign-in")
    address = terminal.complete_login(link, remote_browser=True)
    shell.type(f"{address}\n")
    shell.wait_for("demo@example.org")
    assert shell.process.wait(30) == 0
    assert shell.echoes()
    assert "code=" not in shell.shown.replace("response_type=code", "").replace("code_challenge", "")


@needs_terminal
def test_in_a_terminal_the_listener_finishes_the_login_without_any_input(shell: Pty, terminal: Terminal) -> None:
    link = shell.wait_for(r"http\S+/oauth2/authorize\?\S+(?=\s)")
    terminal.complete_login(link)
    shell.wait_for("demo@example.org")
    assert shell.process.wait(30) == 0
    assert shell.echoes()


@needs_terminal
def test_ctrl_c_cancels_and_restores_the_terminal(shell: Pty, folder: Path) -> None:
    shell.wait_for("Ctrl-C cancels")
    os.killpg(shell.process.pid, 2)
    assert shell.process.wait(30) == 130
    assert shell.echoes()
    assert "Traceback" not in shell.shown
    assert not folder.exists() or stored_files(folder) == []
