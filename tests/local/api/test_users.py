"""Users by boto3's admin calls: what they change is what the login page and the tokens see."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import jwt
import pytest
import requests
from botocore.exceptions import ClientError

from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.login_page_client import submit_login
from tests.local.api.conftest import PASSWORD, error_of
from tests.local.conftest import Client, callback_query


def claims(token: str) -> dict[str, Any]:
    payload: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return payload


def create(api: Any, pool_id: dict[str, str], name: str = "ada", **changes: Any) -> dict[str, Any]:
    """A user with a password of her own."""
    attributes = [{"Name": "email", "Value": f"{name}@example.org"}, {"Name": "email_verified", "Value": "true"}]
    created: dict[str, Any] = api.admin_create_user(
        **{**pool_id, "Username": name, "UserAttributes": attributes} | changes
    )
    api.admin_set_user_password(**pool_id, Username=name, Password=PASSWORD, Permanent=True)
    user: dict[str, Any] = created["User"]
    return user


def test_a_user_who_is_created_signs_in_at_the_login_page_with_her_groups_role(
    api: Any, pool_id: dict[str, str], cognito: LocalCognito, client: Client
) -> None:
    user = create(api, pool_id)
    api.admin_add_user_to_group(**pool_id, Username="ada", GroupName="Uploader")
    response = client.post_login("ada", PASSWORD)
    token = claims(client.exchange(callback_query(response)["code"]).json()["id_token"])
    assert token["sub"] == next(each["Value"] for each in user["Attributes"] if each["Name"] == "sub")
    assert token["cognito:roles"] == [cognito.roles["Uploader"]]
    assert (token["email"], token["email_verified"]) == ("ada@example.org", True)


def test_an_address_that_is_not_verified_is_unverified_in_the_token(
    api: Any, pool_id: dict[str, str], client: Client
) -> None:
    create(api, pool_id, UserAttributes=[{"Name": "email", "Value": "ada@example.org"}])
    token = claims(client.exchange(callback_query(client.post_login("ada", PASSWORD))["code"]).json()["id_token"])
    assert token["email_verified"] is False


def test_a_created_user_must_change_the_password_and_a_permanent_one_confirms_it(
    api: Any, pool_id: dict[str, str]
) -> None:
    created = api.admin_create_user(**pool_id, Username="ada", TemporaryPassword=PASSWORD)["User"]
    assert (created["UserStatus"], created["Enabled"]) == ("FORCE_CHANGE_PASSWORD", True)
    api.admin_set_user_password(**pool_id, Username="ada", Password=PASSWORD, Permanent=True)
    assert api.admin_get_user(**pool_id, Username="ada")["UserStatus"] == "CONFIRMED"
    api.admin_set_user_password(**pool_id, Username="ada", Password=PASSWORD)
    assert api.admin_get_user(**pool_id, Username="ada")["UserStatus"] == "FORCE_CHANGE_PASSWORD"


def test_a_group_that_is_removed_is_gone_from_the_next_token(
    api: Any, pool_id: dict[str, str], cognito: LocalCognito, client: Client
) -> None:
    refresh_token = client.log_in()["refresh_token"]
    api.admin_remove_user_from_group(**pool_id, Username="demo", GroupName="Uploader")
    assert claims(client.refresh(refresh_token).json()["id_token"])["cognito:roles"] == [cognito.roles["Analyst"]]
    api.admin_add_user_to_group(**pool_id, Username="demo", GroupName="Admin")
    roles = claims(client.refresh(refresh_token).json()["id_token"])["cognito:roles"]
    assert roles == [cognito.roles["Admin"], cognito.roles["Analyst"]]


def test_a_disabled_user_can_neither_sign_in_nor_refresh_nor_use_what_is_there(
    api: Any, pool_id: dict[str, str], client: Client
) -> None:
    code, tokens = client.code(), client.log_in()
    api.admin_disable_user(**pool_id, Username="demo")
    assert api.admin_get_user(**pool_id, Username="demo")["Enabled"] is False
    assert client.refresh(tokens["refresh_token"]).json() == {"error": "invalid_grant"}
    assert client.exchange(code).json() == {"error": "invalid_grant"}
    # The login cookie leads to the form, and the form refuses the password.
    assert "/login" in client.get("/oauth2/authorize").headers["Location"]
    assert client.post_login().status_code == 200
    header = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert requests.get(f"{client.cognito.domain}/oauth2/userInfo", headers=header, timeout=10).status_code == 401
    api.admin_enable_user(**pool_id, Username="demo")
    assert client.post_login().status_code == 302
    assert client.refresh(tokens["refresh_token"]).json() == {"error": "invalid_grant"}


def test_a_deleted_user_is_gone_everywhere(api: Any, pool_id: dict[str, str], client: Client) -> None:
    code, tokens = client.code(), client.log_in()
    api.admin_delete_user(**pool_id, Username="demo")
    assert client.refresh(tokens["refresh_token"]).json() == {"error": "invalid_grant"}
    assert client.exchange(code).json() == {"error": "invalid_grant"}
    with pytest.raises(RuntimeError, match="Incorrect username or password"):
        submit_login(
            f"{client.cognito.domain}/oauth2/authorize?{urlencode(client.authorize_query())}", "demo", PASSWORD
        )
    with pytest.raises(ClientError) as raised:
        api.admin_get_user(**pool_id, Username="demo")
    assert error_of(raised) == ("UserNotFoundException", "User does not exist.")


def test_a_global_sign_out_ends_refresh_and_access_tokens_and_lets_the_user_sign_in_again(
    api: Any, pool_id: dict[str, str], client: Client, cognito: LocalCognito
) -> None:
    tokens = client.log_in()
    by_api = sign_in(api, cognito)
    api.admin_user_global_sign_out(**pool_id, Username="demo")
    assert client.refresh(tokens["refresh_token"]).json() == {"error": "invalid_grant"}
    with pytest.raises(ClientError) as raised:
        api.get_user(AccessToken=by_api["AccessToken"])
    assert error_of(raised) == ("NotAuthorizedException", "Access Token has been revoked")
    assert client.refresh(client.log_in()["refresh_token"]).status_code == 200


def sign_in(api: Any, cognito: LocalCognito) -> dict[str, Any]:
    given = {"USERNAME": "demo", "PASSWORD": cognito.demo_user.password}
    response: dict[str, Any] = api.initiate_auth(
        AuthFlow="USER_PASSWORD_AUTH", ClientId=cognito.client_id, AuthParameters=given
    )
    result: dict[str, Any] = response["AuthenticationResult"]
    return result


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"Username": "demo"}, "UsernameExistsException"),
        ({"UserAttributes": [{"Name": "shoe", "Value": "42"}]}, "InvalidParameterException"),
        ({"UserAttributes": [{"Name": "sub", "Value": "1"}]}, "InvalidParameterException"),
        ({"UserAttributes": [{"Name": "email", "Value": "nobody"}]}, "InvalidParameterException"),
        ({"UserAttributes": [{"Name": "phone_number", "Value": "12"}]}, "InvalidParameterException"),
        ({"TemporaryPassword": "short-1A"[:6]}, "InvalidPasswordException"),
        ({"TemporaryPassword": "no-digits-Here"}, "InvalidPasswordException"),
        ({"TemporaryPassword": "two words 1-A"}, "InvalidParameterException"),
        ({"MessageAction": "RESEND"}, "UserNotFoundException"),
        ({"MessageAction": "RESEND", "Username": "demo"}, "UnsupportedUserStateException"),
        ({"UserPoolId": "us-east-1_another"}, "ResourceNotFoundException"),
        ({"UserPoolId": "another"}, "InvalidParameterException"),
    ],
)
def test_a_user_who_cannot_be_created_is_refused(
    api: Any, pool_id: dict[str, str], changes: dict[str, Any], code: str
) -> None:
    with pytest.raises(ClientError) as raised:
        api.admin_create_user(**{**pool_id, "Username": "ada", **changes})
    assert error_of(raised)[0] == code


def test_attributes_are_changed_and_a_new_address_is_not_verified(api: Any, pool_id: dict[str, str]) -> None:
    create(api, pool_id, "ada")
    changes = [{"Name": "email", "Value": "new@example.org"}, {"Name": "custom:lab", "Value": "x"}]
    api.admin_update_user_attributes(**pool_id, Username="ada", UserAttributes=changes)
    found = {each["Name"]: each["Value"] for each in api.admin_get_user(**pool_id, Username="ada")["UserAttributes"]}
    assert (found["email"], found["email_verified"], found["custom:lab"]) == ("new@example.org", "false", "x")


def test_users_are_listed_in_pages_and_by_a_filter(api: Any, pool_id: dict[str, str]) -> None:
    for number in range(5):
        create(api, pool_id, f"user{number}")
    pages = list(api.get_paginator("list_users").paginate(**pool_id, PaginationConfig={"PageSize": 2}))
    assert [len(page["Users"]) for page in pages] == [2, 2, 2]
    names = {user["Username"] for page in pages for user in page["Users"]}
    assert names == {"demo", *(f"user{number}" for number in range(5))}

    def found(text: str) -> list[str]:
        return [user["Username"] for user in api.list_users(**pool_id, Filter=text, AttributesToGet=["sub"])["Users"]]

    assert found('email = "user3@example.org"') == ["user3"]
    assert len(found('username ^= "user"')) == 5
    assert found('"status" = "Disabled"') == []
    for text in ("email", 'shoe = "42"'):
        with pytest.raises(ClientError) as raised:
            found(text)
        assert error_of(raised)[0] == "InvalidParameterException"


def test_a_user_is_named_by_the_sub_where_the_tokens_are(
    api: Any, pool_id: dict[str, str], cognito: LocalCognito
) -> None:
    cognito.knobs.username_is_sub = True
    sub = cognito.demo_user.sub
    assert api.admin_get_user(**pool_id, Username=sub)["Username"] == sub
    assert api.list_users(**pool_id)["Users"][0]["Username"] == sub


def test_where_users_sign_in_by_address_the_address_is_the_name_that_they_type(
    api: Any, pool_id: dict[str, str], cognito: LocalCognito, client: Client
) -> None:
    cognito.knobs.username_is_sub = True
    user = create(api, pool_id, "ada@example.org", UserAttributes=[])
    found = api.admin_get_user(**pool_id, Username="ada@example.org")
    assert found["Username"] == user["Username"] != "ada@example.org"
    assert {"Name": "email", "Value": "ada@example.org"} in found["UserAttributes"]
    code = callback_query(client.post_login("ada@example.org", PASSWORD))["code"]
    assert claims(client.exchange(code).json()["id_token"])["cognito:username"] == user["Username"]


def test_no_secret_of_the_api_stays_unknown_to_the_search_for_leaks(
    api: Any, pool_id: dict[str, str], cognito: LocalCognito
) -> None:
    create(api, pool_id)
    tokens = sign_in(api, cognito)
    assert {PASSWORD, tokens["AccessToken"], tokens["IdToken"], tokens["RefreshToken"]} <= cognito.secrets
