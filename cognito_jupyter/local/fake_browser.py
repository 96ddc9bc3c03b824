"""A browser for `webbrowser`, with a person in front of it who signs in, or makes a mistake."""

from __future__ import annotations

import html
import re
import webbrowser
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from .login_page_client import submit_login
from .model import User

_META_REFRESH = re.compile(r'http-equiv="refresh" content="0; url=([^"]+)"')


class FakeBrowser(webbrowser.BaseBrowser):
    """Plays a person at the sign-in page, over HTTP.

    `webbrowser.register("played", None, PlayedBrowser(user), preferred=True)` makes it this process's browser.

    Args:
        user: Who signs in; None: somebody who closes the tab.

    Attributes:
        page_error: What the page said where it did not lead on.
    """

    def __init__(self, user: User | None) -> None:
        super().__init__("played")
        self._user = user
        self.page_error: str | None = None

    def open(self, url: str, new: int = 0, autoraise: bool = True) -> bool:  # noqa: ARG002
        """Opens a page; follows it where it only sends the browser on."""
        target = url
        if url.startswith("file:"):
            page = Path(url2pathname(urlsplit(url).path)).read_text(encoding="utf-8")
            meta_refresh = _META_REFRESH.search(page)
            target = html.unescape(meta_refresh[1]) if meta_refresh else url
        if self._user is not None:
            try:
                submit_login(target, self._user.username, self._user.password)
            except RuntimeError as error:
                self.page_error = str(error)
        return True
