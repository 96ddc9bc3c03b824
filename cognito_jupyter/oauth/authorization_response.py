"""The authorization response that the browser brings back from Cognito (RFC 6749, section 4.1.2).

The callback server parses the query of a redirect; a login parses a URL that the user pasted. Nothing here compares the
state: the login does.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from urllib.parse import parse_qs

from ..errors import PastedUrlError

_MAX_FIELDS = 50
_SIGN_IN_PATHS = ("/oauth2/authorize", "/login", "/signup", "/forgotPassword", "/error")
_COPY_REMEDY = "Copy the whole address of the page that the browser shows after the sign-in, and paste it here."


@dataclass(frozen=True, repr=False)
class AuthorizationResponse:
    """The parameters of an authorization response; all None before one has arrived.

    Attributes:
        authorization_code: The code, if the user signed in.
        error: The error code, if the sign-in failed (RFC 6749, section 4.1.2.1).
        error_description: Cognito's text for the error.
        state: The value that the authorization request carried.
    """

    authorization_code: str | None = None
    error: str | None = None
    error_description: str | None = None
    state: str | None = None

    def __repr__(self) -> str:
        kind = "a code" if self.authorization_code else f"the error {self.error!r}" if self.error else "empty"
        return f"<AuthorizationResponse: {kind}>"


def parse_query(query: str) -> AuthorizationResponse | None:
    """Parses the query of a callback URL.

    Unknown parameters are ignored, as RFC 6749 requires (proxies add some). Each known one may occur once.

    Args:
        query: What follows the question mark.

    Returns:
        The response; None if the query is not one.
    """
    try:
        fields = parse_qs(query, keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError:
        return None
    parameters = {name: fields.get(name, []) for name in ("code", "error", "error_description", "state")}
    if any(len(values) > 1 for values in parameters.values()):
        return None
    code, error, description, state = (values[0] if values else None for values in parameters.values())
    if bool(code) == bool(error):
        return None
    return AuthorizationResponse(code or None, _printable(error), _printable(description), state)


def parse_pasted_url(text: str) -> AuthorizationResponse:
    """Parses what the user copied from the browser's address bar: the whole URL, or its query.

    White space, quotes, angle brackets and line breaks, which terminals and chat programs add, are removed.

    Raises:
        PastedUrlError: It holds no authorization response; the message says what it looks like instead, and shows
            no part of it.
    """
    cleaned = html.unescape("".join(text.split())).strip("'\"`<>()")
    if not cleaned:
        raise PastedUrlError("Nothing was pasted.", _COPY_REMEDY)
    before, separator, after = cleaned.partition("?")
    query = (after if separator else before).partition("#")[0]
    response = parse_query(query)
    if response is None or not response.state:
        raise _explain_rejected_paste(before, query)
    return response


def _explain_rejected_paste(address: str, query: str) -> PastedUrlError:
    if any(address.endswith(path) for path in _SIGN_IN_PATHS):
        return PastedUrlError(
            "That is the address of the sign-in page, where the sign-in is not finished yet.",
            "Sign in there first; then copy the address of the page that comes after it.",
        )
    if "code=" in query:
        return PastedUrlError("That address is incomplete: it has no state, or a part occurs twice.", _COPY_REMEDY)
    if re.fullmatch(r"(?=.*\d)[A-Za-z0-9_-]{16,}", address):
        return PastedUrlError("That is only a code, which does not show that it belongs to this login.", _COPY_REMEDY)
    if query.count(".") == 2 and query.startswith("eyJ"):
        return PastedUrlError("That is a token, which is secret and is not needed here.", _COPY_REMEDY)
    return PastedUrlError(
        "That is not the address that follows a sign-in: it holds neither a code nor an error.", _COPY_REMEDY
    )


def _printable(text: str | None) -> str | None:
    """Returns Cognito's text as one printable line of limited length, safe to show to the user."""
    if not text:
        return None
    return "".join(c if c.isprintable() else " " for c in text)[:200]
