"""The moments at which a fault can strike, and what is to hold at each."""

from __future__ import annotations

import urllib.request
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import boto3

from cognito_jupyter.local.login_page_client import LoginPageClient
from cognito_jupyter.oauth.login import Login
from cognito_jupyter.oauth.tokens import CognitoTokens

from .scene import ANALYST, UPLOADER, FaultPoint, FaultScenario, wait_for

_LARGE = 300_000
_PART = 65_536


class Operation(ABC):
    """One step of the work, played before, under and after a fault.

    Attributes:
        fault_point: Where the fault strikes.
        transparent: Whether whoever works is not to notice it at all.
    """

    fault_point: ClassVar[FaultPoint]
    transparent: ClassVar[bool] = False

    def __init__(self, scenario: FaultScenario) -> None:
        self.scenario = scenario

    def prepare(self) -> None:  # noqa: B027 - for most there is nothing to do here, nor in the two below
        """What comes before."""

    @abstractmethod
    def run(self) -> None:
        """What meets the fault."""

    def check_during_fault(self) -> None:  # noqa: B027 - see begin
        """What is to hold while the fault lasts, once it has been met."""

    @abstractmethod
    def check_recovery(self) -> None:
        """The same once it is over: works, and with the right role."""

    def clean_up(self) -> None:  # noqa: B027 - see begin
        """Leaves everything as it was."""


class LoginOperation(Operation):
    """A login, once the person has signed in and the browser has come back."""

    def prepare(self) -> None:
        self._login = self._login_with_response()

    def run(self) -> None:
        with self._login:
            self._login.tokens()

    def check_recovery(self) -> None:
        """A login that failed is over; the next one works, and its refresh token is good."""
        with self._login_with_response() as login:
            tokens: CognitoTokens = login.tokens()
        assert self.scenario.authenticator.refresh_tokens(tokens["refresh_token"])["id_token"]
        keys = self.scenario.new_manager(tokens).ensure_credentials(ANALYST)
        assert self.scenario.role_of(keys["access_key_id"]) == ANALYST

    def _login_with_response(self) -> Login:
        login = self.scenario.authenticator.begin_login()
        user = self.scenario.cognito.demo_user
        person = LoginPageClient(verify=str(self.scenario.certificates.ca_file))
        callback = person.submit_login(login.authorization_url, user.username, user.password, follow_callback=False)
        with urllib.request.urlopen(callback, timeout=10) as page:
            assert page.status == 200
        return login


class CodeExchange(LoginOperation):
    """The code is exchanged for tokens."""

    fault_point = FaultPoint("token:authorization_code", "user pool")


class JwksFetch(LoginOperation):
    """The tokens are there; the keys that verify them are fetched."""

    fault_point = FaultPoint("jwks", "keys")


class TokenRefresh(Operation):
    """The tokens are refreshed by somebody who insists, under rotation."""

    fault_point = FaultPoint("token:refresh_token", "user pool")
    grace: ClassVar[float] = 60.0

    def prepare(self) -> None:
        knobs = self.scenario.cognito.knobs
        knobs.rotation, knobs.grace = True, self.grace
        self.scenario.manager.ensure_credentials(ANALYST)
        self._session = self.scenario.manager.make_refreshing_session()

    def run(self) -> None:
        self.scenario.manager.refresh_user_pool_tokens()

    def check_during_fault(self) -> None:
        """The credentials are good, whatever became of the tokens."""
        assert _signing_role(self.scenario, self._session) == ANALYST

    def check_recovery(self) -> None:
        """Twice: the second refresh shows that the refresh token of the first is good."""
        for _ in range(2):
            self.scenario.manager.refresh_user_pool_tokens()
        keys = self.scenario.manager.get_credentials()
        assert self.scenario.role_of(keys["access_key_id"]) == ANALYST


class TokenRefreshWithoutGrace(TokenRefresh):
    """The same where a refresh token that has been rotated out is worth nothing from that moment on."""

    grace = 0.0


