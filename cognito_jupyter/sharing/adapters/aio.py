"""Credentials as aiobotocore takes them: whatever a role's slot holds at the moment, read without blocking its loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NoReturn

from aiobotocore.credentials import AioCredentialResolver, AioCredentials
from aiobotocore.session import AioSession
from botocore.credentials import CredentialProvider

from ..._util.botocore_session import ignore_missing_profile

if TYPE_CHECKING:
    from ...credentials.boto_sessions import RefreshingCredentials
    from ...credentials.role_credentials import FrozenCredentials


class AioRefreshingCredentials(AioCredentials):
    """aiobotocore's credentials over those of a role."""

    def __init__(self, credentials: RefreshingCredentials) -> None:
        self._credentials = credentials
        self.method = credentials.method
        self.account_id = None

    @property
    def access_key(self) -> str:
        """The access key id of now."""
        return str(self._credentials.access_key)

    @property
    def secret_key(self) -> str:
        """The secret access key of now."""
        return str(self._credentials.secret_key)

    @property
    def token(self) -> str:
        """The session token of now."""
        return str(self._credentials.token)

    async def get_frozen_credentials(self) -> FrozenCredentials:
        """The three of one moment.

        Raises:
            CognitoError: They are over, and could not be renewed.
        """
        # In a thread: where nothing good is held this asks Cognito, and all of fsspec shares one event loop.
        return await asyncio.to_thread(self._credentials.get_frozen_credentials)

    def __repr__(self) -> str:
        return f"<AioSlotCredentials of {self._credentials.role_arn or 'the default role'}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("Credentials are not pickled: make the session where it is used.")


class _Provider(CredentialProvider):
    """Hands one credentials object to an aiobotocore session."""

    METHOD = "cognito"
    CANONICAL_NAME = "cognito"

    def __init__(self, credentials: AioRefreshingCredentials) -> None:
        super().__init__()
        self._credentials = credentials

    # aiobotocore awaits what botocore calls.
    async def load(self) -> AioRefreshingCredentials:
        return self._credentials


def aio_session(credentials: RefreshingCredentials, region: str) -> AioSession:
    """An aiobotocore session that signs with these credentials and no others, whatever the environment holds."""
    session = ignore_missing_profile(AioSession())
    session.set_config_variable("region", region)
    resolver = AioCredentialResolver([_Provider(AioRefreshingCredentials(credentials))])
    session.register_component("credential_provider", resolver)
    return session
