"""Every state of the panel, one after the other in one notebook, each held for as long as somebody looks."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import expect

from cognito_jupyter.local import LocalCognito

from .book import LOAD, LOGIN, NotebookPage

_REVOKE = """cognito.authenticator.revoke(cognito.auth_tokens["refresh_token"])
try:
    cognito.refresh_user_pool_tokens()
except PermissionError:
    pass"""
_REMOTE_LOGIN = """import os
os.environ["JUPYTERHUB_USER"] = "demo"
%cognito_login --panel --role-suffix Analyst
del os.environ["JUPYTERHUB_USER"]"""
CELLS = (LOAD, "import cognito_jupyter\ncognito_jupyter.LoginPanel()", f"{LOGIN} --timeout 2", _REMOTE_LOGIN, _REVOKE)
WRONG_ADDRESS = "https://hub.example.org/?code=abc&state=def"


def panel_states(book: NotebookPage, cognito: LocalCognito) -> Iterator[str]:
    """Goes through them.

    Args:
        book: A notebook of `CELLS`.
        cognito: Where its person signs in.

    Yields:
        The state's name, while the panel shows it.
    """
    book.run_cells(0, 1)
    book.expect_panel_text("You are not signed in")
    yield "signed-out"
    yield from _unfinished_states(book)
    # In the first panel, once those below it have been scrolled past.
    with cognito.aws._lock:
        book.sign_in_by_link()
        book.expect_panel_text("Signing you in")
        yield "finishing"
    book.expect_signed_in()
    yield "signed-in"
    book.panel.get_by_label("Role").select_option("Uploader")
    expect(book.button("Sign out")).to_be_enabled()
    yield "role-changed"
    book.run_cells(4)
    book.expect_panel_text("Your sign-in has ended")
    yield "ended-by-server"


def _unfinished_states(book: NotebookPage) -> Iterator[str]:
    book.button("Sign in").click()
    expect(book.sign_in_link).to_be_visible()
    yield "waiting"
    book.paste_field.fill(WRONG_ADDRESS)
    book.expect_panel_text("belongs to another sign-in")
    yield "wrong-address"
    book.button("Cancel").click()
    expect(book.button("Try again")).to_be_visible()
    yield "cancelled"
    book.button("Try again").click()
    book.paste_field.fill(_denial_url(str(book.sign_in_link.get_attribute("href"))))
    expect(book.button("Try again")).to_be_visible()
    yield "denied"
    book.run_cells(2)
    book.expect_panel_text("The sign-in timed out")
    yield "timed-out"
    book.run_cells(3)
    book.expect_panel_text("it was started by JupyterHub")
    yield "waiting-elsewhere"


def _denial_url(authorization_url: str) -> str:
    """The address to which Cognito sends a browser whose person did not agree."""
    parameters = parse_qs(urlsplit(authorization_url).query)
    return f"{parameters['redirect_uri'][0]}?error=access_denied&state={parameters['state'][0]}"
