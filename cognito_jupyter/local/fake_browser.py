"""A browser for `webbrowser` that signs a user in, or closes the tab; for tests and the notebook of mistakes."""

from __future__ import annotations

import webbrowser
from contextlib import suppress
from urllib.parse import urlsplit

import requests

from .login_page_client import submit_login
from .model import User

_TIMEOUT = 10.0


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
        """Opens a page; the page of this package's own that leads to the sign-in page is followed.

        Args:
            url: The page's URL.
            new: Ignored.
            autoraise: Ignored.
        """
        response = requests.get(url, allow_redirects=False, timeout=_TIMEOUT)
        location = response.headers.get("Location", "")
        # It is at the login's own listener, which `submit_login` would take for the end of the login.
        target = location if urlsplit(location).path == "/oauth2/authorize" else url
        if self._user is not None:
            # A failed sign-in is shown by the page only.
            with suppress(RuntimeError):
                submit_login(target, self._user.login_name, self._user.password)
        return True
