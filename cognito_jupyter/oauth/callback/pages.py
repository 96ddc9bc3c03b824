"""The pages that the callback server shows in the browser.

Their text is fixed, with one exception: an error that names no login appears nowhere else. Only the page of an accepted
response takes the query out of the address bar: any other address may be needed, to be pasted or to be shown to an
administrator. The styles are in pages.css.
"""

from __future__ import annotations

import base64
import hashlib
import html
from dataclasses import dataclass
from http import HTTPStatus
from importlib import resources

from ..authorization_response import AuthorizationResponse, CallbackOutcome

# Removes the code and the state from the address bar and from the browser's history.
_SCRIPT = 'history.replaceState(null, "", location.pathname)'
STYLE = resources.files(__package__).joinpath("pages.css").read_text(encoding="utf-8")


@dataclass(frozen=True, repr=False)
class CallbackPage:
    """One page with its HTTP status.

    Attributes:
        status: The status of the HTTP response.
        body: The HTML document, encoded.
    """

    status: HTTPStatus
    body: bytes


def _make_page(
    status: HTTPStatus, title: str, text: str, css_class: str = "", *, keep_address: bool = True
) -> CallbackPage:
    script = "" if keep_address else f"<script>{_SCRIPT}</script>"
    body = (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>'
        f"<style>{STYLE}</style>{script}</head>"
        f'<body><main class="{css_class}"><h1>{title}</h1><p>{text}</p></main></body></html>\n'
    )
    return CallbackPage(status, body.encode())


def csp_hash(inline: str) -> str:
    """Returns the source expression that allows one inline script or style sheet (Content Security Policy, 2.3.1)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()}'"


SIGNED_IN_TEXT = (
    "Sign-in received",
    "You can close this tab. Return to your notebook; it continues automatically.",
)
SIGN_IN_ERROR_TEXT = (
    "You are not signed in",
    "The sign-in ended with an error. Return to your notebook: it says what happened and what to do.",
)
ALREADY_FINISHED_TEXT = (
    "This sign-in has already ended",
    "It was finished or cancelled before. Return to your notebook to see its result.",
)
SIGNED_IN = _make_page(HTTPStatus.OK, *SIGNED_IN_TEXT, "done", keep_address=False)
SIGN_IN_ERROR = _make_page(HTTPStatus.BAD_REQUEST, *SIGN_IN_ERROR_TEXT)
ALREADY_FINISHED = _make_page(HTTPStatus.GONE, *ALREADY_FINISHED_TEXT)
NOT_FOUND = _make_page(
    HTTPStatus.NOT_FOUND,
    "Nothing here",
    "No sign-in is waiting at this address. Return to your notebook and open the sign-in link from there.",
)
LINK_USED = _make_page(
    HTTPStatus.GONE,
    "This page was opened before",
    "It takes a browser to the sign-in once. Return to your notebook and open the sign-in link from there.",
)
OTHER_LOGIN = _make_page(
    HTTPStatus.NOT_FOUND,
    "This is the address of another sign-in",
    "The notebook that waits here did not start it. If you opened the link of another notebook or terminal, copy the "
    "whole address of this page and paste it there. Otherwise open the link again that your notebook shows now.",
)
CODE_WITHOUT_STATE = _make_page(
    HTTPStatus.NOT_FOUND,
    "No notebook can accept this sign-in",
    "The address of this page has no state, so no notebook can accept it. If you copied the address, copy it again to "
    "its end. If you started at your organisation's portal, open the sign-in link that your notebook shows instead.",
)
REQUEST_TOO_LARGE = _make_page(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    "Your browser sent too much",
    "Copy the whole address of this page and paste it into the notebook that waits for the sign-in. If it happens "
    "again, delete the cookies that your browser keeps for localhost.",
)
NOT_A_PAGE = _make_page(HTTPStatus.FORBIDDEN, "Nothing here", "This address can only be opened as a page.")
METHOD_NOT_ALLOWED = _make_page(
    HTTPStatus.METHOD_NOT_ALLOWED, "Nothing here", "This address can only be opened in a browser."
)


def port_not_forwarded(url: str, port: int) -> CallbackPage:
    """Returns the page that leads to the sign-in where the redirect will not reach the callback server.

    VS Code forwards another port of the user's computer if something else uses the one that the URL names.

    Args:
        url: The URL of the sign-in page.
        port: The port of the callback server.
    """
    return _make_page(
        HTTPStatus.OK,
        "You will have to paste an address",
        f"Something else on your computer uses port {port}, so your sign-in cannot return to the notebook by itself. "
        f'<a href="{html.escape(url)}" rel="noreferrer">Sign in</a>. Then copy the whole address of the page where you '
        "end up, whatever it shows, and paste it into your notebook.",
    )


def error_without_state(error: str) -> CallbackPage:
    """Returns the page for an error that names no login, so that the login which waits here goes on.

    AWS documents errors of identity providers and Lambda triggers without a state:
    https://docs.aws.amazon.com/cognito/latest/developerguide/federation-endpoint-idp-responses.html

    Args:
        error: The error and its description, as one printable line.
    """
    return _make_page(
        HTTPStatus.BAD_REQUEST,
        "You are not signed in",
        f"The address of this page names an error: <q>{html.escape(error)}</q>. Your notebook still waits: return to "
        "it and open its sign-in link again. If the error comes again, show the address of this page to your "
        "administrator.",
    )


HEADERS = (
    ("Content-Type", "text/html; charset=utf-8"),
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    (
        "Content-Security-Policy",
        (
            f"default-src 'none'; script-src {csp_hash(_SCRIPT)}; style-src {csp_hash(STYLE)}; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
    ),
)
"""Sent with every page; the policy allows only the one script and the one style sheet, by their hashes."""


_PAGES = {
    CallbackOutcome.ACCEPTED: SIGNED_IN,
    CallbackOutcome.ERROR: SIGN_IN_ERROR,
    CallbackOutcome.ALREADY_FINISHED: ALREADY_FINISHED,
}


def page_for(outcome: CallbackOutcome, response: AuthorizationResponse) -> CallbackPage:
    """Returns the page that tells the user what an authorization response has meant.

    Args:
        outcome: What it meant to the login.
        response: The response; an error without a state is shown, because no login shows it.
    """
    if outcome in _PAGES:
        return _PAGES[outcome]
    if response.state:
        return OTHER_LOGIN
    return error_without_state(response.reason) if response.error else CODE_WITHOUT_STATE
