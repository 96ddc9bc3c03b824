"""The browser opens a page on loopback that sends it on, once; no process's arguments hold the sign-in's URL."""

from __future__ import annotations

import html
import os
import socket
import subprocess
import sys
import tempfile
import threading
import webbrowser
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.login_page_client import submit_login
from cognito_jupyter.oauth import browser as browser_module
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator
from cognito_jupyter.oauth.browser import open_page, open_sign_in
from cognito_jupyter.oauth.login import Login
from tests.support.polling import wait_until
from tests.support.ports import free_port
from tests.support.systems import needs_proc, needs_root, needs_shell


class RecordingBrowser(webbrowser.BaseBrowser):
    """Records each URL that it opens."""

    def __init__(self) -> None:
        super().__init__("recording")
        self.opened: list[str] = []

    def open(self, url: str, new: int = 0, autoraise: bool = True) -> bool:
        self.opened.append(url)
        return True


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY", "VSCODE_PROXY_URI", "CODE_SERVER_SESSION_SOCKET"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Iterator[RecordingBrowser]:
    """Registers a recording browser as this process's browser."""
    monkeypatch.setenv("DISPLAY", ":0")
    browser = RecordingBrowser()
    webbrowser.register("recording", None, browser, preferred=True)
    yield browser
    webbrowser._tryorder.remove("recording")  # type: ignore[attr-defined]
    del webbrowser._browsers["recording"]  # type: ignore[attr-defined]


@pytest.fixture
def login() -> Iterator[Login]:
    """A login that listens."""
    uri = f"http://localhost:{free_port()}/callback"
    with CognitoOAuthAuthenticator("auth.example.com", "client", uri).begin_login() as login:
        yield login


def get(url: str) -> requests.Response:
    return requests.get(url, allow_redirects=False, timeout=5)


def test_the_browser_opens_a_page_of_the_callback_server_that_sends_it_on(
    browser: RecordingBrowser, login: Login
) -> None:
    assert open_sign_in(login)
    wait_until(lambda: browser.opened)
    port = login.redirect_uri.removesuffix("/callback").rpartition(":")[2]
    assert browser.opened[0].startswith(f"http://localhost:{port}/start/")
    assert "state" not in browser.opened[0]
    response = get(browser.opened[0])
    assert (response.status_code, response.headers["Location"]) == (302, login.authorization_url)
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Referrer-Policy"] == "no-referrer"


def test_the_page_sends_a_browser_on_once(login: Login) -> None:
    url = login.start_url()
    assert get(url).status_code == 302
    second = get(url)
    assert second.status_code == 410
    assert "Location" not in second.headers
    assert "return to your notebook" in second.text.lower()
    assert login.authorization_url not in second.text


@pytest.mark.parametrize("path", ["/start/", "/start/wrong", "/start", "/callback/start/x", "/start/é"])
def test_the_page_cannot_be_guessed(login: Login, path: str) -> None:
    url = login.start_url()
    assert get(f"http://localhost:{url.split(':')[2].split('/')[0]}{path}").status_code == 404
    assert get(url).status_code == 302


def test_the_page_works_behind_a_proxy_with_a_prefix_and_a_name_of_its_own(login: Login) -> None:
    """As of code-server and Codespaces: the path is the secret, not the Host header."""
    url = login.start_url()
    origin, _, token = url.partition("/start/")
    response = requests.get(
        f"{origin}/proxy/3000/start/{token}",
        headers={"Host": "name-3000.app.github.dev"},
        allow_redirects=False,
        timeout=5,
    )
    assert response.status_code == 302


@pytest.mark.parametrize(
    ("headers", "returns"),
    [
        ({"Host": "localhost:PORT"}, True),
        ({"Host": "127.0.0.1:PORT"}, True),
        ({"Host": "localhost:1"}, False),
        ({"Host": "name-3000.app.github.dev"}, False),
        ({"Host": "localhost:PORT", "X-Forwarded-Host": "name-3000.app.github.dev"}, False),
        ({"Host": "localhost:PORT", "Forwarded": "host=ide.example"}, False),
    ],
)
def test_a_browser_is_known_to_come_back_once_it_was_at_the_same_address(
    login: Login, headers: dict[str, str], returns: bool
) -> None:
    """As by VS Code, which forwards the port; the proxies of other editors give the page another address."""
    url = login.start_url()
    port = url.removeprefix("http://localhost:").partition("/")[0]
    assert not login.browser_returns
    sent = {name: value.replace("PORT", port) for name, value in headers.items()}
    requests.get(url, headers=sent, allow_redirects=False, timeout=5)
    assert login.browser_returns is returns


