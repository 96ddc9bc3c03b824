"""What GetId and GetCredentialsForIdentity respond, requested over HTTP as any client does.

Each test names where the fact about the real service is from: issues of public repositories, recordings in them, and
the API reference of Amazon Cognito Federated Identities. Most texts have several sources.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import requests

from cognito_jupyter.local import LocalCognito
from tests.local.identity import logins

LOGINS_LENGTH = (
    "failed to satisfy constraint: Map value must satisfy constraint: "
    "[Member must have length less than or equal to 50000, Member must have length greater than or equal to 1]"
)


def call(cognito: LocalCognito, action: str, **body: Any) -> requests.Response:
    headers = {"X-Amz-Target": f"AWSCognitoIdentityService.{action}", "Content-Type": "application/x-amz-json-1.1"}
    return requests.post(cognito.endpoint, data=json.dumps(body), headers=headers, timeout=10)


def get_id(cognito: LocalCognito, token: str, provider: str | None = None, **changes: Any) -> requests.Response:
    proof = logins(cognito, token) if provider is None else {provider: token}
    return call(cognito, "GetId", **{"IdentityPoolId": cognito.identity_pool_id, "Logins": proof} | changes)


def id_token(cognito: LocalCognito, **claims: Any) -> str:
    token: str = cognito.issue_tokens(**claims)["id_token"]
    return token


def require_error(response: requests.Response, error_type: str, message: str) -> None:
    assert (response.status_code, response.json()) == (400, {"__type": error_type, "message": message})


# -- the form of responses


def test_an_error_names_its_type_with_a_colon_and_its_message_in_headers(pool: LocalCognito) -> None:
    """aws-amplify/amplify-js#2443, aws/aws-sdk-cpp#1085, aws-amplify/aws-sdk-ios#2317."""
    response = get_id(pool, "", Logins=None)
    assert response.status_code == 400
    assert response.headers["Content-Type"] == "application/x-amz-json-1.1"
    assert response.headers["x-amzn-ErrorType"] == "NotAuthorizedException:"
    assert response.headers["x-amzn-ErrorMessage"] == response.json()["message"]
    assert response.json()["__type"] == "NotAuthorizedException"
    assert response.headers["x-amzn-RequestId"]


def test_a_script_in_a_browser_may_read_a_result_and_an_error(pool: LocalCognito) -> None:
    """aws-amplify/amplify-js#2443."""
    for response in (get_id(pool, id_token(pool)), get_id(pool, "nonsense")):
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        exposed = {name.lower() for name in response.headers["Access-Control-Expose-Headers"].split(",")}
        assert {"x-amzn-requestid", "x-amzn-errortype", "x-amzn-errormessage", "date"} <= exposed


def test_a_preflight_request_allows_a_script_to_call(pool: LocalCognito) -> None:
    """aws-amplify/amplify-js#7284 shows what happens without it; Fetch standard, "CORS-preflight request"."""
    preflight = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    preflight["Access-Control-Request-Headers"] = "content-type,x-amz-target,x-amz-user-agent"
    response = requests.options(pool.endpoint, headers=preflight, timeout=10)
    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "POST" in response.headers["Access-Control-Allow-Methods"]
    allowed = {name.strip().lower() for name in response.headers["Access-Control-Allow-Headers"].split(",")}
    assert {"content-type", "x-amz-target", "x-amz-user-agent"} <= allowed


def test_the_expiration_is_a_number_with_an_exponent(pool: LocalCognito) -> None:
    """A sign-in recorded in 2018: "Expiration":1.515115602E9."""
    token = id_token(pool)
    identity = get_id(pool, token).json()["IdentityId"]
    for seconds in (3600, 1):
        pool.knobs.credentials_seconds = seconds
        response = call(pool, "GetCredentialsForIdentity", IdentityId=identity, Logins=logins(pool, token))
        found = re.search(r'"Expiration": ?(\d\.\d+E9)\b', response.text)
        assert found is not None
        assert abs(float(found[1]) - pool.knobs.now() - seconds) < 5
        assert response.json()["IdentityId"] == identity


# -- what the identity pool refuses


def test_a_request_without_a_sign_in_is_refused(pool: LocalCognito) -> None:
    """aws/aws-sdk-js-v3#3113."""
    proofs: tuple[dict[str, str] | None, ...] = (None, {})
    for proof in proofs:
        response = get_id(pool, "", Logins=proof)
        text = "Unauthenticated access is not supported for this identity pool."
        require_error(response, "NotAuthorizedException", text)


