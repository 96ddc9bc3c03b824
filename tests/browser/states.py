"""Every state of the panel, one after the other in one notebook, each held for as long as somebody looks."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import expect

from cognito_jupyter.local import LocalCognito

from .book import LOAD, LOGIN, Book

_ENDS = """cognito.authenticator.revoke(cognito.auth_tokens["refresh_token"])
try:
    cognito.refresh_user_pool_tokens()
except PermissionError:
    pass"""
_ELSEWHERE = """import os
os.environ["JUPYTERHUB_USER"] = "demo"
%cognito_login --panel --role-suffix Analyst
del os.environ["JUPYTERHUB_USER"]"""
CELLS = (LOAD, "import cognito_jupyter\ncognito_jupyter.LoginPanel()", f"{LOGIN} --timeout 2", _ELSEWHERE, _ENDS)
WRONG = "https://hub.example.org/?code=abc&state=def"


def states(book: Book, cognito: LocalCognito) -> Iterator[str]:
    """Goes through them.

    Args:
        book: A notebook of `CELLS`.
        cognito: Where its person signs in.

    Yields:
        The state's name, while the panel shows it.
    """
    book.run(0, 1)
    book.says("You are not signed in")
    yield "signed-out"
    yield from _states_that_come_to_nothing(book)
    # In the first panel, once those below it have been scrolled past.
    with cognito.aws._lock:
        book.sign_in()
        book.says("Signing you in")
        yield "finishing"
    book.is_signed_in()
    yield "signed-in"
    book.panel.get_by_label("Role").select_option("Uploader")
    expect(book.button("Sign out")).to_be_enabled()
    yield "role-changed"
    book.run(4)
    book.says("Your sign-in has ended")
    yield "ended-by-server"


def _states_that_come_to_nothing(book: Book) -> Iterator[str]:
    book.button("Sign in").click()
    expect(book.link).to_be_visible()
    yield "waiting"
    book.address.fill(WRONG)
    book.says("belongs to another sign-in")
    yield "wrong-address"
    book.button("Cancel").click()
    expect(book.button("Try again")).to_be_visible()
    yield "cancelled"
    book.button("Try again").click()
    book.address.fill(_denial(str(book.link.get_attribute("href"))))
    expect(book.button("Try again")).to_be_visible()
    yield "denied"
    book.run(2)
    book.says("Nobody finished the sign-in")
    yield "timed-out"
    book.run(3)
    book.says("it was started by JupyterHub")
    yield "waiting-elsewhere"


def _denial(authorization_url: str) -> str:
    """The address to which Cognito sends a browser whose person did not agree."""
    asked = parse_qs(urlsplit(authorization_url).query)
    return f"{asked['redirect_uri'][0]}?error=access_denied&state={asked['state'][0]}"
