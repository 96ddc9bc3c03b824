"""What Cognito's refusals at the token endpoint mean, and what to do about each.

Source: RFC 6749, section 5.2; https://docs.aws.amazon.com/cognito/latest/developerguide/token-endpoint.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ..errors import RefusedError, SignedOutError
from .transport import JsonResponse

_SAFE_WORD = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_SIGN_IN_AGAIN = "Sign in again."


def token_error(action: str, response: JsonResponse, form: Mapping[str, str]) -> RefusedError:
    """The error for an answer that is not 200; it holds Cognito's `error`, and nothing of the form but the client id.

    Args:
        action: What was asked, as it follows "Cognito refused to".
        response: What came back.
        form: What was sent, so that a server which repeats it cannot make us show it.
    """
    error = _safe_word(response.payload.get("error"), form) or f"HTTP {response.status}"
    detail = _safe_word(response.payload.get("error_description"), form)
    reason = f"{error}: {detail}" if detail else error
    return RefusedError(f"Cognito refused to {action} ({reason}).", _remedy(error, detail, form))


def sign_in_expired() -> SignedOutError:
    """The error for a refresh token that is no longer good, for whatever reason Cognito has."""
    return SignedOutError(
        "The sign-in has ended: its refresh token has expired or was revoked (invalid_grant).", _SIGN_IN_AGAIN
    )


def require_tokens(payload: Mapping[str, object], names: Iterable[str]) -> None:
    """Raises RefusedError that names the tokens which are missing."""
    missing = [name for name in names if not isinstance(payload.get(name), str) or not payload[name]]
    if missing:
        raise RefusedError(
            f"Cognito's answer holds no {' and no '.join(missing)}.",
            "Check that the scopes include openid and that the app client allows the authorization code grant.",
        )


def _remedy(error: str, detail: str | None, form: Mapping[str, str]) -> str:
    if error == "invalid_grant":
        return "The code was used before or is older than five minutes; sign in again."
    if detail == "invalid_redirect":
        return f"Register this redirect URI with the app client, to the character: {form.get('redirect_uri', '')}"
    if detail == "invalid_client_secret":
        return "This app client has a secret, which a notebook cannot keep; use an app client without one."
    if error == "invalid_client":
        return f"Check the client id ({form.get('client_id', '')}) and that it belongs to this domain."
    if error == "unauthorized_client":
        return "Allow the authorization code grant, and refreshing, for this app client."
    return f"{_SIGN_IN_AGAIN} If it stays so, show this message to your administrator."


def _safe_word(value: object, form: Mapping[str, str]) -> str | None:
    """A short plain word of the answer, unless it is, or holds, something that we sent."""
    if not isinstance(value, str) or not _SAFE_WORD.fullmatch(value):
        return None
    secrets = (form.get(name, "") for name in ("code", "code_verifier", "refresh_token", "token"))
    return None if any(secret and (secret in value or value in secret) for secret in secrets) else value
