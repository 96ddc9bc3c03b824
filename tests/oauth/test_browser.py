"""The browser opens a private page that redirects; the URL is never a process argument."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest

from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator
from cognito_jupyter.oauth.browser import RedirectPage, open_in_browser, remove_abandoned_pages
from tests.support.polling import wait_until

URL = "https://auth.example/oauth2/authorize?state=the-state&nonce=<&redirect_uri=x"


class RecordingBrowser(webbrowser.BaseBrowser):
    """Records each URL that it opens, and reads the page at once."""

    def __init__(self) -> None:
        super().__init__("recording")
        self.opened: list[str] = []
        self.modes: list[int] = []
        self.pages: list[str] = []

    def open(self, url: str, new: int = 0, autoraise: bool = True) -> bool:
        path = Path(url2pathname(urlsplit(url).path))
        self.modes += [path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777]
        self.pages.append(path.read_text())
        self.opened.append(url)
        return True


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Iterator[RecordingBrowser]:
    """Registers a recording browser as this process's browser."""
    monkeypatch.setenv("DISPLAY", ":0")
    browser = RecordingBrowser()
    webbrowser.register("recording", None, browser, preferred=True)
    yield browser
    webbrowser._tryorder.remove("recording")  # type: ignore[attr-defined]
    del webbrowser._browsers["recording"]  # type: ignore[attr-defined]


def test_the_browser_opens_a_private_page_that_redirects(browser: RecordingBrowser) -> None:
    with open_in_browser(URL) or pytest.fail("no browser"):
        wait_until(lambda: browser.opened)
    assert browser.modes == [0o600, 0o700]
    assert "state" not in browser.opened[0]
    assert 'http-equiv="refresh"' in browser.pages[0]
    assert "state=the-state&amp;nonce=&lt;" in browser.pages[0]
    assert not os.path.exists(url2pathname(urlsplit(browser.opened[0]).path))


def test_no_browser_is_opened_without_a_display(browser: RecordingBrowser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY")
    if sys.platform.startswith("linux"):
        assert open_in_browser(URL) is None
        assert not browser.opened


def test_a_text_browser_is_not_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":0")
    webbrowser.register("text", None, webbrowser.GenericBrowser("lynx"), preferred=True)
    try:
        assert open_in_browser(URL) is None
    finally:
        webbrowser._tryorder.remove("text")  # type: ignore[attr-defined]
        del webbrowser._browsers["text"]  # type: ignore[attr-defined]


# -- pages that killed processes left

KILLED_DURING_A_LOGIN = f"""
import os, signal, webbrowser
from cognito_jupyter.oauth.browser import RedirectPage
page = RedirectPage({URL!r})
print(page.path, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, of this process and of those that it starts."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def left_page() -> Path:
    process = subprocess.run([sys.executable, "-c", KILLED_DURING_A_LOGIN], capture_output=True, text=True, check=False)
    assert process.returncode == -signal.SIGKILL
    return Path(process.stdout.strip())


def test_the_next_login_removes_the_pages_of_killed_processes(temporary_folder: Path) -> None:
    pages = [left_page(), left_page()]
    assert all("state=the-state" in page.read_text() for page in pages)
    with CognitoOAuthAuthenticator("auth.example.com", "client", "https://hub.example.com/").begin_login():
        assert not list(temporary_folder.iterdir())


def test_the_page_of_a_login_that_goes_on_stays(temporary_folder: Path) -> None:
    page = RedirectPage(URL)
    remove_abandoned_pages()
    assert page.path.exists()
    page.close()
    assert not list(temporary_folder.iterdir())
    page.close()


def test_only_folders_that_hold_nothing_but_a_page_are_removed(temporary_folder: Path) -> None:
    """Whatever their name: a folder of the user's own, of another user, a link, and one that is just being made."""
    target = temporary_folder / "target"
    target.mkdir(mode=0o700)
    (target / "sign-in.html").touch()
    (temporary_folder / "cognito_jupyter-link").symlink_to(target)
    own = temporary_folder / "cognito_jupyter-own"
    own.mkdir(mode=0o700)
    (own / "notes.txt").touch()
    (own / "sign-in.html").touch()
    being_made = temporary_folder / "cognito_jupyter-new"
    being_made.mkdir(mode=0o700)
    open_to_others = temporary_folder / "cognito_jupyter-open"
    open_to_others.mkdir()
    open_to_others.chmod(0o755)
    (open_to_others / "sign-in.html").touch()
    (temporary_folder / "cognito_jupyter-file").touch()
    before = sorted(temporary_folder.rglob("*"))
    remove_abandoned_pages()
    assert sorted(temporary_folder.rglob("*")) == before
    os.utime(being_made, (0, 0))
    remove_abandoned_pages()
    assert not being_made.exists()


@pytest.mark.skipif(os.name == "nt" or os.getuid() != 0, reason="only root can play another user")
def test_the_folder_of_another_user_is_not_touched(temporary_folder: Path) -> None:
    page = left_page()
    os.chown(page.parent, 65534, 65534)
    remove_abandoned_pages()
    assert page.exists()


def test_without_a_folder_for_temporary_files_the_user_follows_the_link(
    browser: RecordingBrowser, temporary_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(temporary_folder / "gone"))
    remove_abandoned_pages()
    assert open_in_browser(URL) is None
    assert not browser.opened
