"""How a signed-in user is named, in every kind of user pool."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.login_page_client import submit_login
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator
from cognito_jupyter.oauth.login import Login
from cognito_jupyter.settings import Settings
from cognito_jupyter.signin.request import SignInRequest
from cognito_jupyter.signin.service import LoginService
from cognito_jupyter.signin.user_name import NO_NAME, describe_user
from tests.support.shared_kernels import configuration_from_environment

SUB = "5f0e6b7c-1d2a-4c3b-9e8f-0a1b2c3d4e5f"
GOOGLE = {"cognito:username": "Google_109876543210987654321", "identities": [
    {"userId": "109876543210987654321", "providerName": "Google", "providerType": "Google", "primary": "true"}
]}  # fmt: skip
SAML = {"cognito:username": "Institute_ada@example.org", "identities": [
    {"userId": "ada@example.org", "providerName": "Institute", "providerType": "SAML", "primary": "true"}
]}  # fmt: skip


@pytest.mark.parametrize(
    ("claims", "shown"),
    [
        ({"cognito:username": "ada", "email": "ada@example.org"}, "ada (ada@example.org)"),
        ({"cognito:username": "ada"}, "ada"),
        ({"email": "ada@example.org"}, "ada@example.org"),
        # What users type as their name is known to them, also if it is a number.
        ({"cognito:username": "20231234"}, "20231234"),
        ({"cognito:username": "ada.with.a.very.long.name.indeed"}, "ada.with.a.very.long.name.indeed"),
        # Pools that users sign in to by e-mail address or phone number: the user name is the sub.
        ({"cognito:username": SUB, "email": "ada@example.org"}, "ada@example.org"),
        ({"cognito:username": SUB, "name": "Ada L", "email": "ada@example.org"}, "Ada L (ada@example.org)"),
        ({"cognito:username": SUB, "preferred_username": "ada"}, "ada"),
        ({"cognito:username": SUB, "phone_number": "+15555550123"}, "+*******0123"),
        ({"cognito:username": SUB, "name": "Ada L", "phone_number": "+15555550123"}, "Ada L (+*******0123)"),
        ({"cognito:username": SUB}, NO_NAME),
        ({}, NO_NAME),
        # A user name that says the same as the contact is shown once, and a phone number is masked in it too.
        ({"cognito:username": "ada@example.org", "email": "ada@example.org"}, "ada@example.org"),
        ({"cognito:username": "+15555550123", "phone_number": "+15555550123"}, "+*******0123"),
        # Older pools: an id that is not the sub.
        ({"cognito:username": "0a1b2c3d-4e5f-4c3b-9e8f-5f0e6b7c1d2a", "email": "ada@example.org"}, "ada@example.org"),
        # Users of another identity provider.
        ({**GOOGLE, "email": "ada@example.org"}, "ada@example.org, by Google"),
        ({**GOOGLE, "email": "ada@example.org", "name": "Ada L"}, "Ada L (ada@example.org), by Google"),
        (GOOGLE, "a user of Google"),
        ({"cognito:username": GOOGLE["cognito:username"]}, "a user of Google"),
        (SAML, "ada@example.org, by Institute"),
        ({**SAML, "email": "ada@example.org"}, "ada@example.org, by Institute"),
        ({**SAML, "identities": "not a list"}, "Institute_ada@example.org"),
        # A local user who has linked an account at Google signs in by Cognito.
        ({**GOOGLE, "cognito:username": "ada"}, "ada"),
    ],
)
def test_a_user_is_named_by_what_people_know(claims: dict[str, Any], shown: str) -> None:
    assert describe_user({"sub": SUB, **claims}) == shown


def test_text_of_a_token_is_shown_in_one_printable_line() -> None:
    """An administrator, or the user, may have typed anything there."""
    shown = describe_user({"cognito:username": "a\x1b[31md\na", "email": "\u202eada@example.org"})
    assert shown == "ad a (ada@example.org)"


TEXT = st.text(max_size=30) | st.uuids().map(str) | st.none() | st.integers() | st.lists(st.text(), max_size=2)
IDENTITIES = st.lists(st.dictionaries(st.sampled_from(["providerName", "userId"]), TEXT) | TEXT, max_size=3) | TEXT
NAMES = ("sub", "cognito:username", "email", "phone_number", "name", "preferred_username")


@given(st.dictionaries(st.sampled_from(NAMES), TEXT), IDENTITIES)
def test_every_token_gives_one_printable_line_without_the_sub(claims: dict[str, Any], identities: object) -> None:
    shown = describe_user({**claims, "sub": SUB, "identities": identities})
    assert shown.isprintable()
    assert shown
    assert SUB not in shown


# -- by a login


def name_after_login(cognito: LocalCognito, username: str, **changes: Any) -> str:
    """Returns how a user is named after a login with the password "pw"."""
    settings = replace(Settings(configuration_from_environment(cognito.environment)), **changes)

    def wait_for_user(login: Login) -> None:
        submit_login(login.authorization_url, username, "pw")
        assert login.wait(60)

    service = LoginService(SignInRequest(settings, fresh=True), CognitoOAuthAuthenticator.from_settings(settings))
    with service.sign_in(wait_for_user) as result:
        return describe_user(result.sign_in.manager.claims)


@pytest.mark.parametrize(
    ("scopes", "shown"),
    [("openid phone", "+*******0123"), ("openid", "+*******0123"), ("openid email", NO_NAME)],
)
def test_a_user_with_only_a_phone_number_is_named_by_its_end_if_the_scopes_bring_it(
    cognito: LocalCognito, scopes: str, shown: str
) -> None:
    cognito.knobs.username_is_sub = True
    cognito.add_user("+15555550123", "pw", ("Analyst",), email="", phone_number="+15555550123")
    assert name_after_login(cognito, "+15555550123", scopes=scopes) == shown


def test_a_user_of_another_identity_provider_is_named_with_it(cognito: LocalCognito) -> None:
    cognito.add_identity_provider("Institute")
    cognito.add_user("ada@example.org", "pw", ("Analyst",), email="", provider="Institute")
    cognito.add_identity_provider("Google", "Google")
    cognito.add_user("109876543210987654321", "pw", ("Analyst",), email="ada@example.com", provider="Google")
    assert (
        name_after_login(cognito, "ada@example.org", identity_provider="Institute") == "ada@example.org, by Institute"
    )
    google = name_after_login(cognito, "109876543210987654321", identity_provider="Google")
    assert google == "ada@example.com, by Google"
