"""Signs in at the login page over HTTP, as a user in a browser does: cookies, redirects, the form and its hidden field.

For tests and demonstrations; it never runs in a real sign-in.
"""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import requests

_MAX_REDIRECTS = 5
_TIMEOUT = 10.0


class LoginPageClient:
    """A browser with its cookies.

    Args:
        verify: As for requests: a CA file for a Cognito with TLS.
    """

    def __init__(self, *, verify: str | bool = True) -> None:
        self._http = requests.Session()
        self._http.verify = verify
        # Ignore the proxies and the netrc of this machine's user.
        self._http.trust_env = False

    def submit_login(
        self, authorization_url: str, username: str, password: str, *, follow_callback: bool = True
    ) -> str:
        """Open the sign-in URL, fill in the form if there is one, and follow the redirects.

        Args:
            authorization_url: The URL that the notebook shows.
            username: The user's name.
            password: The user's password.
            follow_callback: Whether to visit the redirect URI too, as a browser does.

        Returns:
            The redirect URI with its code, which a user on another computer would copy.

        Raises:
            RuntimeError: The login failed; the message contains what the page says.
        """
        origin = _origin(authorization_url)
        response = self._http.get(authorization_url, allow_redirects=False, timeout=_TIMEOUT)
        for _ in range(_MAX_REDIRECTS):
            if response.is_redirect:
                target = urljoin(response.url, response.headers["Location"])
                if _origin(target) != origin:
                    if follow_callback:
                        self._http.get(target, timeout=_TIMEOUT)
                    return target
                response = self._http.get(target, allow_redirects=False, timeout=_TIMEOUT)
                continue
            form = _LoginForm(response.text)
            if response.status_code != requests.codes.ok or form.action is None or form.alert:
                raise RuntimeError(f"The sign-in page answered {response.status_code}: {form.alert or form.title}")
            fields = form.hidden | {"username": username, "password": password}
            action = urljoin(response.url, form.action)
            response = self._http.post(action, data=fields, allow_redirects=False, timeout=_TIMEOUT)
        raise RuntimeError("The sign-in page leads nowhere.")


def submit_login(
    authorization_url: str, username: str, password: str, *, verify: str | bool = True, follow_callback: bool = True
) -> str:
    """Sign in with a new `LoginPageClient`.

    Args:
        authorization_url: The URL that the notebook shows.
        username: The user's name.
        password: The user's password.
        verify: As for requests: a CA file for a Cognito with TLS.
        follow_callback: Whether to visit the redirect URI too.

    Returns:
        The redirect URI with its code.

    Raises:
        RuntimeError: The login failed; the message contains what the page says.
    """
    client = LoginPageClient(verify=verify)
    return client.submit_login(authorization_url, username, password, follow_callback=follow_callback)


def _origin(url: str) -> str:
    return "{0.scheme}://{0.netloc}".format(urlsplit(url))


class _LoginForm(HTMLParser):
    """The form of a page, and the error that it shows."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action: str | None = None
        self.hidden: dict[str, str] = {}
        self.alert = ""
        self.title = ""
        self._current_element = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "form":
            self.action = attributes.get("action")
        elif tag == "input" and attributes.get("type") == "hidden":
            self.hidden[attributes.get("name") or ""] = attributes.get("value") or ""
        self._current_element = "alert" if attributes.get("role") == "alert" else tag

    def handle_data(self, data: str) -> None:
        if self._current_element == "alert":
            self.alert += data.strip()
        elif self._current_element == "title":
            self.title += data.strip()

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 - html.parser's interface
        self._current_element = ""
