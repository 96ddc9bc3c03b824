"""What all operations have in common: shapes by botocore's model, signatures, and what there is not."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore import UNSIGNED, xform_name
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings, strategies as st

from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.cognito.api.operations import OPERATIONS, UNSIGNED_OPERATIONS
from tests.local.api.conftest import PASSWORD, api_client, error_of, service_model, unknown_members

OF_THE_ISSUE = (
    "AdminCreateUser", "AdminSetUserPassword", "AdminGetUser", "AdminAddUserToGroup", "AdminRemoveUserFromGroup",
    "AdminDisableUser", "AdminUserGlobalSignOut", "ListUsers", "ListGroups", "CreateGroup", "DescribeUserPool",
    "DescribeUserPoolClient", "UpdateUserPoolClient", "InitiateAuth", "AdminInitiateAuth", "GetTokensFromRefreshToken",
    "GetUser", "GlobalSignOut", "RevokeToken",
)  # fmt: skip
_EXAMPLES = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=40) | st.sampled_from(["demo", "USER_PASSWORD_AUTH"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=9), inner, max_size=2),
    max_leaves=4,
)


def call(cognito: LocalCognito, operation: str, body: Any, **headers: str) -> requests.Response:
    """A request as any program can send it, without botocore's own checks."""
    headers |= {"X-Amz-Target": f"AWSCognitoIdentityProviderService.{operation}"}
    return requests.post(cognito.endpoint, data=json.dumps(body), headers=headers, timeout=10)


LONGER = "Member must have length greater than or equal to 1"
SIGNED = "AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/cognito-idp/aws4_request, SignedHeaders=host, Signature=0"


def a_request_for_each(cognito: LocalCognito) -> dict[str, dict[str, Any]]:
    """One request for each operation, which succeeds in this order."""
    pool, client = {"UserPoolId": cognito.user_pool_id}, {"ClientId": cognito.client_id}
    demo = pool | {"Username": "demo"}
    password = {"AuthParameters": {"USERNAME": "demo", "PASSWORD": cognito.demo_user.password}}
    tokens = cognito.pool.sign_in_by_api("demo", cognito.client_id)
    access = {"AccessToken": tokens["access_token"]}
    attributes = {"UserAttributes": [{"Name": "name", "Value": "Ada"}]}
    return {
        "AdminCreateUser": pool | {"Username": "ada", "TemporaryPassword": PASSWORD} | attributes,
        "AdminUpdateUserAttributes": demo | attributes,
        "AdminGetUser": demo,
        "CreateGroup": pool | {"GroupName": "Lab"},
        "AdminAddUserToGroup": demo | {"GroupName": "Lab"},
        "AdminListGroupsForUser": demo,
        "AdminRemoveUserFromGroup": demo | {"GroupName": "Lab"},
        "ListUsers": pool,
        "ListGroups": pool,
        "DescribeUserPool": pool,
        "DescribeUserPoolClient": pool | client,
        "ListUserPoolClients": pool,
        "InitiateAuth": client | {"AuthFlow": "USER_PASSWORD_AUTH"} | password,
        "AdminInitiateAuth": pool | client | {"AuthFlow": "ADMIN_USER_PASSWORD_AUTH"} | password,
        "GetTokensFromRefreshToken": client | {"RefreshToken": tokens["refresh_token"]},
        "GetUser": access,
        "RevokeToken": client | {"Token": cognito.issue_tokens()["refresh_token"]},
        "GlobalSignOut": access,
        "AdminUserGlobalSignOut": demo,
        "UpdateUserPoolClient": pool | client,
        "AdminSetUserPassword": demo | {"Password": PASSWORD},
        "AdminDisableUser": demo,
        "AdminEnableUser": demo,
        "AdminDeleteUser": demo,
    }