@pytest.mark.parametrize(
    ("host", "leads_on"),
    [
        ("localhost:PORT", True),
        ("127.0.0.1:PORT", True),
        ("localhost:1", False),
        ("[::1]:1", False),
        ("localhost", False),
    ],
)
def test_a_browser_that_cannot_come_back_is_warned_before_the_sign_in(login: Login, host: str, leads_on: bool) -> None:
    """VS Code forwards another port where something on the user's computer uses the one of the redirect URI."""
    url = login.start_url()
    port = url.removeprefix("http://localhost:").partition("/")[0]
    response = requests.get(url, headers={"Host": host.replace("PORT", port)}, allow_redirects=False, timeout=5)
    assert (response.status_code == 302) is leads_on
    if not leads_on:
        assert f"uses port {port}" in response.text
        assert f'href="{html.escape(login.authorization_url)}"' in response.text
        assert response.headers["Cache-Control"] == "no-store"
    assert get(url).status_code == 410


def test_no_file_is_written(
    browser: RecordingBrowser, login: Login, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A browser of a snap or a flatpak has a /tmp of its own, and Windows opens no file of WSL."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    open_sign_in(login)
    wait_until(lambda: browser.opened)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("uri", ["https://hub.example.com/callback", "busy"])
def test_a_login_that_cannot_listen_sends_the_browser_on_too(browser: RecordingBrowser, uri: str) -> None:
    """Its server ends with the login, also when the login is dropped."""
    with socket.create_server(("127.0.0.1", 0)) as busy:
        uri = uri.replace("busy", f"http://localhost:{busy.getsockname()[1]}")
        with CognitoOAuthAuthenticator("auth.example.com", "client", uri).begin_login() as login:
            assert not login.listening
            assert open_sign_in(login)
            wait_until(lambda: browser.opened)
            assert get(browser.opened[0]).headers["Location"] == login.authorization_url
            assert not login.listening
            again = login.start_url()
        with pytest.raises(requests.ConnectionError):
            get(again)
        login = CognitoOAuthAuthenticator("auth.example.com", "client", uri).begin_login()
        login.start_url()
        del login
        wait_until(lambda: not [each for each in threading.enumerate() if each.name == "cognito-callback-listener"])


def test_a_login_that_has_ended_starts_no_server() -> None:
    with CognitoOAuthAuthenticator("auth.example.com", "client", "https://hub.example.com/").begin_login() as login:
        pass
    with pytest.raises(requests.ConnectionError):
        get(login.start_url())


def test_the_whole_sign_in_by_the_page(cognito: LocalCognito, browser: RecordingBrowser) -> None:
    authenticator = CognitoOAuthAuthenticator(cognito.domain, cognito.client_id, cognito.redirect_uri)
    with authenticator.begin_login() as login:
        open_sign_in(login)
        wait_until(lambda: browser.opened)
        user = cognito.demo_user
        submit_login(get(browser.opened[0]).headers["Location"], user.username, user.password)
        assert login.wait(10)
        assert login.tokens()["id_token"]


READS_THE_PAGE = """
import os, sys, urllib.request
"x".encode("idna")  # the other user cannot read this Python
os.setgid(65534), os.setuid(65534)
try:
    urllib.request.urlopen(urllib.request.Request(sys.argv[1]), timeout=5)
except urllib.error.HTTPError as error:
    print(error.code)
"""


@needs_proc
@needs_root
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_another_user_who_reads_the_list_of_processes_gets_nothing(login: Login, host: str) -> None:
    """And does not use the page up."""
    url = login.start_url().replace("localhost", host)
    command = [sys.executable, "-I", "-c", READS_THE_PAGE, url]
    process = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert process.stdout.strip() == "404", process.stderr
    assert get(url).status_code == 302


# -- which browser


def test_no_browser_is_opened_without_a_display(
    browser: RecordingBrowser, login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPLAY")
    if sys.platform.startswith("linux"):
        assert not open_sign_in(login)
        assert not browser.opened


def test_a_text_browser_is_not_opened(login: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":0")
    webbrowser.register("text", None, webbrowser.GenericBrowser("lynx"), preferred=True)
    try:
        assert not open_sign_in(login)
    finally:
        webbrowser._tryorder.remove("text")  # type: ignore[attr-defined]
        del webbrowser._browsers["text"]  # type: ignore[attr-defined]


def test_this_machines_browser_is_none_of_a_user_who_is_elsewhere(browser: RecordingBrowser, login: Login) -> None:
    assert not open_sign_in(login, remote=True)
    assert not browser.opened


def helper_program(folder: Path, name: str = "browser.sh") -> tuple[Path, Path]:
    """Makes a program such as VS Code's, and returns it with the file of what it was called with."""
    folder.mkdir(parents=True, exist_ok=True)
    program, calls = folder / name, folder / "calls"
    program.write_text(f'#!/bin/sh\n{{ echo "$@"; cat; tty; }} >> "{calls}.part" 2>&1\nmv "{calls}.part" "{calls}"\n')
    program.chmod(0o755)
    return program, calls


@needs_shell
@pytest.mark.parametrize("remote", [True, False])
def test_the_program_in_browser_opens_the_page_on_the_users_machine(
    login: Login, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, remote: bool
) -> None:
    """As in VS Code Remote, development containers and Codespaces, which have no display.

    It gets a URL on localhost at the port that the sign-in returns to, which is what it forwards, and neither this
    process's input nor its terminal.
    """
    program, calls = helper_program(tmp_path / "helpers")
    monkeypatch.setenv("BROWSER", str(program))
    assert open_sign_in(login, remote=remote)
    wait_until(calls.exists)
    url, *rest = calls.read_text().splitlines()
    assert rest == ["not a tty"]
    assert url.startswith(login.redirect_uri.removesuffix("callback") + "start/")
    assert get(url).headers["Location"] == login.authorization_url


@needs_shell
@pytest.mark.parametrize(
    ("value", "command"),
    [
        ("{helper}", "{helper} %s"),
        ("{helper} --openExternal", "{helper} --openExternal %s"),
        ("{helper} --url %s --new", "{helper} --url %s --new"),
        ("'{helper}' %s &", "{helper} %s"),
        ("/gone/browser.sh{sep}{helper}", "{helper} %s"),
        ("w3m{sep}{helper}", "{helper} %s"),
        ("firefox", None),
        ("/usr/bin/google-chrome-stable %s", None),
        ("lynx", None),
        ("www-browser", None),
        ("/gone/browser.sh", None),
        ("'", None),
        ("&", None),
        ("", None),
    ],
)
def test_browser_is_read_as_other_programs_read_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: str, command: str | None
) -> None:
    program, _ = helper_program(tmp_path)
    for name in ("w3m", "lynx", "firefox", "www-browser"):
        helper_program(tmp_path, name)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("BROWSER", value.format(helper=program, sep=os.pathsep))
    expected = command.format(helper=program).split() if command is not None else None
    assert browser_module._helper_command() == expected


def test_on_windows_a_helper_in_a_folder_with_a_space_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "Program Files"
    folder.mkdir()
    program, _ = helper_program(folder, "helper.exe")
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("BROWSER", f'"{program}" --wait %s')
    assert browser_module._helper_command() == [str(program), "--wait", "%s"]


@needs_shell
def test_wsl_without_a_display_opens_the_page_in_windows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program, _ = helper_program(tmp_path, "wslview")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert browser_module._helper_command() is None
    monkeypatch.setenv("WSL_DISTRO_NAME", "Ubuntu")
    assert browser_module._helper_command() == ["wslview", "%s"]
    other, _ = helper_program(tmp_path, "browser.sh")
    monkeypatch.setenv("BROWSER", str(other))
    assert browser_module._helper_command() == [str(other), "%s"]
    assert program.exists()


@needs_shell
def test_a_program_that_cannot_be_run_changes_nothing(
    login: Login, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program, _ = helper_program(tmp_path)
    program.write_text("#!/gone\n")
    monkeypatch.setenv("BROWSER", str(program))
    assert open_sign_in(login)
    wait_until(lambda: not [each for each in threading.enumerate() if each.name == "cognito-browser"])
    assert login.listening


@needs_shell
@pytest.mark.parametrize(
    ("template", "prefix"),
    [
        ("https://code.example/proxy/{{port}}/", "https://code.example/proxy/PORT/start/"),
        ("https://{{port}}--dev--ws--ada.coder.example", "https://PORT--dev--ws--ada.coder.example/start/"),
        ("./proxy/{{port}}", "http://localhost:PORT/start/"),
    ],
)
def test_code_server_gets_the_address_behind_its_proxy(
    login: Login, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, template: str, prefix: str
) -> None:
    """Many versions of it drop the path of a URL on localhost."""
    program, calls = helper_program(tmp_path)
    monkeypatch.setenv("BROWSER", str(program))
    monkeypatch.setenv("VSCODE_PROXY_URI", template)
    monkeypatch.setenv("CODE_SERVER_SESSION_SOCKET", "/run/code-server.sock")
    open_sign_in(login, remote=True)
    wait_until(calls.exists)
    port = login.redirect_uri.removesuffix("/callback").rpartition(":")[2]
    assert calls.read_text().startswith(prefix.replace("PORT", port))


# -- other pages


def test_a_page_with_a_token_is_opened_without_it_in_the_arguments(browser: RecordingBrowser) -> None:
    with open_page("http://localhost:8888/lab?token=secret") or pytest.fail("no browser"):
        wait_until(lambda: browser.opened)
        assert "secret" not in browser.opened[0]
        assert get(browser.opened[0]).headers["Location"] == "http://localhost:8888/lab?token=secret"
    with pytest.raises(requests.ConnectionError):
        get(browser.opened[0])
