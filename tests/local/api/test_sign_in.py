"""InitiateAuth, refreshing, signing out and revoking by boto3.

Sources of the texts: those named in `local/cognito/api/sign_in.py`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from botocore import UNSIGNED
from botocore.exceptions import ClientError

from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.cognito.totp import totp_code
from cognito_jupyter.local.cognito.user_pool import API_SCOPE
from tests.local.api.conftest import PASSWORD, api_client, error_of
from tests.local.conftest import Client
from tests.local.identity import get_credentials


@pytest.fixture
def user_api(cognito: LocalCognito) -> Any:
    """A client without keys, as in a user's program."""
    return api_client(cognito, signature_version=UNSIGNED)


def sign_in(api: Any, cognito: LocalCognito, **changes: str) -> dict[str, Any]:
    given = {"USERNAME": "demo", "PASSWORD": cognito.demo_user.password} | changes
    response: dict[str, Any] = api.initiate_auth(
        AuthFlow="USER_PASSWORD_AUTH", ClientId=cognito.client_id, AuthParameters=given
    )
    return response


def refresh(api: Any, cognito: LocalCognito, token: str, flow: str = "REFRESH_TOKEN_AUTH") -> dict[str, Any]:
    given = {"REFRESH_TOKEN": token}
    response: dict[str, Any] = api.initiate_auth(AuthFlow=flow, ClientId=cognito.client_id, AuthParameters=given)
    result: dict[str, Any] = response["AuthenticationResult"]
    return result


def claims(token: str) -> dict[str, Any]:
    payload: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return payload


def test_a_password_gives_tokens_whose_id_token_opens_the_identity_pool(user_api: Any, cognito: LocalCognito) -> None:
    tokens = sign_in(user_api, cognito)["AuthenticationResult"]
    assert (tokens["ExpiresIn"], tokens["TokenType"]) == (3600, "Bearer")
    access, identity = claims(tokens["AccessToken"]), claims(tokens["IdToken"])
    assert access["scope"] == API_SCOPE
    assert (identity["aud"], identity["email"]) == (cognito.client_id, "demo@example.org")
    assert get_credentials(cognito, cognito.roles["Uploader"], tokens["IdToken"])["AccessKeyId"]


@pytest.mark.parametrize("flow", ["ADMIN_USER_PASSWORD_AUTH", "ADMIN_NO_SRP_AUTH", "USER_PASSWORD_AUTH"])
def test_an_administrators_program_signs_in_too(
    api: Any, pool_id: dict[str, str], cognito: LocalCognito, flow: str
) -> None:
    given = {"USERNAME": "demo", "PASSWORD": cognito.demo_user.password}
    response = api.admin_initiate_auth(**pool_id, ClientId=cognito.client_id, AuthFlow=flow, AuthParameters=given)
    refresh_token = response["AuthenticationResult"]["RefreshToken"]
    given = {"REFRESH_TOKEN": refresh_token}
    again = api.admin_initiate_auth(
        **pool_id, ClientId=cognito.client_id, AuthFlow="REFRESH_TOKEN_AUTH", AuthParameters=given
    )
    assert "RefreshToken" not in again["AuthenticationResult"]


def test_wrong_passwords_and_unknown_names_look_alike_unless_the_client_says_otherwise(
    api: Any, pool_id: dict[str, str], cognito: LocalCognito
) -> None:
    for changes in ({"PASSWORD": "wrong"}, {"USERNAME": "nobody"}):
        with pytest.raises(ClientError) as raised:
            sign_in(api, cognito, **changes)
        assert error_of(raised) == ("NotAuthorizedException", "Incorrect username or password.")
    api.update_user_pool_client(
        **pool_id, ClientId=cognito.client_id, ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"],
        PreventUserExistenceErrors="LEGACY",
    )  # fmt: skip
    with pytest.raises(ClientError) as raised:
        sign_in(api, cognito, USERNAME="nobody")
    assert error_of(raised) == ("UserNotFoundException", "User does not exist.")


def test_a_disabled_user_learns_why(api: Any, user_api: Any, pool_id: dict[str, str], cognito: LocalCognito) -> None:
    token = sign_in(user_api, cognito)["AuthenticationResult"]["RefreshToken"]
    api.admin_disable_user(**pool_id, Username="demo")
    with pytest.raises(ClientError) as raised:
        sign_in(user_api, cognito)
    assert error_of(raised) == ("NotAuthorizedException", "User is disabled.")
    with pytest.raises(ClientError) as raised:
        refresh(user_api, cognito, token)
    assert error_of(raised)[0] == "NotAuthorizedException"


