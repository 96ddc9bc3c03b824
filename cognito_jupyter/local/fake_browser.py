"""A browser for `webbrowser` that signs a user in, or closes the tab; for tests and the notebook of mistakes."""

from __future__ import annotations

import html
import re
import webbrowser
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from .login_page_client import submit_login
from .model import User

_META_REFRESH = re.compile(r'http-equiv="refresh" content="0; url=([^"]+)"')


class FakeBrowser(webbrowser.BaseBrowser):
    """Signs in at the login page over HTTP.

    `webbrowser.register("fake", None, FakeBrowser(user), preferred=True)` makes it this process's browser.

    Args:
        user: The user that signs in; None: the tab is closed without a sign-in.
    """

    def __init__(self, user: User | None) -> None:
        super().__init__("fake")
        self._user = user

    def open(self, url: str, new: int = 0, autoraise: bool = True) -> bool:  # noqa: ARG002 - webbrowser's interface
        """Opens a page; a local page that redirects by meta refresh is followed.

        Args:
            url: The page's URL.
            new: Ignored.
            autoraise: Ignored.
        """
        target = url
        if url.startswith("file:"):
            page = Path(url2pathname(urlsplit(url).path)).read_text(encoding="utf-8")
            meta_refresh = _META_REFRESH.search(page)
            target = html.unescape(meta_refresh[1]) if meta_refresh else url
        if self._user is not None:
            # A failed sign-in is shown by the page only.
            with suppress(RuntimeError):
                submit_login(target, self._user.login_name, self._user.password)
        return True
