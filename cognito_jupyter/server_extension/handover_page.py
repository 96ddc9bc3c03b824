"""The page that hands its own address to the panels of its origin, where the server itself cannot pass it to a kernel.

That is so for kernels on other machines, behind a kernel gateway, and on systems without Unix sockets. A hub that
installs nothing beside its servers may serve the same page, which needs no server: `deploy/callback.html`, made by
`python -m cognito_jupyter.server_extension.handover_page`.
"""

from __future__ import annotations

import sys
from http import HTTPStatus
from importlib import resources

from ..oauth.authorization_response import CallbackOutcome
from ..oauth.callback.pages import (
    ALREADY_FINISHED_TEXT,
    HEADERS as CALLBACK_HEADERS,
    SIGN_IN_ERROR_TEXT,
    SIGNED_IN_TEXT,
    STYLE,
    CallbackPage,
    csp_hash,
)

_SCRIPT = resources.files(__package__).joinpath("handover.js").read_text(encoding="utf-8")
_POLICY = f"default-src 'none'; script-src {csp_hash(_SCRIPT)}; style-src {csp_hash(STYLE)}; base-uri 'none'; "
_POLICY += "form-action 'none'"
_SECTIONS = (
    ("wait", "", ("One moment", "This page passes the sign-in to your notebook.")),
    (CallbackOutcome.ACCEPTED.value, "done", SIGNED_IN_TEXT),
    (CallbackOutcome.ERROR.value, "", SIGN_IN_ERROR_TEXT),
    (CallbackOutcome.ALREADY_FINISHED.value, "", ALREADY_FINISHED_TEXT),
    (
        "paste",
        "",
        (
            "Copy the address of this page",
            (
                "No notebook has taken the sign-in from this page. Copy the whole address of this page and paste it "
                "into the notebook or terminal that waits for it. If none waits, open the sign-in link that your "
                "notebook shows now."
            ),
        ),
    ),
)


def _html() -> str:
    sections = "".join(
        f'<section data-outcome="{name}" class="{css_class}"{"" if name == "paste" else " hidden"}>'
        f"<h1>{title}</h1><p>{text}</p></section>"
        for name, css_class, (title, text) in _SECTIONS
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}"><meta name="referrer" content="no-referrer">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>Sign-in</title>'
        f'<style>{STYLE}</style></head><body><main role="status">{sections}</main>'
        f"<script>{_SCRIPT}</script></body></html>\n"
    )


PAGE = CallbackPage(HTTPStatus.NOT_FOUND, _html().encode())
"""Its status is that of a server which knows no login with this state; the browser runs its script all the same."""
HEADERS = tuple(
    (name, f"{_POLICY}; frame-ancestors 'none'" if name == "Content-Security-Policy" else value)
    for name, value in CALLBACK_HEADERS
)

if __name__ == "__main__":
    sys.stdout.buffer.write(PAGE.body)