@pytest.mark.parametrize(
    ("flow", "given", "expected"),
    [
        ("ADMIN_USER_PASSWORD_AUTH", {"USERNAME": "demo", "PASSWORD": "x"}, "Initiate Auth method not supported."),
        ("USER_PASSWORD_AUTH", {"PASSWORD": "x"}, "Missing required parameter USERNAME"),
        ("USER_PASSWORD_AUTH", {"USERNAME": "demo"}, "Missing required parameter PASSWORD"),
        ("REFRESH_TOKEN_AUTH", {}, "Missing required parameter REFRESH_TOKEN"),
    ],
)
def test_a_flow_without_what_it_needs_is_an_invalid_parameter(
    user_api: Any, cognito: LocalCognito, flow: str, given: dict[str, str], expected: str
) -> None:
    with pytest.raises(ClientError) as raised:
        user_api.initiate_auth(AuthFlow=flow, ClientId=cognito.client_id, AuthParameters=given)
    assert error_of(raised) == ("InvalidParameterException", expected)


def test_a_flow_that_the_client_does_not_allow_is_refused(
    api: Any, user_api: Any, pool_id: dict[str, str], cognito: LocalCognito
) -> None:
    token = sign_in(user_api, cognito)["AuthenticationResult"]["RefreshToken"]
    api.update_user_pool_client(**pool_id, ClientId=cognito.client_id, ExplicitAuthFlows=["ALLOW_USER_SRP_AUTH"])
    with pytest.raises(ClientError) as raised:
        sign_in(user_api, cognito)
    assert error_of(raised) == ("InvalidParameterException", "USER_PASSWORD_AUTH flow not enabled for this client")
    with pytest.raises(ClientError) as raised:
        refresh(user_api, cognito, token)
    assert error_of(raised)[0] == "InvalidParameterException"


# -- a temporary password


def test_a_temporary_password_is_replaced_by_a_challenge(
    api: Any, user_api: Any, pool_id: dict[str, str], cognito: LocalCognito
) -> None:
    api.admin_create_user(**pool_id, Username="ada", TemporaryPassword=PASSWORD)
    challenge = sign_in(user_api, cognito, USERNAME="ada", PASSWORD=PASSWORD)
    assert challenge["ChallengeName"] == "NEW_PASSWORD_REQUIRED"
    assert json.loads(challenge["ChallengeParameters"]["requiredAttributes"]) == []

    def respond(**changes: str) -> Any:
        given = {"USERNAME": "ada", "NEW_PASSWORD": "Another-Horse-2"} | changes
        return user_api.respond_to_auth_challenge(
            ClientId=cognito.client_id,
            ChallengeName="NEW_PASSWORD_REQUIRED",
            Session=challenge["Session"],
            ChallengeResponses=given,
        )

    for changes, code in (
        ({"NEW_PASSWORD": "short"}, "InvalidPasswordException"),
        ({"USERNAME": "demo"}, "NotAuthorizedException"),
    ):
        with pytest.raises(ClientError) as raised:
            respond(**changes)
        assert error_of(raised)[0] == code
    assert respond()["AuthenticationResult"]["IdToken"]
    with pytest.raises(ClientError):
        respond()
    assert sign_in(user_api, cognito, USERNAME="ada", PASSWORD="Another-Horse-2")["AuthenticationResult"]


def test_the_login_page_takes_no_temporary_password_for_a_permanent_one(
    api: Any, pool_id: dict[str, str], client: Client
) -> None:
    api.admin_create_user(**pool_id, Username="ada", TemporaryPassword=PASSWORD)
    assert client.post_login("ada", PASSWORD).status_code == 200


