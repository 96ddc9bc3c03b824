"""Groups, the user pool's settings and those of its app client, by boto3."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from cognito_jupyter.local import LocalCognito
from tests.local.api.conftest import error_of
from tests.local.conftest import Client


def described(api: Any, cognito: LocalCognito) -> dict[str, Any]:
    """The settings of the app client, as UpdateUserPoolClient takes them."""
    client: dict[str, Any] = api.describe_user_pool_client(UserPoolId=cognito.user_pool_id, ClientId=cognito.client_id)[
        "UserPoolClient"
    ]
    return {name: value for name, value in client.items() if name not in {"CreationDate", "LastModifiedDate"}}


def rotating(api: Any, cognito: LocalCognito, grace: int = 0) -> dict[str, Any]:
    changes = described(api, cognito)
    changes["RefreshTokenRotation"] = {"Feature": "ENABLED", "RetryGracePeriodSeconds": grace}
    changes["ExplicitAuthFlows"] = ["ALLOW_USER_PASSWORD_AUTH"]
    return changes


def test_a_group_is_made_once_and_listed_with_its_role(
    api: Any, pool_id: dict[str, str], cognito: LocalCognito
) -> None:
    role = cognito.roles["Analyst"]
    made = api.create_group(**pool_id, GroupName="Lab", RoleArn=role, Precedence=4, Description="A lab")["Group"]
    assert (made["RoleArn"], made["Precedence"], made["Description"]) == (role, 4, "A lab")
    with pytest.raises(ClientError) as raised:
        api.create_group(**pool_id, GroupName="Lab")
    assert error_of(raised)[0] == "GroupExistsException"
    pages = api.get_paginator("list_groups").paginate(**pool_id, PaginationConfig={"PageSize": 1})
    assert [page["Groups"][0]["GroupName"] for page in pages] == ["Admin", "Analyst", "Uploader", "Lab"]
    api.admin_add_user_to_group(**pool_id, Username="demo", GroupName="Lab")
    groups = api.admin_list_groups_for_user(**pool_id, Username="demo")["Groups"]
    assert [group["GroupName"] for group in groups] == ["Analyst", "Uploader", "Lab"]
    for call in (api.admin_add_user_to_group, api.admin_remove_user_from_group):
        with pytest.raises(ClientError) as raised:
            call(**pool_id, Username="demo", GroupName="None")
        assert error_of(raised)[0] == "ResourceNotFoundException"


def test_the_user_pool_says_what_it_is(api: Any, pool_id: dict[str, str], cognito: LocalCognito) -> None:
    pool = api.describe_user_pool(**pool_id)["UserPool"]
    assert pool["Id"] == cognito.user_pool_id
    assert pool["Arn"] == f"arn:aws:cognito-idp:us-east-1:123456789012:userpool/{cognito.user_pool_id}"
    assert pool["EstimatedNumberOfUsers"] == 1


def test_rotation_by_the_api_is_rotation_at_the_token_endpoint(api: Any, cognito: LocalCognito, client: Client) -> None:
    api.update_user_pool_client(**rotating(api, cognito, grace=10))
    assert (cognito.knobs.rotation, cognito.knobs.grace) == (True, 10)
    assert "refresh_token" in client.refresh(client.log_in()["refresh_token"]).json()
    assert described(api, cognito)["RefreshTokenRotation"] == {"Feature": "ENABLED", "RetryGracePeriodSeconds": 10}


def test_rotation_excludes_the_flow_that_cannot_rotate(api: Any, cognito: LocalCognito) -> None:
    changes = rotating(api, cognito) | {"ExplicitAuthFlows": ["ALLOW_REFRESH_TOKEN_AUTH"]}
    with pytest.raises(ClientError) as raised:
        api.update_user_pool_client(**changes)
    assert error_of(raised)[0] == "InvalidParameterException"
    assert cognito.knobs.rotation is False


def test_what_is_described_changes_nothing_when_it_is_sent_back(api: Any, cognito: LocalCognito) -> None:
    before = described(api, cognito)
    api.update_user_pool_client(**before)
    assert described(api, cognito) == before
    assert before["CallbackURLs"] == cognito.redirect_uri.split()


def test_what_an_update_leaves_out_gets_its_default_as_at_aws(api: Any, cognito: LocalCognito, client: Client) -> None:
    cognito.knobs.id_token_seconds = 600
    api.update_user_pool_client(UserPoolId=cognito.user_pool_id, ClientId=cognito.client_id)
    assert cognito.knobs.id_token_seconds == 3600
    now = described(api, cognito)
    assert (now["CallbackURLs"], now["AllowedOAuthFlowsUserPoolClient"]) == ([], False)
    assert now["PreventUserExistenceErrors"] == "LEGACY"
    assert "redirect_mismatch" in client.get("/oauth2/authorize").headers["Location"]


def test_lifetimes_have_units_and_limits(api: Any, cognito: LocalCognito) -> None:
    changes = described(api, cognito)
    units = {"AccessToken": "minutes", "IdToken": "minutes", "RefreshToken": "hours"}
    lifetimes = {"AccessTokenValidity": 5, "IdTokenValidity": 90, "RefreshTokenValidity": 36}
    api.update_user_pool_client(**changes | lifetimes | {"TokenValidityUnits": units})
    knobs = cognito.knobs
    assert (knobs.access_token_seconds, knobs.id_token_seconds, knobs.refresh_token_seconds) == (300, 5400, 129_600)
    now = described(api, cognito)
    assert {name: now[name] for name in lifetimes} == lifetimes
    with pytest.raises(ClientError) as raised:
        api.update_user_pool_client(**changes | {"AccessTokenValidity": 4, "TokenValidityUnits": units})
    assert error_of(raised)[0] == "InvalidParameterException"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"CallbackURLs": ["http://example.org/"]}, "InvalidParameterException"),
        ({"CallbackURLs": []}, "InvalidOAuthFlowException"),
        ({"AllowedOAuthScopes": []}, "InvalidOAuthFlowException"),
        ({"AllowedOAuthScopes": ["shoe/size"]}, "ScopeDoesNotExistException"),
        ({"AllowedOAuthFlows": ["token"]}, "InvalidParameterException"),
        ({"ClientId": "unknown"}, "ResourceNotFoundException"),
    ],
)
def test_settings_that_aws_refuses_change_nothing(
    api: Any, cognito: LocalCognito, changes: dict[str, Any], code: str
) -> None:
    before = described(api, cognito)
    with pytest.raises(ClientError) as raised:
        api.update_user_pool_client(**before | changes)
    assert error_of(raised)[0] == code
    assert described(api, cognito) == before


def test_app_clients_are_listed(api: Any, pool_id: dict[str, str], cognito: LocalCognito) -> None:
    clients = api.list_user_pool_clients(**pool_id, MaxResults=1)["UserPoolClients"]
    assert [client["ClientId"] for client in clients] == [cognito.client_id]