def test_each_operation_responds_with_what_botocores_model_has_and_nothing_else(
    api: Any, cognito: LocalCognito
) -> None:
    """The client of these tests checks values against the model; here are the names, which botocore drops."""
    requests_by_name = a_request_for_each(cognito)
    challenges = {"RespondToAuthChallenge", "AdminRespondToAuthChallenge"}
    assert {*requests_by_name, *challenges} == set(OPERATIONS)
    assert set(OPERATIONS) >= set(OF_THE_ISSUE)
    for name, body in requests_by_name.items():
        response = call(cognito, name, body, Authorization=SIGNED)
        assert response.status_code == 200, (name, response.text)
        shape = service_model(api).operation_model(name).output_shape
        assert unknown_members(shape, response.json()) == [] if shape else response.json() == {}, name


def test_boto3_reads_each_response(api: Any, cognito: LocalCognito) -> None:
    for name, body in a_request_for_each(cognito).items():
        getattr(api, xform_name(name))(**body)


def test_times_are_written_as_aws_writes_them(api: Any, pool_id: dict[str, str], cognito: LocalCognito) -> None:
    raw = call(cognito, "AdminGetUser", pool_id | {"Username": "demo"}, Authorization=SIGNED).text
    assert "E9" in raw.partition('"UserCreateDate": ')[2].partition(",")[0]
    created = api.admin_get_user(**pool_id, Username="demo")["UserCreateDate"]
    assert abs(created.timestamp() - cognito.demo_user.created) < 0.01


def test_an_operation_that_is_not_here_names_those_that_are(api: Any) -> None:
    with pytest.raises(ClientError) as raised:
        api.sign_up(ClientId="x", Username="ada", Password=PASSWORD)
    code, message = error_of(raised)
    assert code == "NotImplementedException"
    assert message.startswith("The local Cognito has no operation SignUp. It has AdminAddUserToGroup, ")
    assert message.endswith("UpdateUserPoolClient.")


def test_the_documentation_names_each_operation() -> None:
    page = Path(__file__).parents[3] / "docs" / "local-cognito.md"
    words = set(re.findall(r"\w+", page.read_text(encoding="utf-8")))
    assert set(OPERATIONS) - words == set()


def test_a_flow_or_a_challenge_that_is_not_here_is_named(api: Any, cognito: LocalCognito) -> None:
    with pytest.raises(ClientError, match=r"has no authentication flow USER_SRP_AUTH\. It has ADMIN_NO_SRP_AUTH, "):
        api.initiate_auth(AuthFlow="USER_SRP_AUTH", ClientId=cognito.client_id, AuthParameters={})
    with pytest.raises(
        ClientError, match=r"has no challenge SMS_MFA\. It has NEW_PASSWORD_REQUIRED, SOFTWARE_TOKEN_MFA\."
    ):
        api.respond_to_auth_challenge(ChallengeName="SMS_MFA", ClientId=cognito.client_id)


def test_a_cognito_that_no_boto3_administers_starts_without_botocore() -> None:
    """Its imports take longer than the start of the server."""
    program = "import sys, cognito_jupyter.local.server\nprint(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert "cognito_jupyter.local.cognito.api.operations" in loaded
    assert not [name for name in loaded if name.partition(".")[0] in {"botocore", "boto3"}]


def test_operations_of_administrators_want_a_signature_and_those_of_users_want_none(
    pool_id: dict[str, str], cognito: LocalCognito
) -> None:
    unsigned = api_client(cognito, signature_version=UNSIGNED)
    with pytest.raises(ClientError) as raised:
        unsigned.list_users(**pool_id)
    assert error_of(raised)[0] == "MissingAuthenticationTokenException"
    for name, body in a_request_for_each(cognito).items():
        assert (call(cognito, name, body).status_code == 200) is (name in UNSIGNED_OPERATIONS), name


def test_the_operations_without_a_signature_are_those_of_botocores_model(api: Any) -> None:
    model = service_model(api)
    unsigned = {name for name in OPERATIONS if model.operation_model(name).auth_type == "none"}
    # The oldest supported botocore signs this one.
    assert unsigned | {"GetTokensFromRefreshToken"} == UNSIGNED_OPERATIONS