def test_the_api_wants_an_authenticators_code_where_the_login_page_does(
    api: Any, user_api: Any, pool_id: dict[str, str], cognito: LocalCognito
) -> None:
    secret = "GEZDGNBVGY3TQOJQ"
    cognito.add_user("ben", PASSWORD, must_change_password=True, totp_secret=secret)
    assert api.admin_get_user(**pool_id, Username="ben")["UserMFASettingList"] == ["SOFTWARE_TOKEN_MFA"]
    challenge = sign_in(user_api, cognito, USERNAME="ben", PASSWORD=PASSWORD)

    def respond(challenge: dict[str, Any], **given: str) -> Any:
        return user_api.respond_to_auth_challenge(
            ClientId=cognito.client_id,
            ChallengeName=challenge["ChallengeName"],
            Session=challenge["Session"],
            ChallengeResponses={"USERNAME": "ben"} | given,
        )

    challenge = respond(challenge, NEW_PASSWORD="Another-Horse-2")
    assert (challenge["ChallengeName"], "AuthenticationResult" in challenge) == ("SOFTWARE_TOKEN_MFA", False)
    now = cognito.knobs.now()
    with pytest.raises(ClientError) as raised:
        respond(challenge, SOFTWARE_TOKEN_MFA_CODE=totp_code(secret, now + 3600))
    assert error_of(raised)[0] == "CodeMismatchException"
    with pytest.raises(ClientError) as raised:
        respond(challenge | {"ChallengeName": "NEW_PASSWORD_REQUIRED"}, NEW_PASSWORD=PASSWORD)
    assert error_of(raised)[0] == "NotAuthorizedException"
    assert respond(challenge, SOFTWARE_TOKEN_MFA_CODE=totp_code(secret, now))["AuthenticationResult"]["IdToken"]


