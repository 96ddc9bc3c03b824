"""boto3 sessions over a role's credentials.

The manager builds them. A session gets its credentials through botocore's credential-provider component, so that no
private attribute is set, and a session never makes a request itself: it reads what `RoleCredentials` has.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from typing import Any, TypedDict

import boto3
import botocore.session
from botocore.credentials import CredentialProvider, CredentialResolver, Credentials
from botocore.exceptions import BotoCoreError

from .._util.botocore_session import new_session
from .._util.closing import NotPicklable
from .role_credentials import CachedCredentials, FrozenCredentials, RoleCredentials

_PICKLE_ERROR = "Credentials cannot be pickled or copied: make the session in the process that uses it."
SESSION_PICKLE_ERROR = (
    "A session cannot be pickled or copied: its credentials stay in this process. "
    "For other processes on this machine, run %cognito_share, or call cognito_jupyter.sharing.share(manager), and have "
    "them call boto3.client(...); for a cluster, call sharing.dask(manager, client), sharing.ray(manager) or "
    "sharing.spark(manager, session) of cognito_jupyter."
)
"""The message for a session, whether of boto3 or aiobotocore."""


class RefreshableCredentialMetadata(TypedDict):
    """The metadata that botocore's own RefreshableCredentials takes; `expiry_time` is in ISO 8601."""

    access_key: str
    secret_key: str
    token: str
    expiry_time: str


class RefreshingCredentials(NotPicklable, Credentials):
    """botocore credentials that read a role's current credentials each time.

    Attributes:
        role_arn: The role; None for the identity pool's default role.
        method: The source of the credentials, as botocore calls it.
    """

    pickle_error = _PICKLE_ERROR

    def __init__(self, role: RoleCredentials) -> None:
        self._role = role
        self.role_arn = role.role_arn
        self.method = "cognito"
        self.account_id = None
        role.consumers.add(self)

    # The stubs know only plain attributes; botocore's own RefreshableCredentials has properties too.
    @property
    def access_key(self) -> Any:  # type: ignore[override]
        """The current access key id."""
        return self.get_frozen_credentials().access_key

    @property
    def secret_key(self) -> Any:  # type: ignore[override]
        """The current secret access key."""
        return self.get_frozen_credentials().secret_key

    @property
    def token(self) -> Any:  # type: ignore[override]
        """The current session token."""
        return self.get_frozen_credentials().token

    @property
    def sessions(self) -> MutableMapping[str, object]:
        """By region, the sessions of another library that sign with the same credentials and are still in use."""
        return self._role.sessions

    def get_frozen_credentials(self) -> FrozenCredentials:
        """Returns the current credentials, refreshed first if they expire soon.

        Raises:
            CognitoError: They have expired, and could not be refreshed.
        """
        return self._role.for_signing().frozen

    def get_cached_credentials(self) -> CachedCredentials:
        """Returns the same with their expiry, for code that passes them on.

        Raises:
            CognitoError: They have expired, and could not be refreshed.
        """
        return self._role.for_signing()

    def get_credentials_valid_for(self, seconds: float) -> CachedCredentials:
        """Returns credentials that are valid for longer than this, refreshed first if the current ones are not.

        Args:
            seconds: The least validity.

        Raises:
            CognitoError: They could not be refreshed; the current ones stay.
        """
        return self._role.get_valid_for(seconds)

    def __repr__(self) -> str:
        return f"<RefreshingCredentials of {self.role_arn or 'the default role'}>"


class StaticCredentials(NotPicklable, Credentials):
    """botocore credentials that never change."""

    pickle_error = _PICKLE_ERROR

    def __init__(self, frozen: FrozenCredentials) -> None:
        # The three stay as they are: a plain str would be shown by the repr of what is frozen from them.
        super().__init__(frozen.access_key, frozen.secret_key, frozen.token, method="cognito")  # type: ignore[arg-type] # the stubs' None
        self._frozen = frozen

    def get_frozen_credentials(self) -> FrozenCredentials:
        """Returns the three, whose repr shows none of them."""
        return self._frozen


class _Provider(CredentialProvider):
    """Gives a botocore session its credentials, as botocore's own providers do."""

    METHOD = "cognito"
    CANONICAL_NAME = "cognito"

    def __init__(self, credentials: Credentials) -> None:
        super().__init__()
        self._credentials = credentials

    def load(self) -> Credentials:
        return self._credentials


class CognitoSession(NotPicklable, boto3.Session):
    """A boto3 session; sent to another process, it says how that one gets credentials."""

    pickle_error = SESSION_PICKLE_ERROR


class PrebuiltSession:
    """One session built ahead of its use: building it takes longer than a request to a server nearby.

    Args:
        make_session: Builds the botocore session below it.
    """

    def __init__(self, make_session: Callable[[], botocore.session.Session] = new_session) -> None:
        self._make_session = make_session
        self._prebuilt: deque[tuple[botocore.session.Session, CognitoSession]] = deque(maxlen=1)

    def prebuild(self) -> None:
        """Builds a session unless there is one; an error of the AWS files is left to the session that is made later."""
        if not self._prebuilt:
            with suppress(BotoCoreError):
                self._prebuilt.append(self._build())

    def pop_or_build(self, credentials: Credentials, region: str) -> boto3.Session:
        """Returns a session that signs with these credentials only, whatever the environment holds.

        The prebuilt one is returned to one caller only; the next one gets a new one.

        Args:
            credentials: What it signs with.
            region: Its region.
        """
        try:
            botocore_session, session = self._prebuilt.pop()
        except IndexError:
            botocore_session, session = self._build()
        botocore_session.register_component("credential_provider", CredentialResolver([_Provider(credentials)]))
        botocore_session.set_config_variable("region", region)
        return session

    def _build(self) -> tuple[botocore.session.Session, CognitoSession]:
        session = self._make_session()
        return session, CognitoSession(botocore_session=session)
