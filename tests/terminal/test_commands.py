"""`cognito-jupyter login`, `logout` and `status`, run as a person runs them in a terminal."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.person import sign_in
from tests.credentials.kernels import restarted, token_of

SCRIPT = str(Path(sys.executable).with_name("cognito-jupyter"))
AUTHORIZE = re.compile(r"https?://\S+/oauth2/authorize\?\S+")


class Terminal:
    """Runs commands, and signs in where they say.

    Attributes:
        sign_ins: How often.
        printed: Everything that was printed.
    """

    def __init__(self, cognito: LocalCognito) -> None:
        self._cognito = cognito
        self.sign_ins = 0
        self.printed = ""

    def address(self, text: str, *, elsewhere: bool = False) -> str:
        """Signs in; the address that the browser ends at."""
        found = AUTHORIZE.search(text)
        assert found is not None, text
        self.sign_ins += 1
        user = self._cognito.demo_user
        return sign_in(found[0], user.username, user.password, follow_callback=not elsewhere)

    def run(self, *words: str, elsewhere: bool = False, code: int = 0, **environment: str) -> str:
        """What a command prints on standard output; a person signs in at whatever address it shows."""
        process = subprocess.Popen(
            [SCRIPT, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, **environment},
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        told = ""
        for line in process.stderr:
            told += line
            if AUTHORIZE.search(line):
                address = self.address(line, elsewhere=elsewhere)
                if elsewhere:
                    process.stdin.write(f"{address}\n")
                    process.stdin.flush()
        said = process.stdout.read()
        process.stdin.close()
        assert process.wait(60) == code, told + said
        self.printed += told + said
        return said if code == 0 else told


@pytest.fixture
def terminal(cognito: LocalCognito) -> Terminal:
    return Terminal(cognito)


@pytest.fixture
def folder(own_environment: Path) -> Path:
    return own_environment / "state" / "cognito_jupyter" / "sign-ins"


def kept(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.sign-in"))


def test_a_kept_sign_in_that_has_ended_is_shown_as_such_and_made_anew(
    cognito: LocalCognito, terminal: Terminal, folder: Path
) -> None:
    terminal.run("login")
    manager = restarted(folder)
    assert manager.authenticator is not None
    manager.authenticator.revoke(token_of(manager))
    with pytest.raises(PermissionError):
        manager.refresh_user_pool_tokens()
    (facts,) = json.loads(terminal.run("status", "--json"))
    assert facts["ended"]
    shown = terminal.run("status")
    assert "Not signed in any more" in shown
    assert "has ended; to sign in again, run: cognito-jupyter login" in shown
    assert "Not signed in any more" not in terminal.run("login")
    assert terminal.sign_ins == 2
    assert not restarted(folder).ended


def test_a_person_signs_in_and_stays_so_until_the_logout(
    cognito: LocalCognito, terminal: Terminal, folder: Path
) -> None:
    said = terminal.run("login", "--role-suffix", "Analyst")
    (path,) = kept(folder)
    for part in ("demo (demo@example.org)", str(path), cognito.roles["Uploader"], f"credential-process {path.stem}"):
        assert part in said
    assert terminal.run("login", "-r", "Uploader").count("keys until") == 2
    assert terminal.sign_ins == 1
    assert json.loads(terminal.run("credential-process", path.stem, cognito.roles["Uploader"]))["Version"] == 1
    terminal.printed = terminal.printed[: terminal.printed.index('{"Version"')]
    assert "Signed out." in terminal.run("logout")
    assert kept(folder) == []
    assert cognito.counts["revoke"]
    assert "You are not signed in." in terminal.run("logout")
    assert "Run: cognito-jupyter login" in terminal.run("status", code=1)
    assert not [secret for secret in cognito.secrets if secret in terminal.printed]


def test_status_says_who_in_a_table_and_as_json(cognito: LocalCognito, terminal: Terminal, folder: Path) -> None:
    assert json.loads(terminal.run("login", "-r", "Analyst") and terminal.run("status", "--json"))
    before = cognito.counts.copy()
    (facts,) = json.loads(terminal.run("status", "--json"))
    assert facts["who"] == "demo (demo@example.org)"
    assert facts["sign_in"] == kept(folder)[0].stem
    analyst, uploader = facts["roles"]
    assert (analyst["suffix"], analyst["role_arn"]) == ("Analyst", cognito.roles["Analyst"])
    assert analyst["keys_until"].endswith("+00:00")
    assert uploader["keys_until"] is None
    table = terminal.run("status").splitlines()
    assert table[0] == "Signed in"
    assert any("Uploader" in line and line.endswith("no keys yet") for line in table)
    assert cognito.counts == before
    assert not [secret for secret in cognito.secrets if secret in terminal.printed]


def test_status_needs_no_settings(
    terminal: Terminal, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    terminal.run("login")
    for name in [name for name in os.environ if name.startswith("COGNITO_")]:
        monkeypatch.delenv(name)
    assert "demo" in terminal.run("status")
    assert "Signed out." in terminal.run("logout")
    assert kept(folder) == []
    assert "user_pool_id" in terminal.run("login", code=1)


def test_fresh_signs_in_anew(terminal: Terminal, folder: Path) -> None:
    terminal.run("login")
    before = kept(folder)[0].read_bytes()
    terminal.run("login", "--fresh")
    assert terminal.sign_ins == 2
    assert kept(folder)[0].read_bytes() != before


def test_an_address_is_pasted_where_the_browser_is_elsewhere(terminal: Terminal, folder: Path) -> None:
    assert "Signed in" in terminal.run("login", "--paste", "--no-browser", elsewhere=True)
    assert len(kept(folder)) == 1


def test_a_role_that_does_not_exist_is_named_and_the_sign_in_stays(terminal: Terminal, folder: Path) -> None:
    said = terminal.run("login", "-r", "Nobody", code=1)
    assert "This sign-in allows: Analyst, Uploader." in said
    assert "Traceback" not in said
    terminal.run("login", "-r", "Analyst")
    assert terminal.sign_ins == 1


def test_a_sign_in_that_cannot_be_kept_is_ended_again(cognito: LocalCognito, terminal: Terminal, folder: Path) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    before = cognito.counts["revoke"]
    assert "could not be kept, and was ended again" in terminal.run("login", code=1)
    assert cognito.counts["revoke"] == before + 1


def test_nobody_who_finishes_it_is_an_error(terminal: Terminal, cognito: LocalCognito) -> None:
    process = subprocess.run(
        [SCRIPT, "login", "--timeout", "1"], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    assert (process.returncode, process.stdout) == (1, "")
    assert "within 1 second" in process.stderr


@pytest.mark.parametrize("words", [["login", "--timeout", "soon"], ["login", "-r", ""], ["status", "--xml"], ["in"]])
def test_a_wrong_argument_is_named(terminal: Terminal, words: list[str]) -> None:
    process = subprocess.run([SCRIPT, *words], capture_output=True, text=True, check=False)
    assert process.returncode == 2
    assert "usage: cognito-jupyter" in process.stderr
    assert "Traceback" not in process.stderr


@pytest.mark.parametrize("command", ["login", "logout", "status", "credential-process"])
def test_each_command_explains_itself(command: str) -> None:
    process = subprocess.run([SCRIPT, command, "--help"], capture_output=True, text=True, check=True)
    assert len(process.stdout) > 200


# -- a real terminal


class Pty:
    """A command in a terminal of its own."""

    def __init__(self, *words: str) -> None:
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

    def until(self, pattern: str) -> str:
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
        return bool(termios.tcgetattr(self.slave)[3] & termios.ECHO)


@pytest.fixture
def shell(cognito: LocalCognito) -> Iterator[Pty]:
    shell = Pty("login", "--no-browser")
    yield shell
    shell.process.kill()
    shell.process.wait()
    os.close(shell.slave)
    os.close(shell.master)


def test_in_a_terminal_what_is_pasted_is_not_shown_and_a_wrong_address_is_explained(
    shell: Pty, terminal: Terminal
) -> None:
    link = shell.until(r"http\S+/oauth2/authorize\?\S+(?=\s)")
    shell.until("Ctrl-C gives up")
    assert not shell.echoes()
    shell.type("http://localhost:3000/?code=abc&state=def\n")
    shell.until("belongs to another sign-in")
    address = terminal.address(link, elsewhere=True)
    shell.type(f"{address}\n")
    shell.until("demo@example.org")
    assert shell.process.wait(30) == 0
    assert shell.echoes()
    assert "code=" not in shell.shown.replace("response_type=code", "").replace("code_challenge", "")


def test_in_a_terminal_the_listener_wins_without_anything_being_typed(shell: Pty, terminal: Terminal) -> None:
    link = shell.until(r"http\S+/oauth2/authorize\?\S+(?=\s)")
    terminal.address(link)
    shell.until("demo@example.org")
    assert shell.process.wait(30) == 0
    assert shell.echoes()


def test_ctrl_c_gives_up_and_leaves_the_terminal_as_it_was(shell: Pty, folder: Path) -> None:
    shell.until("Ctrl-C gives up")
    os.killpg(shell.process.pid, 2)
    assert shell.process.wait(30) == 130
    assert shell.echoes()
    assert "Traceback" not in shell.shown
    assert not folder.exists() or kept(folder) == []
