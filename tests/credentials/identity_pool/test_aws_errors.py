"""The identity pool's errors in words that say what to do."""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError

from cognito_jupyter.credentials.identity_pool.aws_errors import clock_skew_from_response, translate_client_error
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.errors import CognitoError, CredentialsError
from cognito_jupyter.local import LocalCognito

NOT_AUTHORIZED = "NotAuthorizedException"


def translate(code: str, text: str = "", *, status: int = 400, skew: float = 0.0) -> CognitoError:
    response = {"Error": {"Code": code, "Message": text}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return translate_client_error(ClientError(response, "GetId"), "us-east-1", skew)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("code", "text", "what", "remedy"),
    [
        (NOT_AUTHORIZED, "Invalid login token. Token expired: 2 >= 1", "id token has expired", "Sign in again"),
        (
            NOT_AUTHORIZED,
            "Token is not from a supported provider of this identity pool.",
            "does not know this user pool's app client",
            "identity_pool_id, user_pool_id and client_id",
        ),
        (NOT_AUTHORIZED, "Invalid login token. Issuer doesn't match providerName", "another user pool", "user_pool_id"),
        (NOT_AUTHORIZED, "Invalid login token. Couldn't verify signed token.", "could not verify", "Sign in again"),
        (NOT_AUTHORIZED, "Access to Identity 'us-east-1:x' is forbidden.", "another user", "Sign in again"),
        (
            NOT_AUTHORIZED,
            "Unauthenticated access is not supported for this identity pool.",
            "received no sign-in",
            "sign in",
        ),
        (NOT_AUTHORIZED, "The ambiguous role mapping rules for: x denied this request.", "no role", "--role-suffix"),
        (NOT_AUTHORIZED, "Something about a role.", "Something about a role (", "%cognito_roles"),
        ("ResourceNotFoundException", "", "no such identity pool in us-east-1", "identity_pool_id and region"),
        ("InvalidIdentityPoolConfigurationException", "", "cannot assume the role", "trust policy"),
        ("TooManyRequestsException", "", "too many requests", "in a minute"),
        ("429", "", "too many requests", "in a minute"),
        ("InternalErrorException", "", "is failing: HTTP 400", "in a minute"),
        ("ExternalServiceException", "", "depends on does not respond", "in a minute"),
        (
            NOT_AUTHORIZED,
            "Logins don't match. Please include at least one valid login for this identity or identity pool.",
            "identity_pool_id may be that of another application",
            "must list this user pool",
        ),
        (
            NOT_AUTHORIZED,
            "Invalid login token. Missing a required claim: aud",
            "an access token may have been passed",
            "Pass the id token",
        ),
        ("ResourceNotFoundException", "IdentityPool 'x' not found.", "no such identity pool", "identity_pool_id"),
        ("ResourceNotFoundException", "Identity 'x' not found.", "your identity", "Sign in again"),
        ("ValidationException", "1 validation error detected: x", "malformed: 1 validation", "character for character"),
        ("InvalidParameterException", "Please provide x", "malformed: Please provide x", "character for character"),
        ("LimitExceededException", "Too many identities", "reached: Too many identities", "to wait does not help"),
        ("ResourceConflictException", "", "linked to another identity", "administrator"),
        ("UnknownOperationException", "", "refused the request (", "show this message"),
        ("403", "<html>blocked</html>", "A firewall or proxy", "HTTPS_PROXY"),
    ],
)
def test_each_aws_error_says_what_to_do(code: str, text: str, what: str, remedy: str) -> None:
    error = translate(code, text)
    assert isinstance(error, ConnectionError)
    assert what in error.what
    assert code in error.what
    assert remedy in error.remedy


TEMPORARY = ("TooManyRequestsException", "ThrottlingException", "429", "InternalErrorException")
FINAL = (
    NOT_AUTHORIZED,
    "InvalidIdentityPoolConfigurationException",
    "InvalidParameterException",
    "LimitExceededException",
    "ResourceConflictException",
    "ResourceNotFoundException",
    "ValidationException",
    "403",
    "AnErrorThatAwsAddsLater",
)


@pytest.mark.parametrize("code", TEMPORARY)
def test_only_an_error_that_passes_suggests_a_second_try(code: str) -> None:
    """A caller that retries can tell them apart by their class too."""
    error = translate(code)
    assert not isinstance(error, CredentialsError)
    assert error.remedy == "Try again in a minute."


