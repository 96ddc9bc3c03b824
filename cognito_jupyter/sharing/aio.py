"""Credentials as aiobotocore takes them: whatever a role's slot holds at the moment, read without blocking its loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NoReturn

from aiobotocore.credentials import AioCredentialResolver, AioCredentials
from aiobotocore.session import AioSession
from botocore.credentials import CredentialProvider

from ..credentials.botocore_session import despite_a_stale_profile

if TYPE_CHECKING:
    from ..credentials.sessions import SlotCredentials
    from ..credentials.snapshot import FrozenCredentials


class AioSlotCredentials(AioCredentials):
    """aiobotocore's credentials over those of a role."""

    def __init__(self, live: SlotCredentials) -> None:
        self._live = live
        self.method = live.method
        self.account_id = None

    @property
    def access_key(self) -> str:
        """The access key id of now."""
        return str(self._live.access_key)

    @property
    def secret_key(self) -> str:
        """The secret access key of now."""
        return str(self._live.secret_key)

    @property
    def token(self) -> str:
        """The session token of now."""
        return str(self._live.token)

    async def get_frozen_credentials(self) -> FrozenCredentials:
        """The three of one moment.

        Raises:
            CognitoError: They are over, and could not be renewed.
        """
        # In a thread: where nothing good is held this asks Cognito, and all of fsspec shares one event loop.
        return await asyncio.to_thread(self._live.get_frozen_credentials)

    def __repr__(self) -> str:
        return f"<AioSlotCredentials of {self._live.role_arn or 'the default role'}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("Credentials are not pickled: make the session where it is used.")


class _Provider(CredentialProvider):
    """Hands one credentials object to an aiobotocore session."""

    METHOD = "cognito"
    CANONICAL_NAME = "cognito"

    def __init__(self, credentials: AioSlotCredentials) -> None:
        super().__init__()
        self._credentials = credentials

    # aiobotocore awaits what botocore calls.
    async def load(self) -> AioSlotCredentials:
        return self._credentials


def aio_session(live: SlotCredentials, region: str) -> AioSession:
    """An aiobotocore session that signs with these credentials and no others, whatever the environment holds."""
    session = despite_a_stale_profile(AioSession())
    session.set_config_variable("region", region)
    resolver = AioCredentialResolver([_Provider(AioSlotCredentials(live))])
    session.register_component("credential_provider", resolver)
    return session
