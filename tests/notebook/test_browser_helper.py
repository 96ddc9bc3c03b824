"""The program in $BROWSER, as VS Code and code-server set it on a remote machine: it opens the page for the user."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cognito_jupyter.local import LocalCognito
from tests.support.forked_commands import SCRIPT
from tests.support.front_end import FrontEnd
from tests.support.notebook import READS_S3, started_notebook
from tests.support.systems import needs_scripts

pytestmark = needs_scripts

HELPER = """#!{python}
# Opens the page on the computer of a user who signs in there, and forwards the port that the URL names.
import os, re, sys
import requests
from cognito_jupyter.local.login_page_client import submit_login

url = sys.argv[1]
assert re.match(r"http://(localhost|127.0.0.1|0.0.0.0):[0-9]+/", url)
with open({calls!r}, "a") as calls:
    calls.write(url + chr(10))
location = requests.get(url, allow_redirects=False, timeout=10).headers["Location"]
submit_login(location, {user!r}, {password!r})
"""

ONLY_OPENS = """#!{python}
# Opens the page on the computer of a user who has not signed in yet, at an address that leads to the page there.
import http.client, sys, urllib.parse

url = urllib.parse.urlsplit(sys.argv[1])
connection = http.client.HTTPConnection("127.0.0.1", url.port, timeout=10)
connection.request("GET", url.path, headers={{"Host": {host!r} or url.netloc}})
assert connection.getresponse().status == 302
"""

SIGN_IN = """
from cognito_jupyter import CognitoOAuthAuthenticator
tokens = CognitoOAuthAuthenticator({domain!r}, {client_id!r}, {redirect_uri!r}).authenticate()
print(sorted(tokens))
"""


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    """Where the program writes what it was called with."""
    return tmp_path / "calls"


@pytest.fixture
def remote(cognito: LocalCognito, environment: dict[str, str], tmp_path: Path, calls: Path) -> dict[str, str]:
    """The environment of a machine that the user works on by VS Code: no display, but the program."""
    user = cognito.demo_user
    helper = tmp_path / "helpers" / "browser.sh"
    helper.parent.mkdir()
    helper.write_text(
        HELPER.format(python=sys.executable, calls=str(calls), user=user.username, password=user.password)
    )
    helper.chmod(0o700)
    return environment | {"BROWSER": str(helper), "SSH_CONNECTION": "192.0.2.1 50000 192.0.2.2 22", "DISPLAY": ""}


def test_a_cell_on_a_remote_machine_needs_no_click_and_no_paste(
    cognito: LocalCognito, remote: dict[str, str], calls: Path
) -> None:
    with started_notebook(cognito, remote) as notebook:
        notebook.user.ignore_links()
        notebook.text("%cognito_login")
        assert int(notebook.text(READS_S3)) > 1
    (call,) = calls.read_text().splitlines()
    assert "state" not in call
    assert "client_id" not in call


def test_no_browser_runs_no_program(cognito: LocalCognito, remote: dict[str, str], calls: Path) -> None:
    with started_notebook(cognito, remote) as notebook:
        notebook.text("%cognito_login --no-browser")
        assert notebook.user.login_count == 1
    assert not calls.exists()


@pytest.mark.parametrize(
    ("host", "comes_back"),
    [("", True), ("name-3000.app.github.dev", False)],
    ids=["the same port is forwarded", "a web proxy"],
)
def test_a_cell_asks_for_a_paste_only_until_a_browser_has_reached_it(
    cognito: LocalCognito, remote: dict[str, str], host: str, comes_back: bool
) -> None:
    """ssh is a sign of another machine; a browser that was at the redirect URI's own port comes back to it."""
    Path(remote["BROWSER"]).write_text(ONLY_OPENS.format(python=sys.executable, host=host))
    asks = "so either way works"
    with started_notebook(cognito, remote) as notebook:
        front_end = FrontEnd(notebook)
        front_end.start("%cognito_login")
        front_end.wait_until(lambda: front_end.seconds_to_link)
        if comes_back:
            front_end.wait_until(lambda: "cannot reach the page?" in front_end.text)
        else:
            front_end.wait_until(lambda: front_end.prompts)
        assert (asks in front_end.text) is not comes_back
        notebook.kernel.manager.interrupt_kernel()
        front_end.wait_for_cell()


@pytest.mark.parametrize("how", ["command", "authenticate"])
def test_a_terminal_on_a_remote_machine_needs_no_click_and_no_paste(
    cognito: LocalCognito, remote: dict[str, str], calls: Path, how: str
) -> None:
    code = SIGN_IN.format(domain=cognito.domain, client_id=cognito.client_id, redirect_uri=cognito.redirect_uri)
    command = [sys.executable, "-c", code] if how == "authenticate" else [SCRIPT, "login"]
    process = subprocess.run(
        command, env={**os.environ, **remote}, capture_output=True, text=True, check=False, timeout=60
    )
    assert process.returncode == 0, process.stderr
    assert len(calls.read_text().splitlines()) == 1