@pytest.mark.parametrize("code", FINAL)
def test_a_final_error_suggests_no_second_try(code: str) -> None:
    error = translate(code, "Some text")
    assert isinstance(error, CredentialsError)
    assert "try again" not in error.remedy.lower()
    assert "minute" not in error.remedy


def test_every_error_that_the_api_reference_lists_has_a_sentence_of_its_own() -> None:
    """botocore's model of both operations lists them: none falls through to the sentence for unknown errors."""
    model = botocore.session.get_session().get_service_model("cognito-identity")
    shapes = {
        shape.name
        for operation in ("GetId", "GetCredentialsForIdentity")
        for shape in model.operation_model(operation).error_shapes
    }
    unknown = translate("AnErrorThatAwsAddsLater").what.partition("(")[0]
    assert len(shapes) >= 9
    assert not [name for name in shapes if translate(name).what.startswith(unknown)]


def test_a_failing_proxy_is_named_by_its_status_and_not_by_its_page() -> None:
    error = translate("502", "<html>Bad gateway</html>", status=502)
    assert "HTTP 502" in error.what
    assert "<" not in error.what
    assert not isinstance(error, CredentialsError)


@pytest.mark.parametrize(
    ("skew", "amount"), [(425, "7 minutes behind"), (-90, "90 seconds ahead of"), (61, "61 seconds behind")]
)
def test_the_error_says_by_how_much_the_clock_is_wrong(skew: float, amount: str) -> None:
    remedy = translate(NOT_AUTHORIZED, "Token expired: 2 >= 1", skew=skew).remedy
    assert f"This machine's clock is {amount} AWS's" in remedy


def test_a_correct_clock_is_not_mentioned() -> None:
    assert "clock" not in str(translate(NOT_AUTHORIZED, "Token expired: 2 >= 1", skew=30))


def test_the_clock_skew_is_read_from_the_date_header() -> None:
    def response(date: str) -> object:
        return {"ResponseMetadata": {"HTTPHeaders": {"date": date}}}

    assert 598 <= clock_skew_from_response(response(formatdate(time.time() + 600, usegmt=True)), time.time()) <= 601
    assert clock_skew_from_response(response(formatdate(time.time(), usegmt=True)), time.time()) == 0
    for nonsense in ("", "yesterday", "Mon, 99 Foo 2026 00:00:00 GMT"):
        assert clock_skew_from_response(response(nonsense), time.time()) == 0


def test_a_token_in_an_aws_message_is_not_shown() -> None:
    token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
    assert token not in str(translate(NOT_AUTHORIZED, f"Cannot use {token} here"))


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop"},
        {"kind": "truncate"},
        {"status": 200, "body": "<html>captive portal</html>", "content_type": "text/html"},
        {"status": 200, "body": "{}"},
        {"status": 500, "body": "oops"},
        {"status": 503, "body": ""},
    ],
)
@pytest.mark.parametrize("endpoint", [LocalCognito.GET_ID, LocalCognito.EXCHANGE])
def test_each_network_fault_raises_a_connection_error_and_the_next_call_succeeds(
    cognito: LocalCognito,
    manager: CognitoCredentialsManager,
    monkeypatch: pytest.MonkeyPatch,
    endpoint: str,
    fault: dict[str, Any],
) -> None:
    """botocore's own retries are set to one, so that the test is quick; after the fault the next call succeeds."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    token = dict(manager.auth_tokens or {})["id_token"]
    cognito.knobs.fail(endpoint, times=None, **fault)
    with pytest.raises(ConnectionError) as raised:
        manager.ensure_credentials("Analyst")
    assert str(token) not in str(raised.value)
    assert raised.value.__cause__ is None
    assert manager.credentials is None
    cognito.knobs.faults.clear()
    assert manager.ensure_credentials("Analyst")


def test_the_expiry_allows_for_this_machines_wrong_clock(
    cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    """AWS's clock is an hour ahead: credentials with a lifetime of an hour are valid for an hour here too."""
    cognito.knobs.clock_offset = 3600
    manager.auth_tokens = None
    tokens = cognito.issue_tokens()
    manager.get_credentials(tokens["id_token"], "Analyst")
    role = manager._last_role
    assert role is not None
    assert role.cached is not None
    assert 3500 < role.cached.expires_at - time.time() < 3700