def test_an_expired_token_is_refused_with_both_times(pool: LocalCognito) -> None:
    """aws-amplify/amplify-js#3675, #14348; aws-amplify/aws-sdk-ios#2570."""
    message = get_id(pool, id_token(pool, exp=1)).json()["message"]
    assert re.fullmatch(r"Invalid login token\. Token expired: \d+ >= 1", message)


@pytest.mark.parametrize(
    "provider",
    [
        "cognito-idp.us-east-1.amazonaws.com/us-east-1_Other",
        "cognito-idp.eu-west-1.amazonaws.com/{pool}",
        "cognito-idp.us-east-1.amazonaws.com.example/{pool}",
        "https://cognito-idp.us-east-1.amazonaws.com/{pool}",
        "us-east-1:{pool}",
    ],
)
def test_a_key_that_is_not_the_tokens_issuer_is_refused(pool: LocalCognito, provider: str) -> None:
    """amazon-archives/amazon-cognito-identity-js#40, #162, #391, #407; aws-amplify/aws-sdk-android#222, #444."""
    response = get_id(pool, id_token(pool), provider.format(pool=pool.user_pool_id))
    require_error(response, "NotAuthorizedException", "Invalid login token. Issuer doesn't match providerName")


def test_a_token_for_another_app_client_is_refused(pool: LocalCognito) -> None:
    """amazon-archives/amazon-cognito-identity-js#7, #371; aws-samples/aws-cognito-java-desktop-app#9."""
    response = get_id(pool, id_token(pool, aud="another-client"))
    text = "Token is not from a supported provider of this identity pool."
    require_error(response, "NotAuthorizedException", text)


def test_the_access_token_is_refused_since_it_has_no_audience(pool: LocalCognito) -> None:
    """amazon-archives/amazon-cognito-identity-js#7, #12; awslabs/aws-support-tools#97."""
    response = get_id(pool, pool.issue_tokens()["access_token"])
    require_error(response, "NotAuthorizedException", "Invalid login token. Missing a required claim: aud")


def test_a_changed_token_is_refused(pool: LocalCognito) -> None:
    """amazon-archives/amazon-cognito-identity-js#91."""
    response = get_id(pool, id_token(pool)[:-8] + "AAAAAAAA")
    require_error(response, "NotAuthorizedException", "Invalid login token. Couldn't verify signed token.")


def test_another_existing_identity_pool_does_not_match_the_logins(pool: LocalCognito) -> None:
    """aws-amplify/amplify-js#2443, amazon-archives/amazon-cognito-identity-js#68."""
    response = get_id(pool, id_token(pool), IdentityPoolId=pool.identity_pool.other_pool_id)
    text = "Logins don't match. Please include at least one valid login for this identity or identity pool."
    require_error(response, "NotAuthorizedException", text)


def test_an_unknown_identity_pool_is_not_found(pool: LocalCognito) -> None:
    """awslabs/aws-sdk-android-samples#163."""
    unknown = "us-east-1:00000000-0000-0000-0000-000000000000"
    response = get_id(pool, id_token(pool), IdentityPoolId=unknown)
    require_error(response, "ResourceNotFoundException", f"IdentityPool '{unknown}' not found.")


def test_another_users_identity_is_forbidden(pool: LocalCognito) -> None:
    """aws-amplify/amplify-js#5015."""
    pool.add_user("other", "other-password", ["Analyst"])
    other = pool.issue_tokens("other")["id_token"]
    identity = get_id(pool, id_token(pool)).json()["IdentityId"]
    response = call(pool, "GetCredentialsForIdentity", IdentityId=identity, Logins=logins(pool, other))
    require_error(response, "NotAuthorizedException", f"Access to Identity '{identity}' is forbidden.")


def test_a_pool_whose_role_cannot_be_assumed_is_misconfigured(pool: LocalCognito) -> None:
    """Blasanka/aws_s3_plugin#14; the Errors section of GetCredentialsForIdentity."""
    token = id_token(pool, **{"cognito:preferred_role": None, "cognito:roles": None})
    identity = get_id(pool, token).json()["IdentityId"]
    response = call(pool, "GetCredentialsForIdentity", IdentityId=identity, Logins=logins(pool, token))
    assert response.status_code == 400
    assert response.json()["__type"] == "InvalidIdentityPoolConfigurationException"


# -- what is not valid


