"""The convenient way in: from a configuration to a manager, by the whole OAuth workflow."""

from __future__ import annotations

from ..oauth.authenticator import CognitoOAuthAuthenticator
from ..settings import CognitoConfiguration, Settings
from .manager import CognitoCredentialsManager


def get_authenticated_cognito_manager(cogconf: CognitoConfiguration) -> CognitoCredentialsManager:
    """Runs the whole OAuth workflow and returns a manager that holds the tokens.

    Args:
        cogconf: The Cognito to sign in at; its user pool must be the one that issues the tokens.

    Raises:
        LoginError: The person did not finish the sign-in (a ConnectionError).
        RefusedError: Cognito refused, or the tokens are not what was asked for (a PermissionError).
        UnavailableError: Cognito could not be reached, or no registered port is free (a ConnectionError).
    """
    authenticator = CognitoOAuthAuthenticator.from_settings(Settings(cogconf))
    tokens = authenticator.authenticate()
    return CognitoCredentialsManager(
        cogconf.identity_pool_id, cogconf.user_pool_id, cogconf.region, tokens, authenticator
    )
