"""boto3 sessions over credentials that renew themselves."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, NoReturn, TypedDict

import boto3
from botocore.credentials import CredentialProvider, CredentialResolver, Credentials

from .._util.botocore_session import new_session

if TYPE_CHECKING:
    import botocore.session

    from .role_credentials import CachedCredentials, FrozenCredentials, RoleCredentials


class RefreshableCredentialMetadata(TypedDict):
    """What botocore's own RefreshableCredentials takes; `expiry_time` is ISO 8601."""

    access_key: str
    secret_key: str
    token: str
    expiry_time: str


class RefreshingCredentials(Credentials):
    """botocore credentials that are whatever a role's slot holds at the moment.

    Attributes:
        method: Where they are from, as botocore calls it.
    """

    def __init__(self, role: RoleCredentials) -> None:
        self._role = role
        self.method = "cognito"
        self.account_id = None
        role.consumers.add(self)

    @property
    def role_arn(self) -> str | None:
        """The role; None where the identity pool's default decides."""
        return self._role.role_arn

    # The stubs know only plain attributes; botocore's own RefreshableCredentials has properties too.
    @property
    def access_key(self) -> Any:  # type: ignore[override]
        """The access key id of now."""
        return self.get_frozen_credentials().access_key

    @property
    def secret_key(self) -> Any:  # type: ignore[override]
        """The secret access key of now."""
        return self.get_frozen_credentials().secret_key

    @property
    def token(self) -> Any:  # type: ignore[override]
        """The session token of now."""
        return self.get_frozen_credentials().token

    def get_frozen_credentials(self) -> FrozenCredentials:
        """The three of one moment, renewed first where they are nearly over.

        Raises:
            CognitoError: They are over, and could not be renewed.
        """
        return self._role.for_signing().frozen

    def get_cached_credentials(self) -> CachedCredentials:
        """The same with their expiration, for whoever hands them on.

        Raises:
            CognitoError: They are over, and could not be renewed.
        """
        return self._role.for_signing()

    def get_credentials_valid_for(self, seconds: float) -> CachedCredentials:
        """The same, renewed first where they do not last longer than some seconds.

        Raises:
            CognitoError: They could not be renewed; what was held is still held.
        """
        return self._role.get_valid_for(seconds)

    def __repr__(self) -> str:
        return f"<SlotCredentials of {self._role.role_arn or 'the default role'}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("Credentials are not pickled: make the session where it is used.")


class StaticCredentials(Credentials):
    """botocore credentials of one moment, with a repr and a pickle that show nothing."""

    def __init__(self, frozen: FrozenCredentials) -> None:
        super().__init__(str(frozen.access_key), str(frozen.secret_key), frozen.token, method="cognito")

    def __repr__(self) -> str:
        return "<FixedCredentials>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("Credentials are not pickled: make the session where it is used.")


class _Provider(CredentialProvider):
    """Hands one credentials object to a botocore session, in botocore's own way."""

    METHOD = "cognito"
    CANONICAL_NAME = "cognito"

    def __init__(self, credentials: Credentials) -> None:
        super().__init__()
        self._credentials = credentials

    def load(self) -> Credentials:
        return self._credentials


class PrebuiltSession:
    """One botocore session made ahead of its use: making it takes longer than a request to a server nearby."""

    def __init__(self) -> None:
        self._prebuilt: deque[botocore.session.Session] = deque(maxlen=1)

    def prebuild(self) -> None:
        """Makes one, unless one is waiting."""
        if not self._prebuilt:
            self._prebuilt.append(new_session())

    def pop_or_build(self) -> botocore.session.Session:
        """The one that waits, which nobody else gets; a new one where none does."""
        try:
            return self._prebuilt.pop()
        except IndexError:
            return new_session()


def build_boto3_session(credentials: Credentials, region: str, session: botocore.session.Session) -> boto3.Session:
    """A boto3 session that signs with these credentials and no others, whatever the environment holds.

    Args:
        credentials: What it signs with.
        region: Its region.
        session: What it is built on; nobody else uses it.
    """
    session.register_component("credential_provider", CredentialResolver([_Provider(credentials)]))
    return boto3.Session(botocore_session=session, region_name=region)
