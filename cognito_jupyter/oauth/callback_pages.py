"""The pages that the listener shows in the browser: fixed text, nothing of the request in them."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from http import HTTPStatus

_SCRIPT = 'history.replaceState(null, "", location.pathname)'
_STYLE = """
:root { color-scheme: light dark; --ink: #1b2430; --soft: #5b6675; --ground: #f5f6f8; --sheet: #fff; --mark: #1f7a4d }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8ebf0; --soft: #a4adba; --ground: #14181e; --sheet: #1e242c; --mark: #58c48d }
}
html, body { height: 100%; margin: 0 }
body { display: grid; place-items: center; background: var(--ground); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif }
main { box-sizing: border-box; width: min(30rem, 100% - 2rem); padding: 2rem;
  background: var(--sheet); border-radius: .75rem }
h1 { margin: 0 0 .5rem; font-size: 1.375rem; line-height: 1.25 }
p { margin: 0; color: var(--soft) }
.done h1 { color: var(--mark) }
"""


@dataclass(frozen=True)
class CallbackPage:
    """One answer of the listener to a browser."""

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
    "You can close this tab. Go back to your notebook, which is going on by itself.",
    "done",
)
SIGN_IN_ERROR = _make_page(
    HTTPStatus.BAD_REQUEST,
    "You are not signed in",
    "The sign-in ended with an error. Go back to your notebook: it says what happened and what to do.",
)
ALREADY_FINISHED = _make_page(
    HTTPStatus.GONE,
    "This sign-in is already over",
    "It was finished or given up before. Go back to your notebook and look there.",
)
NOT_FOUND = _make_page(
    HTTPStatus.NOT_FOUND,
    "Nothing here",
    "No sign-in waits at this address. Go back to your notebook and open the sign-in link from there.",
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
"""Sent with every page; the policy lets the one script and the one style sheet through by their hashes."""
