"""Translates error responses of the token and revocation endpoints into errors with a remedy.

Sources: RFC 6749, section 5.2; https://docs.aws.amazon.com/cognito/latest/developerguide/token-endpoint.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from .._printable import one_line
from .._util.redaction import Secret
from ..errors import SIGN_IN_AGAIN, RefusedError, SignedOutError, UnavailableError

if TYPE_CHECKING:
    from .transport import JsonResponse

_SET_IT = "set COGNITO_CLIENT_SECRET, or client_secret in your own settings file"
_SECRET_FIELDS = ("code", "code_verifier", "refresh_token", "token")
_TOKEN_NAMES = ("id_token", "access_token", "refresh_token")
_LONGEST = 1e11
"""Seconds: longer than any token is valid."""
_REFUSALS = frozenset(
    {
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "unsupported_token_type",
        "invalid_scope",
    }
)
_TRIGGER_FAILURE = r"(?i:\b(?:lambda|trigger|failed with error|\w*TokenGeneration)\b)"
"""What the description of an error says if a Lambda function of the user pool has failed."""


def token_error(
    action: str, response: JsonResponse, form: Mapping[str, str], client_secret: Secret | None = None
) -> RefusedError | UnavailableError:
    """Returns the error for a response that is not 200: a SignedOutError if Cognito refused a refresh token for good.

    A refresh that fails for another reason than OAuth's own is an UnavailableError: the refresh token stays valid. The
    error shows Cognito's `error` and `error_description`, and of the form only the client id and the redirect URI.

    Args:
        action: What was requested, as it follows "Cognito refused to".
        response: The response.
        form: The form that was sent, so that a server which echoes it cannot make the message show a secret.
        client_secret: The client secret that was sent.
    """
    error, detail, message = (
        _shown(response.payload.get(name), form, client_secret) for name in ("error", "error_description", "message")
    )
    is_refresh = form.get("grant_type") == "refresh_token"
    trigger_failed = detail is not None and re.search(_TRIGGER_FAILURE, detail) is not None
    if is_refresh and error == "invalid_grant" and not trigger_failed:
        return sign_in_expired(detail)
    detail = detail or message
    code = error or f"HTTP {response.status}"
    reason = f"{code}: {detail.removesuffix('.')}" if detail else code
    if trigger_failed or (is_refresh and error not in _REFUSALS):
        remedy = "Try again in a minute. If it happens again, show this message to your administrator."
        if is_refresh:
            return UnavailableError(f"Cognito could not {action} ({reason}).", remedy)
        return RefusedError(f"Cognito could not {action} ({reason}).", remedy)
    return RefusedError(
        f"Cognito refused to {action} ({reason}).", _remedy(code, detail, form, has_secret=client_secret is not None)
    )


def sign_in_expired(detail: str | None = None) -> SignedOutError:
    """Returns the error for a refresh token that Cognito no longer accepts, for whatever reason.

    Args:
        detail: What Cognito says about it, as one printable line.
    """
    reason = f"invalid_grant: {detail.removesuffix('.')}" if detail else "invalid_grant"
    return SignedOutError(
        f"The sign-in has ended: its refresh token has expired or was revoked ({reason}).", SIGN_IN_AGAIN
    )


def require_tokens(payload: Mapping[str, object], names: Iterable[str]) -> dict[str, object]:
    """Returns the members of a token response that have the form that they must have.

    Args:
        payload: The token response.
        names: The tokens that it must hold.

    Raises:
        RefusedError: Such tokens are missing, or a token is none; the message names them.
    """
    members = {
        name: value
        for name, value in payload.items()
        if (name in _TOKEN_NAMES and value not in (None, ""))
        or (name in {"token_type", "scope"} and _is_printable_ascii(value))
        or (name == "expires_in" and isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LONGEST)
    }
    missing = [
        name
        for name in _TOKEN_NAMES
        if (name in names or name in members) and not _is_printable_ascii(members.get(name))
    ]
    if missing:
        raise RefusedError(
            f"Cognito's response holds no {' and no '.join(missing)}.",
            "Check that the scopes include openid and that the app client allows the authorization code grant.",
        )
    return members


def _is_printable_ascii(value: object) -> bool:
    """Returns whether a value is a token as RFC 6749, appendix A, has them: anything else fails in an HTTP header."""
    return isinstance(value, str) and value != "" and value.isascii() and value.isprintable()


def _remedy(error: str, detail: str | None, form: Mapping[str, str], *, has_secret: bool) -> str:
    client_id, redirect_uri = form.get("client_id", ""), form.get("redirect_uri", "")
    match error, detail:
        case "invalid_grant", _:
            remedy = (
                "Sign in again: the code was used before or is older than five minutes. If a new code is refused, too,"
                " the app client may not read an attribute of the scopes: allow that in its attribute permissions."
            )
        case _, "invalid_redirect":
            remedy = f"Register exactly this redirect URI with the app client: {redirect_uri}"
        case "unauthorized_client", None if redirect_uri:
            remedy = (
                "Allow the authorization code grant for this app client, and register exactly this redirect URI with"
                f" it: {redirect_uri}"
            )
        case "unauthorized_client", _:
            remedy = "Allow the authorization code grant, and refreshing, for this app client."
        case "invalid_client", _ if has_secret:
            remedy = f"Check the client secret and the client id ({client_id}): one of them is not this app client's."
        case "invalid_client", "invalid_client_secret":
            remedy = f"This app client has a secret: {_SET_IT}."
        case "invalid_client", _:
            remedy = (
                f"Check the client id ({client_id}) and that it belongs to this domain. If this app client has a"
                f" secret, {_SET_IT}."
            )
        case _:
            remedy = f"{SIGN_IN_AGAIN} If it happens again, show this message to your administrator."
    return remedy


def _shown(value: object, form: Mapping[str, str], client_secret: Secret | None) -> str | None:
    """Returns a text of the response as one printable line, unless it is or contains a secret of the request."""
    if not isinstance(value, str):
        return None
    line = one_line(value)
    secrets = [Secret(form[name]) for name in _SECRET_FIELDS if form.get(name)]
    if client_secret is not None:
        secrets.append(client_secret)
    # In the line as well: invisible characters within a secret would hide it in the text as it came.
    is_secret = any(
        secret.reveal() in value or secret.reveal() in line or line in secret.reveal() for secret in secrets
    )
    return line if line and not is_secret else None