def test_a_user_pool_id_is_no_identity_pool_id(pool: LocalCognito) -> None:
    """aws/aws-sdk-net#445, aws/amazon-freertos#1829."""
    response = get_id(pool, id_token(pool), IdentityPoolId="us-east-1_AbCdEf")
    text = (
        "1 validation error detected: Value 'us-east-1_AbCdEf' at 'identityPoolId' failed to satisfy constraint: "
        r"Member must satisfy regular expression pattern: [\w-]+:[0-9a-f-]+"
    )
    require_error(response, "ValidationException", text)
    assert response.headers["x-amzn-ErrorType"] == "ValidationException:"


def test_an_empty_token_is_no_token(pool: LocalCognito) -> None:
    """aws-amplify/amplify-js#7845, #11409; aws-amplify/aws-sdk-ios#2317."""
    response = get_id(pool, "", "example.org/pool")
    text = f"1 validation error detected: Value '{{example.org/pool=}}' at 'logins' {LOGINS_LENGTH}"
    require_error(response, "ValidationException", text)


def test_every_broken_constraint_is_named(pool: LocalCognito) -> None:
    """aws/aws-sdk-cpp#1085."""
    response = call(pool, "GetCredentialsForIdentity", IdentityId="", Logins={"example.org/pool": ""})
    text = (
        f"3 validation errors detected: Value '{{example.org/pool=}}' at 'logins' {LOGINS_LENGTH}; "
        "Value '' at 'identityId' failed to satisfy constraint: Member must have length greater than or equal to 1; "
        "Value '' at 'identityId' failed to satisfy constraint: "
        r"Member must satisfy regular expression pattern: [\w-]+:[0-9a-f-]+"
    )
    require_error(response, "ValidationException", text)


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("GetId", {}),
        ("GetId", {"IdentityPoolId": "us-east-1:" + "a" * 46}),
        ("GetId", {"IdentityPoolId": "us-east-1:ä"}),
        ("GetCredentialsForIdentity", {"IdentityId": "us-east-1:a", "CustomRoleArn": "short"}),
        ("GetCredentialsForIdentity", {"IdentityId": "us-east-1:a", "Logins": {"example.org": "x" * 50_001}}),
    ],
)
def test_a_parameter_beyond_the_apis_constraints_is_not_valid(
    pool: LocalCognito, action: str, body: dict[str, Any]
) -> None:
    """The constraints are those of the API reference of GetId and GetCredentialsForIdentity."""
    response = call(pool, action, **body)
    assert (response.status_code, response.json()["__type"]) == (400, "ValidationException")
    # The header's text is on one line of Latin-1, whatever the message holds.
    assert response.headers["x-amzn-ErrorMessage"].startswith("1 validation error detected: ")


@pytest.mark.parametrize("body", [{"IdentityPoolId": 1}, {"IdentityPoolId": "a:a", "Logins": []}, {"Logins": {"a": 1}}])
def test_a_parameter_of_another_type_cannot_be_read(pool: LocalCognito, body: dict[str, Any]) -> None:
    """AWS JSON 1.1: SerializationException."""
    response = call(pool, "GetId", **body)
    assert (response.status_code, response.json()["__type"]) == (400, "SerializationException")


# -- which key of Logins a pool with the UPDATED issuer wants is not known: each can be tried


@pytest.mark.parametrize(
    ("accepted", "original", "updated"),
    [("issuer", True, False), ("original", True, False), ("updated", False, True), ("both", True, True)],
)
def test_the_key_that_the_identity_pool_wants_can_be_chosen(
    pool: LocalCognito, accepted: Any, original: bool, updated: bool
) -> None:
    pool.knobs.logins_keys = accepted
    name = f"cognito-idp.us-east-1.amazonaws.com/{pool.user_pool_id}"
    for provider, allowed in ((name, original), (f"issuer-{name}", updated)):
        response = get_id(pool, id_token(pool), provider)
        if allowed:
            assert response.status_code == 200
        else:
            text = "Token is not from a supported provider of this identity pool."
            require_error(response, "NotAuthorizedException", text)


def test_by_default_the_key_is_the_tokens_own_issuer(pool: LocalCognito) -> None:
    """As @aws-amplify/auth 6.21.1 makes it (formLoginsMap)."""
    name = f"issuer-cognito-idp.us-east-1.amazonaws.com/{pool.user_pool_id}"
    assert get_id(pool, id_token(pool, iss=f"https://{name}"), name).status_code == 200