def test_a_trigger_changes_the_tokens_of_the_api_and_its_failure_is_an_error_of_the_operation(
    user_api: Any, cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(event: dict[str, Any], context: object) -> dict[str, Any]:
        raise LookupError("no such lab")

    token = sign_in(user_api, cognito)["AuthenticationResult"]["RefreshToken"]
    monkeypatch.setattr(cognito.pool, "pre_token", fails)
    with pytest.raises(ClientError) as raised:
        sign_in(user_api, cognito)
    text = "PreTokenGeneration failed with error no such lab."
    assert error_of(raised) == ("UserLambdaValidationException", text)
    with pytest.raises(ClientError) as raised:
        user_api.get_tokens_from_refresh_token(ClientId=cognito.client_id, RefreshToken=token)
    assert error_of(raised) == ("UserLambdaValidationException", text)


# -- refreshing


def test_tokens_of_the_login_page_and_of_the_api_are_refreshed_at_both(
    user_api: Any, cognito: LocalCognito, client: Client
) -> None:
    by_page, by_api = (
        client.log_in()["refresh_token"],
        sign_in(user_api, cognito)["AuthenticationResult"]["RefreshToken"],
    )
    assert claims(refresh(user_api, cognito, by_page, "REFRESH_TOKEN")["AccessToken"])["scope"] == "openid email"
    assert claims(client.refresh(by_api).json()["access_token"])["scope"] == API_SCOPE
    result = user_api.get_tokens_from_refresh_token(ClientId=cognito.client_id, RefreshToken=by_page)
    assert sorted(result["AuthenticationResult"]) == ["AccessToken", "ExpiresIn", "IdToken", "TokenType"]


def test_with_rotation_one_operation_refreshes_and_the_old_token_is_reported_as_reused(
    user_api: Any, cognito: LocalCognito
) -> None:
    token = sign_in(user_api, cognito)["AuthenticationResult"]["RefreshToken"]
    cognito.knobs.rotation = True
    with pytest.raises(ClientError) as raised:
        refresh(user_api, cognito, token)
    assert error_of(raised)[0] == "InvalidParameterException"
    call = {"ClientId": cognito.client_id}
    new = user_api.get_tokens_from_refresh_token(**call, RefreshToken=token)["AuthenticationResult"]["RefreshToken"]
    cognito.knobs.clock_offset = 1
    with pytest.raises(ClientError) as raised:
        user_api.get_tokens_from_refresh_token(**call, RefreshToken=token)
    assert error_of(raised)[0] == "RefreshTokenReuseException"
    assert user_api.get_tokens_from_refresh_token(**call, RefreshToken=new)


def test_each_reason_to_refuse_a_refresh_token_is_named(user_api: Any, cognito: LocalCognito) -> None:
    def error_for(token: str) -> tuple[str, str]:
        with pytest.raises(ClientError) as raised:
            refresh(user_api, cognito, token)
        return error_of(raised)

    revoked = sign_in(user_api, cognito)["AuthenticationResult"]["RefreshToken"]
    expired = sign_in(user_api, cognito)["AuthenticationResult"]["RefreshToken"]
    user_api.revoke_token(ClientId=cognito.client_id, Token=revoked)
    assert error_for("nonsense") == ("NotAuthorizedException", "Invalid Refresh Token")
    assert error_for(revoked) == ("NotAuthorizedException", "Refresh Token has been revoked")
    cognito.knobs.clock_offset = cognito.knobs.refresh_token_seconds + 1
    assert error_for(expired) == ("NotAuthorizedException", "Refresh Token has expired")


# -- the user's own operations


def test_users_read_their_own_attributes_with_the_scope_for_it_only(
    user_api: Any, cognito: LocalCognito, client: Client
) -> None:
    found = user_api.get_user(AccessToken=sign_in(user_api, cognito)["AuthenticationResult"]["AccessToken"])
    assert found["Username"] == "demo"
    assert {"Name": "sub", "Value": cognito.demo_user.sub} in found["UserAttributes"]
    with pytest.raises(ClientError) as raised:
        user_api.get_user(AccessToken=client.log_in()["access_token"])
    assert error_of(raised) == ("NotAuthorizedException", "Access Token does not have required scopes")


def test_an_access_token_that_is_not_valid_is_refused_with_its_reason(user_api: Any, cognito: LocalCognito) -> None:
    tokens = sign_in(user_api, cognito)["AuthenticationResult"]
    with pytest.raises(ClientError) as raised:
        user_api.get_user(AccessToken=tokens["IdToken"])
    assert error_of(raised) == ("NotAuthorizedException", "Invalid Access Token")
    cognito.knobs.clock_offset = 3601
    with pytest.raises(ClientError) as raised:
        user_api.get_user(AccessToken=tokens["AccessToken"])
    assert error_of(raised) == ("NotAuthorizedException", "Access Token has expired")


def test_a_user_signs_out_everywhere(user_api: Any, cognito: LocalCognito, client: Client) -> None:
    elsewhere = client.log_in()["refresh_token"]
    token = sign_in(user_api, cognito)["AuthenticationResult"]["AccessToken"]
    user_api.global_sign_out(AccessToken=token)
    assert client.refresh(elsewhere).json() == {"error": "invalid_grant"}
    with pytest.raises(ClientError) as raised:
        user_api.global_sign_out(AccessToken=token)
    assert error_of(raised)[0] == "NotAuthorizedException"


def test_a_revoked_token_ends_at_the_token_endpoint_and_a_wrong_kind_or_client_is_refused(
    user_api: Any, cognito: LocalCognito, client: Client
) -> None:
    tokens = client.log_in()
    for changes, code in (
        ({"Token": tokens["access_token"]}, "UnsupportedTokenTypeException"),
        ({"ClientId": "unknown"}, "UnauthorizedException"),
    ):
        with pytest.raises(ClientError) as raised:
            user_api.revoke_token(**{"ClientId": cognito.client_id, "Token": tokens["refresh_token"], **changes})
        assert error_of(raised)[0] == code
    user_api.revoke_token(ClientId=cognito.client_id, Token=tokens["refresh_token"])
    assert client.refresh(tokens["refresh_token"]).json() == {"error": "invalid_grant"}


# -- a client with a secret


@pytest.fixture(scope="module")
def confidential() -> Iterator[LocalCognito]:
    with LocalCognito(aws=False, client_secret=True) as cognito:
        yield cognito


def secret_hash(cognito: LocalCognito, username: str) -> str:
    digest = hmac.digest(str(cognito.client_secret).encode(), f"{username}{cognito.client_id}".encode(), hashlib.sha256)
    return base64.b64encode(digest).decode()


def test_a_client_with_a_secret_proves_that_it_knows_it(confidential: LocalCognito) -> None:
    api = api_client(confidential, signature_version=UNSIGNED)
    with pytest.raises(ClientError) as raised:
        sign_in(api, confidential)
    text = f"Client {confidential.client_id} is configured with secret but SECRET_HASH was not received"
    assert error_of(raised) == ("NotAuthorizedException", text)
    with pytest.raises(ClientError) as raised:
        sign_in(api, confidential, SECRET_HASH=secret_hash(confidential, "other"))
    text = f"Unable to verify secret hash for client {confidential.client_id}"
    assert error_of(raised) == ("NotAuthorizedException", text)
    result = sign_in(api, confidential, SECRET_HASH=secret_hash(confidential, "demo"))["AuthenticationResult"]
    call = {"ClientId": confidential.client_id, "RefreshToken": result["RefreshToken"]}
    with pytest.raises(ClientError):
        api.get_tokens_from_refresh_token(**call)
    assert api.get_tokens_from_refresh_token(**call, ClientSecret=confidential.client_secret)
    call = {"ClientId": confidential.client_id, "Token": result["RefreshToken"]}
    with pytest.raises(ClientError) as raised:
        api.revoke_token(**call)
    assert error_of(raised)[0] == "UnauthorizedException"
    api.revoke_token(**call, ClientSecret=confidential.client_secret)