class GetId(Operation):
    """The first exchange asks for the identity id."""

    fault_point = FaultPoint("GetId", "identity pool")

    def run(self) -> None:
        self.scenario.manager.ensure_credentials(UPLOADER)

    def check_during_fault(self) -> None:
        assert self.scenario.manager.credentials is None
        assert self.scenario.manager.auth_tokens is not None

    def check_recovery(self) -> None:
        keys = self.scenario.manager.ensure_credentials(UPLOADER)
        assert self.scenario.role_of(keys["access_key_id"]) == UPLOADER


class GetCredentials(Operation):
    """A second role's credentials are asked for while the first one's are in use."""

    fault_point = FaultPoint("GetCredentialsForIdentity", "identity pool")

    def prepare(self) -> None:
        self._first = self.scenario.manager.ensure_credentials(ANALYST)
        self._session = self.scenario.manager.make_refreshing_session()

    def run(self) -> None:
        self.scenario.manager.ensure_credentials(UPLOADER)

    def check_during_fault(self) -> None:
        """The first role's are what they were, and remain those asked for last."""
        assert self.scenario.manager.credentials == self._first
        assert _signing_role(self.scenario, self._session) == ANALYST

    def check_recovery(self) -> None:
        keys = self.scenario.manager.ensure_credentials(UPLOADER)
        assert self.scenario.role_of(keys["access_key_id"]) == UPLOADER
        assert _signing_role(self.scenario, self._session) == ANALYST


class DownloadDuringRefresh(Operation):
    """A large object is half read when the credentials fall due, and their renewal meets the fault."""

    fault_point = FaultPoint("GetCredentialsForIdentity", "identity pool")
    transparent = True

    def prepare(self) -> None:
        bucket = self.scenario.cognito.bucket
        self._uploads = self.scenario.manager.make_refreshing_session(UPLOADER).client("s3")
        self._uploads.put_object(Bucket=bucket, Key="large", Body=b"x" * _LARGE)
        self._session = self.scenario.manager.make_refreshing_session(ANALYST)
        self._client: Any = self._session.client("s3")
        self._body = self._client.get_object(Bucket=bucket, Key="large")["Body"]
        self._read = len(self._body.read(_PART))
        self._first = access_key_id_of(self._session)

    def run(self) -> None:
        attempts: list[None] = []
        stop = self.scenario.manager.on_change(lambda: attempts.append(None))
        self.scenario.clock.advance(2_900.0)
        while part := self._body.read(_PART):
            self._head()
            self._read += len(part)
        assert self._read == _LARGE
        # The tokens come first, and meet no fault.
        wait_for(lambda: len(attempts) >= 2, lambda: "the renewal has not met the fault")
        stop()
        self._head()

    def check_recovery(self) -> None:
        """The renewal is made up for, and nobody has asked for it."""
        self.scenario.clock.advance(60.0)
        wait_for(lambda: access_key_id_of(self._session) != self._first, lambda: "not renewed after the fault")
        self._head()

    def _head(self) -> None:
        """A call of AWS, signed with the right role."""
        self._client.head_object(Bucket=self.scenario.cognito.bucket, Key=self.scenario.cognito.data_key)
        assert self.scenario.cognito.aws.proxy.requests[-1].role_arn == self.scenario.cognito.roles[ANALYST]

    def clean_up(self) -> None:
        self._uploads.delete_object(Bucket=self.scenario.cognito.bucket, Key="large")


def access_key_id_of(session: boto3.Session) -> str:
    keys = session.get_credentials()
    assert keys is not None
    return str(keys.get_frozen_credentials().access_key)


def _signing_role(scenario: FaultScenario, session: boto3.Session) -> str:
    return scenario.role_of(access_key_id_of(session))


OPERATIONS: dict[str, type[Operation]] = {
    "code exchange": CodeExchange,
    "keys": JwksFetch,
    "refresh": TokenRefresh,
    "refresh without grace": TokenRefreshWithoutGrace,
    "GetId": GetId,
    "GetCredentialsForIdentity": GetCredentials,
    "mid-body": DownloadDuringRefresh,
}
