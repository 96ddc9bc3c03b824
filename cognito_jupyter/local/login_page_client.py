"""Plays the person at the login page over HTTP: cookies, redirects, the form with its hidden field."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import requests

_MAX_REDIRECTS = 5


class LoginPageClient:
    """One browser with its cookies.

    Args:
        verify: As for requests: a CA file for a Cognito with TLS.
    """

    def __init__(self, *, verify: str | bool = True) -> None:
        self._http = requests.Session()
        self._http.verify = verify
        # The person's own machine: neither its proxies nor its netrc belong to this play.
        self._http.trust_env = False

    def submit_login(
        self, authorization_url: str, username: str, password: str, *, follow_callback: bool = True
    ) -> str:
        """Opens the sign-in URL, fills in the form where there is one, and follows the redirect.

        Args:
            authorization_url: What the notebook shows.
            username: Who signs in.
            password: What is typed.
            follow_callback: Whether to visit the redirect URI too, as a browser does.

        Returns:
            The redirect URI with its code: what a person on another computer would copy.

        Raises:
            RuntimeError: The page did not lead on; it says what the page said.
        """
        origin = _origin(authorization_url)
        response = self._http.get(authorization_url, allow_redirects=False, timeout=10)
        for _ in range(_MAX_REDIRECTS):
            if response.is_redirect:
                target = urljoin(response.url, response.headers["Location"])
                if _origin(target) != origin:
                    if follow_callback:
                        self._http.get(target, timeout=10)
                    return target
                response = self._http.get(target, allow_redirects=False, timeout=10)
                continue
            form = _LoginForm.parse(response.text)
            if response.status_code != requests.codes.ok or form.action is None or form.alert:
                raise RuntimeError(f"The sign-in page answered {response.status_code}: {form.alert or form.title}")
            fields = form.hidden | {"username": username, "password": password}
            response = self._http.post(
                urljoin(response.url, form.action), data=fields, allow_redirects=False, timeout=10
            )
        raise RuntimeError("The sign-in page leads nowhere.")


def submit_login(
    authorization_url: str, username: str, password: str, *, verify: str | bool = True, follow_callback: bool = True
) -> str:
    """One sign-in by a new browser; see `Person.sign_in`."""
    return LoginPageClient(verify=verify).submit_login(
        authorization_url, username, password, follow_callback=follow_callback
    )


def _origin(url: str) -> str:
    return "{0.scheme}://{0.netloc}".format(urlsplit(url))


class _LoginForm(HTMLParser):
    """What a page asks, and what it says went wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.action: str | None = None
        self.hidden: dict[str, str] = {}
        self.alert = ""
        self.title = ""
        self._current_element = ""

    @classmethod
    def parse(cls, page: str) -> _LoginForm:
        form = cls()
        form.feed(page)
        return form

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
