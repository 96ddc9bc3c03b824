"""Plays the person at the login page over HTTP: cookies, redirects, the form with its hidden field."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import requests

_HOPS = 5


class Person:
    """One browser with its cookies.

    Args:
        verify: As for requests: a CA file for a Cognito with TLS.
    """

    def __init__(self, *, verify: str | bool = True) -> None:
        self._browser = requests.Session()
        self._browser.verify = verify
        # The person's own machine: neither its proxies nor its netrc belong to this play.
        self._browser.trust_env = False

    def sign_in(self, authorization_url: str, username: str, password: str, *, follow_callback: bool = True) -> str:
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
        answer = self._browser.get(authorization_url, allow_redirects=False, timeout=10)
        for _ in range(_HOPS):
            if answer.is_redirect:
                target = urljoin(answer.url, answer.headers["Location"])
                if _origin(target) != origin:
                    if follow_callback:
                        self._browser.get(target, timeout=10)
                    return target
                answer = self._browser.get(target, allow_redirects=False, timeout=10)
                continue
            form = _Form.parse(answer.text)
            if answer.status_code != requests.codes.ok or form.action is None or form.alert:
                raise RuntimeError(f"The sign-in page answered {answer.status_code}: {form.alert or form.title}")
            fields = form.hidden | {"username": username, "password": password}
            answer = self._browser.post(
                urljoin(answer.url, form.action), data=fields, allow_redirects=False, timeout=10
            )
        raise RuntimeError("The sign-in page leads nowhere.")


def sign_in(
    authorization_url: str, username: str, password: str, *, verify: str | bool = True, follow_callback: bool = True
) -> str:
    """One sign-in by a new browser; see `Person.sign_in`."""
    return Person(verify=verify).sign_in(authorization_url, username, password, follow_callback=follow_callback)


def _origin(url: str) -> str:
    return "{0.scheme}://{0.netloc}".format(urlsplit(url))


class _Form(HTMLParser):
    """What a page asks, and what it says went wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.action: str | None = None
        self.hidden: dict[str, str] = {}
        self.alert = ""
        self.title = ""
        self._into = ""

    @classmethod
    def parse(cls, page: str) -> _Form:
        form = cls()
        form.feed(page)
        return form

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = dict(attrs)
        if tag == "form":
            self.action = has.get("action")
        elif tag == "input" and has.get("type") == "hidden":
            self.hidden[has.get("name") or ""] = has.get("value") or ""
        self._into = "alert" if has.get("role") == "alert" else tag

    def handle_data(self, data: str) -> None:
        if self._into == "alert":
            self.alert += data.strip()
        elif self._into == "title":
            self.title += data.strip()

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 - html.parser's interface
        self._into = ""
