"""Errors for whatever the token endpoint may send: one printable line, with a remedy and without a secret."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from cognito_jupyter._util.redaction import Secret
from cognito_jupyter.errors import RefusedError, SignedOutError, UnavailableError
from cognito_jupyter.oauth.token_errors import token_error
from cognito_jupyter.oauth.transport import JsonResponse

SECRETS = {"code": "c0de-of-a-login", "code_verifier": "v3rifier-of-a-login", "refresh_token": "r3fresh-of-a-login"}
CLIENT_SECRET = "s3cret-of-the-client"
FORM = {"client_id": "the-client", "redirect_uri": "http://localhost:3000"} | SECRETS
TEXTS = st.text(max_size=300) | st.sampled_from([*SECRETS.values(), CLIENT_SECRET]).map(
    lambda secret: f"It was {secret} again, {secret[:3]}\x00{secret[3:]}."
)
PAYLOADS = st.dictionaries(
    st.sampled_from(["error", "error_description", "message"]), TEXTS | st.integers() | st.none() | st.lists(TEXTS)
)


@given(PAYLOADS, st.sampled_from([400, 401, 403, 418]), st.sampled_from(["authorization_code", "refresh_token"]))
def test_every_response_is_one_printable_line_without_a_secret(
    payload: dict[str, object], status: int, grant_type: str
) -> None:
    form = FORM | {"grant_type": grant_type}
    error = token_error("do it", JsonResponse(status, payload), form, Secret(CLIENT_SECRET))
    assert error.remedy
    assert str(error).isprintable()
    assert not [secret for secret in (*SECRETS.values(), CLIENT_SECRET) if secret in str(error)]
    assert isinstance(error, UnavailableError if grant_type == "refresh_token" else RefusedError) or (
        payload.get("error") in {"invalid_grant", "invalid_request", "invalid_client", "unauthorized_client"}
    )


@pytest.mark.parametrize(
    ("description", "shown"),
    [
        ("\x1b[31mPreTokenGeneration failed with error\r\n the \u202edirectory.", "failed with error the directory)"),
        ("eyJraWQiOiJhYmMifQ.eyJzdWIiOiJhbm4ifQ.c2ln is not accepted", "... is not accepted)"),
    ],
)
def test_what_cognito_says_is_shown_in_one_line(description: str, shown: str) -> None:
    response = JsonResponse(400, {"error": "invalid_request", "error_description": description})
    error = token_error("exchange the sign-in's code", response, {"grant_type": "authorization_code"})
    assert shown in str(error)


def test_only_a_refused_refresh_token_ends_the_sign_in() -> None:
    form = {"grant_type": "refresh_token", "refresh_token": "a-token"}
    assert isinstance(token_error("refresh", JsonResponse(400, {"error": "invalid_grant"}), form), SignedOutError)
    for other in ("invalid_client", "unauthorized_client", "invalid_request", "temporarily_unavailable", "", None, 7):
        found = token_error("refresh", JsonResponse(400, {"error": other}), form)
        assert not isinstance(found, SignedOutError)
