"""The one share of a notebook, over sign-ins that follow each other."""

from __future__ import annotations

import os

import pytest

from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.errors import CredentialsError
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.notebook.model.notebook_share import NotebookShare
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator
from cognito_jupyter.settings import CognitoConfiguration, Settings
from cognito_jupyter.sharing.endpoint.environment import FULL_URI
from cognito_jupyter.signin.service import SignIn
from tests.conftest import manager_for


def test_programs_never_go_on_as_the_user_before_if_the_next_users_role_cannot_be_shared(
    cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator, own_environment: object
) -> None:
    cognito.add_user("colleague", "the-password", groups=cognito.pool.users["demo"].groups)
    role = cognito.roles["Analyst"]
    share = NotebookShare()
    share.share_roles(_sign_in(cognito, manager_for(cognito, authenticator)), [role])
    assert FULL_URI in os.environ
    colleague = manager_for(cognito, authenticator, "colleague")
    cognito.knobs.fail(LocalCognito.EXCHANGE, like="logins-do-not-match", times=None)
    with pytest.raises(CredentialsError):
        share.share_roles(_sign_in(cognito, colleague), [role])
    assert share.roles == ()
    assert FULL_URI not in os.environ


def _sign_in(cognito: LocalCognito, manager: CognitoCredentialsManager) -> SignIn:
    pools = (cognito.region, cognito.user_pool_id, cognito.identity_pool_id)
    return SignIn(
        Settings(CognitoConfiguration(cognito.domain, cognito.client_id, cognito.redirect_uri, *pools)), manager
    )
