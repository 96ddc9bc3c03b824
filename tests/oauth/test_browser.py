"""The browser opens a private page that redirects; the URL is never a process argument."""

from __future__ import annotations

import os
import sys
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest

from cognito_jupyter.oauth.browser import open_in_browser
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