def test_a_web_page_of_another_site_administers_nothing(pool_id: dict[str, str], cognito: LocalCognito) -> None:
    """Its script can read responses, as at AWS, and needs no keys here."""
    for origin, status in (("https://example.org", 400), ("null", 400), ("http://localhost:8888", 200)):
        response = call(cognito, "ListUsers", pool_id, Authorization=SIGNED, Origin=origin)
        assert response.status_code == status, origin


def test_a_client_for_another_region_or_service_is_refused(pool_id: dict[str, str], cognito: LocalCognito) -> None:
    elsewhere = api_client(cognito, region_name="eu-west-1")
    with pytest.raises(ClientError) as raised:
        elsewhere.list_users(**pool_id)
    assert error_of(raised)[0] == "InvalidSignatureException"
    response = call(cognito, "ListUsers", pool_id, Authorization=SIGNED.replace("cognito-idp", "s3"))
    assert response.json()["__type"] == "InvalidSignatureException"


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (
            {"UserPoolId": "x"},
            r"Value 'x' at 'userPoolId'|Member must satisfy regular expression pattern: [\w-]+_[0-9a-zA-Z]+",
        ),
        ({"UserPoolId": None}, "Value null at 'userPoolId'|Member must not be null"),
        ({"Limit": 61}, "Value '61' at 'limit'|Member must have value less than or equal to 60"),
        (
            {"AttributesToGet": [""]},
            f"Value '[]' at 'attributesToGet'|Member must satisfy constraint: [{LONGER}]",
        ),
    ],
)
def test_a_parameter_that_breaks_the_model_is_explained(
    cognito: LocalCognito, body: dict[str, Any], problem: str
) -> None:
    response = call(cognito, "ListUsers", {"UserPoolId": cognito.user_pool_id} | body, Authorization=SIGNED)
    where, _, constraint = problem.partition("|")
    message = f"1 validation error detected: {where} failed to satisfy constraint: {constraint}"
    assert response.json() == {"__type": "InvalidParameterException", "message": message}


def test_no_error_repeats_a_password(cognito: LocalCognito) -> None:
    body = {"UserPoolId": cognito.user_pool_id, "Username": "demo", "Password": "two words"}
    message = call(cognito, "AdminSetUserPassword", body, Authorization=SIGNED).json()["message"]
    assert "two words" not in message
    assert "at 'password' failed" in message


def test_the_api_is_throttled_and_fails_like_every_endpoint(
    api: Any, pool_id: dict[str, str], cognito: LocalCognito
) -> None:
    cognito.counts.clear()
    cognito.knobs.fail("ListUsers", like="throttled")
    with pytest.raises(ClientError) as raised:
        api.list_users(**pool_id)
    assert error_of(raised) == ("TooManyRequestsException", "Rate exceeded")
    assert cognito.counts["ListUsers"] == 1


@_EXAMPLES
@given(
    operation=st.sampled_from([*OPERATIONS, "SignUp", "Unknown", ""]),
    names=st.dictionaries(
        st.sampled_from(["Username", "ClientId", "AuthFlow", "AuthParameters", "UserAttributes", "Filter", "Limit",
                         "PaginationToken", "NextToken", "AccessToken", "Token", "CallbackURLs", "GroupName"]),
        _VALUES, max_size=4,
    ),
)  # fmt: skip
def test_any_request_gets_a_response_of_the_api_and_never_an_internal_error(
    bare: LocalCognito, operation: str, names: dict[str, Any]
) -> None:
    body = {"UserPoolId": bare.user_pool_id, "ClientId": bare.client_id} | names
    response = call(bare, operation, body, Authorization=SIGNED)
    assert response.status_code in {200, 400, 501}
    if response.status_code != 200:
        assert response.headers["x-amzn-ErrorType"] == f"{response.json()['__type']}:"
