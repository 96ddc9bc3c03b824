"""Signing in as another user, where the browser remembers a labmate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from requests.cookies import RequestsCookieJar

from cognito_jupyter.credentials.remembered import load_manager
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.login_page_client import submit_login
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator
from cognito_jupyter.oauth.login import Login
from cognito_jupyter.settings import Settings
from cognito_jupyter.signin.request import SignInRequest
from cognito_jupyter.signin.service import LoginResult, LoginService, SignIn
from tests.support.shared_kernels import configuration_from_environment


class LabBrowser:
    """The browser of a computer that several people use; it keeps Cognito's cookie."""

    def __init__(self, cognito: LocalCognito, settings: Settings) -> None:
        self._settings = settings
        self._cookies = RequestsCookieJar()
        self.users = {"demo": cognito.demo_user, "newcomer": cognito.add_user("newcomer", "pw", ("Analyst",))}

    def sign_in(
        self, username: str, previous: SignIn | None = None, *, fresh: bool = True, switch_account: bool = False
    ) -> LoginResult:
        """Signs in; the browser types the user's password only if Cognito shows its form."""

        def wait_for_user(login: Login) -> None:
            user = self.users[username]
            submit_login(login.authorization_url, user.username, user.password, cookies=self._cookies)
            assert login.wait(60)

        request = SignInRequest(self._settings, None, fresh, switch_account)
        authenticator = CognitoOAuthAuthenticator.from_settings(self._settings)
        with LoginService(request, authenticator, previous).sign_in(wait_for_user) as result:
            return result


@pytest.fixture
def browser(cognito: LocalCognito, own_environment: Path) -> LabBrowser:
    return LabBrowser(cognito, Settings(configuration_from_environment(cognito.environment)))


def username_of(result: LoginResult) -> str:
    return result.sign_in.manager.claims["cognito:username"]


def test_without_the_option_the_browser_signs_in_the_labmate(browser: LabBrowser) -> None:
    browser.sign_in("demo")
    assert username_of(browser.sign_in("newcomer")) == "demo"


def test_with_the_option_another_user_can_sign_in(browser: LabBrowser) -> None:
    labmate = browser.sign_in("demo").sign_in
    result = browser.sign_in("newcomer", labmate, switch_account=True)
    assert username_of(result) == "newcomer"
    assert result.warning is None
    assert result.sign_in.manager is not labmate.manager
    assert labmate.manager.make_session("Uploader").client("sts").get_caller_identity()


def test_the_same_user_again_gets_the_link_that_ends_the_browsers_session(
    browser: LabBrowser, cognito: LocalCognito
) -> None:
    """The classic hosted UI ignores `prompt`, and signs in whom its cookie names."""
    labmate = browser.sign_in("demo").sign_in
    result = browser.sign_in("demo", labmate, switch_account=True)
    assert result.sign_in.manager is labmate.manager
    assert "the same user as before" in str(result.warning)
    assert f"{cognito.domain}/logout?client_id={cognito.client_id}" in str(result.warning)
    assert browser.sign_in("demo", labmate).warning is None


def test_the_same_user_again_is_noticed_by_the_sign_in_on_this_computer_too(
    cognito: LocalCognito, own_environment: Path
) -> None:
    """A command has no earlier sign-in in memory."""
    settings = Settings(configuration_from_environment(cognito.environment), remember=True)
    browser = LabBrowser(cognito, settings)
    assert browser.sign_in("demo", switch_account=True).warning is None
    assert "the same user as before" in str(browser.sign_in("demo", switch_account=True).warning)
    assert browser.sign_in("newcomer", switch_account=True).warning is None
    manager = load_manager(settings)
    assert manager is not None
    assert manager.claims["cognito:username"] == "newcomer"


def test_a_labmate_who_stays_signed_in_on_this_computer_is_mentioned(
    cognito: LocalCognito, own_environment: Path
) -> None:
    """A new kernel would sign in the labmate, without any question."""
    settings = Settings(configuration_from_environment(cognito.environment), remember=True)
    labmate = LabBrowser(cognito, settings).sign_in("demo").sign_in
    browser = LabBrowser(cognito, replace(settings, remember=False))
    for previous in (None, labmate):
        result = browser.sign_in("newcomer", previous, switch_account=True)
        assert username_of(result) == "newcomer"
        assert "Another user stays signed in on this computer" in str(result.warning)
    opted_out = replace(settings, remember=False, sources={"remember": "a test"})
    assert LabBrowser(cognito, opted_out).sign_in("newcomer", labmate, switch_account=True).warning is None


@pytest.mark.parametrize(
    ("hints", "prompt"),
    [
        ({}, "login"),
        ({"login_hint": "demo"}, "login"),
        ({"identity_provider": "Google"}, "select_account"),
        ({"idp_identifier": "example.org"}, "select_account"),
    ],
)
def test_an_identity_provider_is_requested_to_offer_its_accounts(
    cognito: LocalCognito, own_environment: Path, hints: dict[str, str], prompt: str
) -> None:
    """At Cognito itself select_account has no effect."""
    settings = replace(Settings(configuration_from_environment(cognito.environment)), **hints)  # type: ignore[arg-type]
    shown: list[str] = []

    def cancel(login: Login) -> None:
        shown.append(login.authorization_url)
        login.cancel()

    for switch_account in (True, False):
        service = LoginService(
            SignInRequest(settings, None, True, switch_account), CognitoOAuthAuthenticator.from_settings(settings)
        )
        with pytest.raises(ConnectionError), service.sign_in(cancel):
            pass
    assert f"&prompt={prompt}" in shown[0]
    assert "prompt=" not in shown[1]
