"""One sign-in, without a notebook and without a terminal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cognito_jupyter.errors import LoginDeniedError, RoleError
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.login_page_client import submit_login
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator
from cognito_jupyter.oauth.login import Login
from cognito_jupyter.settings import Settings
from cognito_jupyter.signin.request import SignInRequest
from cognito_jupyter.signin.service import LoginService
from tests.support.shared_kernels import configuration_from_environment


@pytest.fixture
def settings(cognito: LocalCognito, own_environment: Path) -> Settings:
    return Settings(
        configuration_from_environment(cognito.environment),
        remember=True,
        wait_for_sign_in=7.0,
    )


def service_for(settings: Settings, role_suffix: str | None = None, *, fresh: bool = False) -> LoginService:
    request = SignInRequest(settings, role_suffix, fresh)
    return LoginService(request, CognitoOAuthAuthenticator.from_settings(settings))


def sign_in_once(cognito: LocalCognito, login: Login) -> None:
    user = cognito.demo_user
    submit_login(login.authorization_url, user.username, user.password)
    assert login.wait(60)


def unexpected_login(_: Login) -> None:
    raise AssertionError("A login was started.")


def test_a_login_gives_a_session_for_the_role_and_the_next_one_restores_it(
    cognito: LocalCognito, settings: Settings
) -> None:
    service = service_for(settings, "Analyst")
    with service.sign_in(lambda login: sign_in_once(cognito, login)) as result:
        assert not service.restored
        assert result.role is not None
        assert result.role.role_arn == cognito.roles["Analyst"]
        assert result.role.session.client("sts").get_caller_identity()["Arn"].count("Analyst") == 1
        assert result.sign_in.manager.wait_for_sign_in == 7.0
    service = service_for(settings, "Uploader")
    with service.sign_in(unexpected_login) as result:
        assert service.restored
        assert result.role is not None
        assert result.role.role_arn == cognito.roles["Uploader"]
        assert result.sign_in.manager.wait_for_sign_in == 7.0


def test_a_role_that_is_not_allowed_leaves_the_sign_in_valid(cognito: LocalCognito, settings: Settings) -> None:
    with service_for(settings, "Administrator").sign_in(lambda login: sign_in_once(cognito, login)) as result:
        assert result.role is None
        assert isinstance(result.role_error, RoleError)
        assert result.role_error.__traceback__ is None
        assert result.sign_in.manager.make_session("Analyst").client("sts").get_caller_identity()


def test_fresh_logs_in_although_a_sign_in_is_remembered(cognito: LocalCognito, settings: Settings) -> None:
    with service_for(settings).sign_in(lambda login: sign_in_once(cognito, login)):
        pass
    service = service_for(settings, fresh=True)
    with service.sign_in(lambda login: sign_in_once(cognito, login)):
        assert not service.restored


def test_a_cancelled_sign_in_selects_no_role(cognito: LocalCognito, settings: Settings) -> None:
    service = LoginService(
        SignInRequest(settings), CognitoOAuthAuthenticator.from_settings(settings), is_cancelled=lambda: True
    )
    before = cognito.counts["GetCredentialsForIdentity"]
    with service.sign_in(lambda login: sign_in_once(cognito, login)) as result:
        assert (result.role, result.role_error) == (None, None)
    assert cognito.counts["GetCredentialsForIdentity"] == before


def test_an_ended_sign_in_of_the_same_user_continues_with_its_manager(
    cognito: LocalCognito, settings: Settings
) -> None:
    with service_for(settings).sign_in(lambda login: sign_in_once(cognito, login)) as result:
        previous = result.sign_in
    authenticator = CognitoOAuthAuthenticator.from_settings(settings)
    choice = replace(settings, remember=False)
    service = LoginService(SignInRequest(choice), authenticator, previous, remember_choice=lambda: False)
    with service.sign_in(lambda login: sign_in_once(cognito, login)) as result:
        assert result.sign_in.manager is previous.manager
        assert result.sign_in.manager.shared_sign_in.path is None


def test_an_error_of_cognito_is_raised(cognito: LocalCognito, settings: Settings) -> None:
    def deny(login: Login) -> None:
        state = login.authorization_url.partition("state=")[2].partition("&")[0]
        login.handle_pasted_url(f"{login.redirect_uri}/?error=access_denied&state={state}")

    with (
        pytest.raises(LoginDeniedError, match="access_denied"),
        service_for(settings, fresh=True).sign_in(deny),
    ):
        pass


def test_the_same_user_signs_in_again_after_the_pool_has_switched_its_issuer(
    cognito: LocalCognito, settings: Settings
) -> None:
    """The sessions of the sign-in that has ended continue, and the stored sign-in is replaced, not another user's."""
    with service_for(settings, "Analyst").sign_in(lambda login: sign_in_once(cognito, login)) as result:
        previous, role = result.sign_in, result.role
    tokens = previous.manager.auth_tokens
    assert tokens is not None
    assert role is not None
    assert previous.manager.authenticator is not None
    previous.manager.authenticator.revoke(tokens["refresh_token"])
    cognito.knobs.issuer_type = "UPDATED"
    authenticator = CognitoOAuthAuthenticator.from_settings(settings)
    service = LoginService(SignInRequest(settings, "Analyst"), authenticator, previous)
    with service.sign_in(lambda login: sign_in_once(cognito, login)) as result:
        assert result.sign_in.manager is previous.manager
        assert result.role_error is None
    assert role.session.client("sts").get_caller_identity()
    service = service_for(settings, "Analyst")
    with service.sign_in(unexpected_login) as result:
        assert service.restored
