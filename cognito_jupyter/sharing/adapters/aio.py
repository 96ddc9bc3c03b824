"""Credentials for aiobotocore: a role's current credentials, read without blocking the event loop.

`s3fs_session` calls it. It needs aiobotocore at import, so it is only imported from there.
"""

from __future__ import annotations

import asyncio
from typing import cast

from aiobotocore.credentials import AioCredentials
from aiobotocore.session import AioSession

from ..._util.botocore_session import ignore_empty_names
from ..._util.closing import NotPicklable
from ..._util.http.user_agent import user_agent
from ..._util.logs.redaction import install_redaction
from ...credentials.boto_sessions import SESSION_PICKLE_ERROR, RefreshingCredentials
from ...credentials.role_credentials import FrozenCredentials


class AioRefreshingCredentials(NotPicklable, AioCredentials):
    """aiobotocore's credentials, read from those of a role.

    Args:
        credentials: The role's credentials.
    """

    pickle_error = "Credentials cannot be pickled: create the session in the process that uses it."

    def __init__(self, credentials: RefreshingCredentials) -> None:
        self._credentials = credentials
        self.method = credentials.method
        self.account_id = None

    @property
    def access_key(self) -> str:
        """The current access key id."""
        return cast("str", self._credentials.access_key)

    @property
    def secret_key(self) -> str:
        """The current secret access key."""
        return cast("str", self._credentials.secret_key)

    @property
    def token(self) -> str:
        """The current session token."""
        return cast("str", self._credentials.token)

    async def get_frozen_credentials(self) -> FrozenCredentials:
        """Returns the three of the same moment.

        Raises:
            CognitoError: They have expired and could not be refreshed.
        """
        # In a thread: without valid credentials this calls Cognito, and all of fsspec shares one event loop.
        return await asyncio.to_thread(self._credentials.get_frozen_credentials)

    def __repr__(self) -> str:
        return f"<AioRefreshingCredentials of {self._credentials.role_arn or 'the default role'}>"


class _Resolver:
    """Gives one credentials object to an aiobotocore session, in place of aiobotocore's chain of providers."""

    def __init__(self, credentials: AioRefreshingCredentials) -> None:
        self._credentials = credentials

    async def load_credentials(self) -> AioRefreshingCredentials:
        return self._credentials


class CognitoAioSession(NotPicklable, AioSession):
    """An aiobotocore session; sent to another process, it says how that one gets credentials."""

    pickle_error = SESSION_PICKLE_ERROR


def aio_session(credentials: RefreshingCredentials, region: str) -> AioSession:
    """Returns the aiobotocore session that signs with these credentials only, whatever the environment contains.

    fsspec caches a filesystem for each session, so each region has one session for as long as it is in use.

    Args:
        credentials: The role's credentials.
        region: The session's region.
    """
    existing = credentials.sessions.get(region)
    if isinstance(existing, AioSession):
        return existing
    install_redaction()
    session = ignore_empty_names(CognitoAioSession())
    session.user_agent_extra = user_agent()
    session.set_config_variable("region", region)
    session.register_component("credential_provider", _Resolver(AioRefreshingCredentials(credentials)))
    credentials.sessions[region] = session
    return session
