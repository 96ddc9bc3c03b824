"""The pages that the callback server shows in the browser.

Their text is fixed: no part of a request appears in a page. The styles are in callback_pages.css.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from http import HTTPStatus
from importlib import resources

# Removes the code and the state from the address bar and from the browser's history.
_SCRIPT = 'history.replaceState(null, "", location.pathname)'
_STYLE = resources.files(__package__).joinpath("callback_pages.css").read_text(encoding="utf-8")


@dataclass(frozen=True, repr=False)
class CallbackPage:
    """One page with its HTTP status.

    Attributes:
        status: The status of the HTTP response.
        body: The HTML document, encoded.
    """

    status: HTTPStatus
    body: bytes


def _make_page(status: HTTPStatus, title: str, text: str, css_class: str = "") -> CallbackPage:
    body = (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>'
        f"<style>{_STYLE}</style><script>{_SCRIPT}</script></head>"
        f'<body><main class="{css_class}"><h1>{title}</h1><p>{text}</p></main></body></html>\n'
    )
    return CallbackPage(status, body.encode())


def _csp_hash(inline: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()}'"


SIGNED_IN = _make_page(
    HTTPStatus.OK,
    "Sign-in received",
    "You can close this tab. Return to your notebook; it continues automatically.",
    "done",
)
SIGN_IN_ERROR = _make_page(
    HTTPStatus.BAD_REQUEST,
    "You are not signed in",
    "The sign-in ended with an error. Return to your notebook: it says what happened and what to do.",
)
ALREADY_FINISHED = _make_page(
    HTTPStatus.GONE,
    "This sign-in has already ended",
    "It was finished or cancelled before. Return to your notebook to see its result.",
)
NOT_FOUND = _make_page(
    HTTPStatus.NOT_FOUND,
    "Nothing here",
    "No sign-in is waiting at this address. Return to your notebook and open the sign-in link from there.",
)
METHOD_NOT_ALLOWED = _make_page(
    HTTPStatus.METHOD_NOT_ALLOWED, "Nothing here", "This address can only be opened in a browser."
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
            f"default-src 'none'; script-src {_csp_hash(_SCRIPT)}; style-src {_csp_hash(_STYLE)}; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
    ),
)
"""Sent with every page; the policy allows only the one script and the one style sheet, by their hashes."""
