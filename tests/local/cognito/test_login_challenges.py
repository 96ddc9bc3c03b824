"""A new password and the code of an authenticator app at the login page, and a trigger that changes tokens.

Sources: RFC 6238, appendix B; developer guide, "Pre token generation Lambda trigger".
"""

from __future__ import annotations

from typing import Any

import boto3
import jwt
import pytest

from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.cognito.totp import is_totp_code, totp_code
from cognito_jupyter.local.login_page_client import submit_login
from tests.local.conftest import Client
from tests.local.identity import get_credentials

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
NEW = "Correct-horse-7"


def sign_in(client: Client, password: str = "temporary", *, new_password: str = "", code: str = "") -> str:
    url = f"{client.cognito.domain}/oauth2/authorize"
    query = "&".join(f"{name}={value}" for name, value in client.authorize_query().items())
    url = f"{url}?{query}"
    return submit_login(url, "ada", password, follow_callback=False, new_password=new_password, code=code)


def claims(token: str) -> dict[str, Any]:
    decoded: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return decoded


@pytest.mark.parametrize(("now", "code"), [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")])
def test_codes_are_those_of_the_standard(now: float, code: str) -> None:
    assert totp_code(SECRET, now) == code
    assert is_totp_code(f" {code} ", SECRET, now + 30)
    assert not is_totp_code(code, SECRET, now + 90)


def test_a_temporary_password_is_changed_at_the_first_sign_in(client: Client, cognito: LocalCognito) -> None:
    cognito.add_user("ada", "temporary", must_change_password=True)
    with pytest.raises(RuntimeError, match="Password did not conform with policy: Password must have uppercase"):
        sign_in(client, new_password="correct-horse-7")
    assert "code=" in sign_in(client, new_password=NEW)
    assert NEW in cognito.secrets
    with pytest.raises(RuntimeError, match="Incorrect username or password"):
        sign_in(client)
    assert "code=" in sign_in(client, password=NEW)


def test_a_code_is_wanted_after_the_password(client: Client, cognito: LocalCognito) -> None:
    cognito.add_user("ada", "temporary", totp_secret=SECRET, must_change_password=True)
    now = cognito.knobs.now()
    with pytest.raises(RuntimeError, match="Invalid code received for user"):
        sign_in(client, new_password=NEW, code="12345")
    assert "code=" in sign_in(client, password=NEW, code=totp_code(SECRET, now))
    with pytest.raises(RuntimeError, match="Incorrect username or password"):
        sign_in(client, password="wrong", code=totp_code(SECRET, now))


def test_a_page_that_was_open_for_too_long_leads_back_to_the_login_page(client: Client, cognito: LocalCognito) -> None:
    cognito.add_user("ada", "temporary", totp_secret=SECRET)
    page = client.post_login("ada", "temporary").text
    assert 'name="code"' in page
    session = page.partition('name="session" value="')[2].partition('"')[0]
    cognito.knobs.clock_offset = 181
    response = client.post_login("ada", "temporary", session=session, code=totp_code(SECRET, cognito.knobs.now()))
    assert "session is expired" in response.text
    cognito.knobs.clock_offset = 0
    assert "session is expired" in client.post_login("ada", "temporary", session=session).text


def test_the_api_does_not_sign_in_without_the_code(cognito: LocalCognito) -> None:
    cognito.add_user("ada", "temporary", totp_secret=SECRET)
    api = boto3.client("cognito-idp", region_name=cognito.region, aws_access_key_id="a", aws_secret_access_key="s")
    login = {"USERNAME": "ada", "PASSWORD": "temporary"}
    response = api.initiate_auth(ClientId=cognito.client_id, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=login)
    assert response["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
    assert "AuthenticationResult" not in response


def add_project(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """A Lambda function of version 2."""
    assert event["request"]["userAttributes"]["email_verified"] == "true"
    roles = event["request"]["groupConfiguration"]["iamRolesToOverride"][:1]
    analysts = {"groupsToOverride": ["Analyst"], "iamRolesToOverride": roles, "preferredRole": roles[0]}
    event["response"]["claimsAndScopeOverrideDetails"] = {
        "idTokenGeneration": {
            "claimsToAddOrOverride": {"project": "stars", "source": event["triggerSource"], "sub": "another"},
            "claimsToSuppress": ["email", "iss"],
        },
        "accessTokenGeneration": {
            "claimsToAddOrOverride": {"project": "stars"},
            "scopesToAdd": ["stars/read"],
            "scopesToSuppress": ["email"],
        },
        "groupOverrideDetails": analysts,
    }
    return event


def test_a_trigger_changes_claims_scopes_and_groups_but_not_the_identity(client: Client, cognito: LocalCognito) -> None:
    cognito.pool.pre_token = add_project
    tokens = client.log_in()
    id_token, access_token = claims(tokens["id_token"]), claims(tokens["access_token"])
    assert (id_token["project"], id_token["source"]) == ("stars", "TokenGeneration_HostedAuth")
    assert (id_token["sub"], id_token["iss"]) == (cognito.demo_user.sub, cognito.pool.issuer)
    assert "email" not in id_token
    assert (id_token["cognito:groups"], len(id_token["cognito:roles"])) == (["Analyst"], 1)
    assert access_token["scope"].split() == ["openid", "stars/read"]
    assert (access_token["project"], access_token["cognito:groups"]) == ("stars", ["Analyst"])
    # The signature is right, and the role one that the token holds.
    assert get_credentials(cognito, token=tokens["id_token"])["AccessKeyId"]
    refreshed = client.refresh(tokens["refresh_token"]).json()
    assert claims(refreshed["id_token"])["source"] == "TokenGeneration_RefreshTokens"


def test_a_trigger_of_version_1_changes_the_id_token_alone(client: Client, cognito: LocalCognito) -> None:
    added = {"claimsOverrideDetails": {"claimsToAddOrOverride": {"project": "stars"}, "claimsToSuppress": ["email"]}}
    cognito.pool.pre_token = lambda event, _context: event | {"response": added}
    tokens = client.log_in()
    id_token = claims(tokens["id_token"])
    assert (id_token["project"], "email" in id_token, len(id_token["cognito:groups"])) == ("stars", False, 2)
    assert "project" not in claims(tokens["access_token"])


def test_a_trigger_that_fails_ends_the_sign_in(client: Client, cognito: LocalCognito) -> None:
    def fail(_event: dict[str, Any], _context: object) -> dict[str, Any]:
        raise LookupError("The directory does not respond")

    cognito.pool.pre_token = fail
    response = client.exchange(client.code())
    message = "PreTokenGeneration failed with error The directory does not respond."
    assert (response.status_code, response.json()["error_description"]) == (400, message)
