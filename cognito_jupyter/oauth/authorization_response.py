"""The authorization response that the browser brings back from Cognito (RFC 6749, section 4.1.2).

The callback server parses the query of a redirect; a login parses a URL that the user pasted. Nothing here compares the
state: the login does.
"""

from __future__ import annotations

import enum
import html
import re
from dataclasses import dataclass
from urllib.parse import parse_qs

from .._printable import one_line
from .._util.redaction import SecretText
from ..errors import PastedUrlError

_MAX_FIELDS = 50
_SIGN_IN_PATHS = ("/oauth2/authorize", "/login", "/signup", "/forgotPassword")
_PROVIDER_RESPONSE_PATHS = ("/oauth2/idpresponse", "/saml2/idpresponse")
"""Where an identity provider sends its own response; Cognito reads it, and only then sends the user on."""
_ERROR_PAGE_PATH = "/error"
_REDIRECT_MISMATCH = "redirect_mismatch"
_MISSING_PARAMETERS = "Requiredparametersmissing"
"""The words of Cognito's error page, without their spaces, as every pasted text."""
_COPY_REMEDY = "Copy the whole address of the page that the browser shows after the sign-in, and paste it here."

_REMEDIES = {
    _MISSING_PARAMETERS: "Open the whole sign-in link, to its last character.",
    "unauthorized_client": "Allow the authorization code grant for the app client.",
    "access_denied": "Sign in again, or ask your administrator for access.",
    "temporarily_unavailable": "Sign in again in a minute.",
}


class CallbackOutcome(enum.Enum):
    """What an authorization response meant to the login."""

    ACCEPTED = "accepted"
    ERROR = "error"
    ALREADY_FINISHED = "already finished"
    STATE_MISMATCH = "state mismatch"


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

    @property
    def reason(self) -> str:
        """The error with its description, as one printable line."""
        return f"{self.error}: {self.error_description}" if self.error_description else self.error or ""


def parse_query(query: str) -> AuthorizationResponse | None:
    """Parses the query of a callback URL.

    Unknown parameters are ignored, as RFC 6749 requires (proxies add some). Each known one may occur once.

    Args:
        query: What follows the question mark.

    Returns:
        The response; None if the query is not one.
    """
    query = SecretText(query)
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
    if error:
        error = one_line(error) or "an error without a printable name"
    secret_code, secret_state = (SecretText(each) if each is not None else None for each in (code or None, state))
    return AuthorizationResponse(secret_code, error or None, one_line(description or "") or None, secret_state)


def remedy_for_error(response: AuthorizationResponse, redirect_uri: str) -> str:
    """Returns what to do about Cognito's error; the error codes are those of RFC 6749, section 4.1.2.1.

    Args:
        response: A response with an error.
        redirect_uri: The login's redirect URI, for the error that it is not registered.
    """
    if response.error == _REDIRECT_MISMATCH:
        return f"Check client_id, and register exactly this redirect URI with the app client: {redirect_uri}"
    if "invalid_scope" in response.reason:
        return "Set scopes to what the app client allows (openid is needed), or allow them there."
    return _REMEDIES.get(
        _without_spaces(response.error), "Sign in again; if it happens again, show this message to your administrator."
    )


def parse_pasted_url(text: str, redirect_uri: str = "redirect_uri of the settings") -> AuthorizationResponse:
    """Parses what the user copied from the browser's address bar: the whole URL, or its query.

    White space, quotes, angle brackets and line breaks, which terminals and chat programs add, are removed.

    Args:
        text: What was pasted.
        redirect_uri: The login's redirect URI, which the error for an unregistered one names.

    Raises:
        PastedUrlError: It holds no authorization response; the message says what it looks like instead, and shows
            no part of it but Cognito's error.
    """
    text = SecretText(text)
    cleaned = SecretText(html.unescape(_without_spaces(text)).strip("'\"`<>()"))
    if not cleaned:
        raise PastedUrlError("Nothing was pasted.", _COPY_REMEDY)
    before, separator, after = cleaned.partition("?")
    query = (after if separator else before).partition("#")[0]
    response = parse_query(query)
    if response is not None and response.state and not before.endswith(_PROVIDER_RESPONSE_PATHS):
        return response
    if response is not None and response.error and not before.endswith(_PROVIDER_RESPONSE_PATHS):
        raise _pasted_error(response, before, redirect_uri)
    raise _explain_rejected_paste(before, query)


def _pasted_error(response: AuthorizationResponse, address: str, redirect_uri: str) -> PastedUrlError:
    """Returns the error for a URL with an error and without a state: the login that it belongs to is unknown."""
    if not address.endswith(_ERROR_PAGE_PATH):
        what = f"That address holds an error in place of a code ({response.reason})."
    elif response.error == _REDIRECT_MISMATCH:
        what = "Cognito does not know this redirect URI for this app client (redirect_mismatch)."
    elif _without_spaces(response.error) == _MISSING_PARAMETERS:
        what = "The sign-in link was not complete when it was opened (Required parameters missing)."
    else:
        what = f"That is Cognito's error page ({response.reason})."
    return PastedUrlError(what, remedy_for_error(response, redirect_uri))


def _explain_rejected_paste(address: str, query: str) -> PastedUrlError:
    what, remedy = "That is not the address that follows a sign-in: it holds neither a code nor an error.", _COPY_REMEDY
    if address.endswith(_SIGN_IN_PATHS + _PROVIDER_RESPONSE_PATHS):
        what = "That is the address of the sign-in page, where the sign-in is not finished yet."
        remedy = "Sign in there first; then copy the address of the page that comes after it."
    elif address.endswith(_ERROR_PAGE_PATH):
        what = "That is the address of an error page, and it does not say what the error is."
        remedy = "Open the link that is shown here again, and copy the whole address of the page where you end up."
    elif "code=" in query and "state=" not in query:
        what = "That address has no state, which would show that it belongs to this login."
        remedy = (
            "Copy it again to its end; if you started at your organisation's portal, open the sign-in link instead."
        )
    elif "code=" in query:
        what = "That address is not complete, or a part of it occurs twice."
    elif re.fullmatch(r"(?=.*\d)[A-Za-z0-9_-]{16,}", address):
        what = "That is only a code, which does not show that it belongs to this login."
    elif query.count(".") == 2 and query.startswith("eyJ"):
        what = "That is a token, which is secret and is not needed here."
    return PastedUrlError(what, remedy)


def _without_spaces(text: str | None) -> str:
    return "".join((text or "").split())
