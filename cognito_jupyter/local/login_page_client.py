"""Signs in at the login page over HTTP, as a user in a browser does: cookies, redirects, the form and its hidden field.

For tests and demonstrations; it never runs in a real sign-in.
"""

from __future__ import annotations

import html
import re
from urllib.parse import urljoin, urlsplit

import requests

_MAX_REDIRECTS = 5
_FORM_ACTION = re.compile(r'<form [^>]*action="([^"]*)"')
_CSRF_FIELD = re.compile(r'name="_csrf" value="([^"]*)"')
_SESSION_FIELD = re.compile(r'name="session" value="([^"]*)"')
_ERROR = re.compile(r'role="alert"[^>]*>([^<]*)<')
_TITLE = re.compile(r"<title>([^<]*)<")
_TIMEOUT = 10.0


def submit_login(  # noqa: PLR0913 - the user's three facts, and five keywords that few callers need
    authorization_url: str,
    username: str,
    password: str,
    *,
    verify: str | bool = True,
    follow_callback: bool = True,
    cookies: requests.cookies.RequestsCookieJar | None = None,
    new_password: str = "",
    code: str = "",
) -> str:
    """Opens the sign-in URL with a new browser, fills in the form, and follows the redirects.

    Args:
        authorization_url: The URL that the notebook shows.
        username: The user's name.
        password: The user's password.
        verify: As for requests: a CA file for a Cognito with TLS.
        follow_callback: Whether to visit the redirect URI too, as a browser does.
        cookies: The browser's cookies, which the login changes; None: a new browser has none.
        new_password: What the user types where the page wants a new password.
        code: What the user types where it wants the code of an authenticator app.

    Returns:
        The redirect URI with its code, which a user on another computer would copy.

    Raises:
        RuntimeError: The login failed; the message contains what the page says.
    """
    with requests.Session() as browser:
        browser.verify = verify
        browser.cookies = browser.cookies if cookies is None else cookies
        # Ignore the proxies and the netrc of this machine's user.
        browser.trust_env = False
        response = browser.get(authorization_url, allow_redirects=False, timeout=_TIMEOUT)
        for _ in range(_MAX_REDIRECTS):
            if response.is_redirect:
                target = urljoin(response.url, response.headers["Location"])
                # Another scheme or host and port: the redirect URI.
                if urlsplit(target)[:2] != urlsplit(authorization_url)[:2]:
                    if follow_callback:
                        browser.get(target, timeout=_TIMEOUT)
                    return target
                response = browser.get(target, allow_redirects=False, timeout=_TIMEOUT)
                continue
            page = response.text
            action, error = _find(_FORM_ACTION, page), _find(_ERROR, page)
            if response.status_code != requests.codes.ok or error or not action:
                message = error or _find(_TITLE, page)
                raise RuntimeError(f"The sign-in page responded with status {response.status_code}: {message}")
            form = {"_csrf": _find(_CSRF_FIELD, page), "username": username, "password": password}
            if challenge := _find(_SESSION_FIELD, page):
                form = {"_csrf": form["_csrf"], "session": challenge, "new_password": new_password, "code": code}
            url = urljoin(response.url, action)
            response = browser.post(url, data=form, allow_redirects=False, timeout=_TIMEOUT)
    raise RuntimeError("The sign-in page leads nowhere.")


def _find(pattern: re.Pattern[str], page: str) -> str:
    found = pattern.search(page)
    return html.unescape(found[1]).strip() if found else ""
