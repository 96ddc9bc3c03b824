"""Translates error responses of the token and revocation endpoints into errors with a remedy.

Sources: RFC 6749, section 5.2; https://docs.aws.amazon.com/cognito/latest/developerguide/token-endpoint.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ..errors import RefusedError, SignedOutError
from .transport import JsonResponse

_SAFE_WORD = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_SIGN_IN_AGAIN = "Sign in again."


def token_error(action: str, response: JsonResponse, form: Mapping[str, str]) -> RefusedError:
    """Returns the error for a response that is not 200: a SignedOutError if Cognito refused a refresh token for good.

    It shows Cognito's `error` and `error_description`, and of the form only the client id and the redirect URI.

    Args:
        action: What was requested, as it follows "Cognito refused to".
        response: The response.
        form: The form that was sent, so that a server which echoes it cannot make the message show a secret.
    """
    if response.payload.get("error") == "invalid_grant" and form.get("grant_type") == "refresh_token":
        return sign_in_expired()
    error = _safe_word(response.payload.get("error"), form) or f"HTTP {response.status}"
    detail = _safe_word(response.payload.get("error_description"), form)
    reason = f"{error}: {detail}" if detail else error
    return RefusedError(f"Cognito refused to {action} ({reason}).", _remedy(error, detail, form))


def sign_in_expired() -> SignedOutError:
    """Returns the error for a refresh token that Cognito no longer accepts, for whatever reason."""
    return SignedOutError(
        "The sign-in has ended: its refresh token has expired or was revoked (invalid_grant).", _SIGN_IN_AGAIN
    )


def require_tokens(payload: Mapping[str, object], names: Iterable[str]) -> None:
    """Checks that a token response holds every token that it must hold.

    Args:
        payload: The token response.
        names: The required tokens.

    Raises:
        RefusedError: Tokens are missing; the message names them.
    """
    missing = [name for name in names if not isinstance(payload.get(name), str) or not payload[name]]
    if missing:
        raise RefusedError(
            f"Cognito's response holds no {' and no '.join(missing)}.",
            "Check that the scopes include openid and that the app client allows the authorization code grant.",
        )


def _remedy(error: str, detail: str | None, form: Mapping[str, str]) -> str:
    if error == "invalid_grant":
        return "The code was used before or is older than five minutes; sign in again."
    if detail == "invalid_redirect":
        return f"Register exactly this redirect URI with the app client: {form.get('redirect_uri', '')}"
    if detail == "invalid_client_secret":
        return "This app client has a secret, which a notebook cannot keep; use an app client without one."
    if error == "invalid_client":
        return f"Check the client id ({form.get('client_id', '')}) and that it belongs to this domain."
    if error == "unauthorized_client":
        return "Allow the authorization code grant, and refreshing, for this app client."
    return f"{_SIGN_IN_AGAIN} If it happens again, show this message to your administrator."


def _safe_word(value: object, form: Mapping[str, str]) -> str | None:
    """Returns a short plain word of the response, unless it is or contains a secret of the form."""
    if not isinstance(value, str) or not _SAFE_WORD.fullmatch(value):
        return None
    secrets = (form.get(name, "") for name in ("code", "code_verifier", "refresh_token", "token"))
    return None if any(secret and (secret in value or value in secret) for secret in secrets) else value
