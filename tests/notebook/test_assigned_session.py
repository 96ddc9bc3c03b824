"""`session = %cognito_login`: the magic gives the session to an assignment, and shows it nowhere else."""

from __future__ import annotations

import os
import re
import select
import socket
import subprocess
import sys
import time

from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.login_page_client import submit_login
from tests.support.notebook import Notebook
from tests.support.printed_login import AUTHORIZE_URL
from tests.support.systems import needs_terminal


def test_an_assignment_gets_the_session_of_the_role(notebook: Notebook) -> None:
    shown = notebook.text("mine = %cognito_login -r Analyst  # it's my role;")
    assert "Session(" not in shown
    assert notebook.value("mine is session, mine.client('s3').meta.region_name") == (
        f"True {notebook.value('session.region_name')}"
    )
    assert "Uploader" in notebook.text("other = %cognito_login Uploader --name uploads;")
    assert notebook.value("other is uploads, other is not mine") == "True True"


def test_a_line_of_its_own_shows_no_session(notebook: Notebook) -> None:
    first = notebook.text("%cognito_login")
    assert "Session(" not in first
    for code in (
        "%cognito_login",
        "%cognito_login ;",
        "if True:\n    %cognito_login",
        "cognito_login",
        "again = %cognito_login",
    ):
        run = notebook.run(code)
        assert (run.error, run.text.strip()) == (None, ""), code
    assert notebook.value("again is session") == "True"
    assert "Session(" in notebook.text("again = %cognito_login\nagain")


def test_a_comment_is_no_argument(notebook: Notebook) -> None:
    notebook.text("%cognito_login Analyst  # the role of our group, isn't it?")
    assert "Analyst" in notebook.text("%cognito_status  # who am I?")
    assert "Analyst" in notebook.text("%cognito_roles ;")
    assert "takes no arguments" in notebook.error("%cognito_status who")


def test_the_second_registered_port_is_as_good_as_the_first(notebook: Notebook, cognito: LocalCognito) -> None:
    """The text says nothing of ports and steps, and no input box opens."""
    port = int(cognito.redirect_uri.split()[0].rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)):
        text = notebook.text("%cognito_login")
    assert notebook.user.login_count == 1
    for words in ("in use", "two steps", "may not open", "Paste", str(port)):
        assert words not in text, text


class TerminalIPython:
    """IPython in a pseudo-terminal.

    Args:
        environment: Its environment.

    Attributes:
        shown: All that was shown.
    """

    def __init__(self, environment: dict[str, str]) -> None:
        import pty

        self._terminal, inner = pty.openpty()
        command = [
            sys.executable,
            "-m",
            "IPython",
            "--simple-prompt",
            "--no-banner",
            "--colors=nocolor",
            "--no-confirm-exit",
        ]
        self._process = subprocess.Popen(command, stdin=inner, stdout=inner, stderr=inner, env=environment)
        os.close(inner)
        self.shown = ""
        self.read_until(r"In \[1\]: $")

    def type(self, line: str) -> None:
        os.write(self._terminal, f"{line}\n".encode())

    def read_until(self, pattern: str, timeout: float = 60.0) -> str:
        """Reads until what is shown from now on fits a pattern, and returns that."""
        new, deadline = "", time.monotonic() + timeout
        while not re.search(pattern, new):
            assert time.monotonic() < deadline, new
            if select.select([self._terminal], [], [], 0.1)[0]:
                new += os.read(self._terminal, 65536).decode()
        self.shown += new
        return new

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(30)
        os.close(self._terminal)


@needs_terminal
def test_the_same_holds_in_a_terminal(cognito: LocalCognito, environment: dict[str, str]) -> None:
    """With the first port in use, too: the terminal says nothing of it and needs no paste."""
    port = int(cognito.redirect_uri.split()[0].rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)):
        terminal = TerminalIPython(environment)
        try:
            terminal.type("%load_ext cognito_jupyter")
            terminal.read_until(r"In \[2\]: $")
            terminal.type("mine = %cognito_login -r Analyst;  # it's mine")
            terminal.read_until(AUTHORIZE_URL.pattern + r"\s")
            found = AUTHORIZE_URL.search(terminal.shown)
            assert found is not None
            submit_login(found[0], cognito.demo_user.username, cognito.demo_user.password)
            terminal.read_until(r"In \[3\]: $")
            terminal.type("mine is session")
            assert "True" in terminal.read_until(r"In \[4\]: $")
        finally:
            terminal.close()
    for words in ("in use", "Traceback", "Out[2]", "Session("):
        assert words not in terminal.shown
