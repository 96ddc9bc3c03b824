"""The operations during which a fault can occur, and what must hold at each."""

from __future__ import annotations

import urllib.request
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import boto3

from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.login_page_client import submit_login
from cognito_jupyter.oauth.login import Login
from cognito_jupyter.oauth.tokens import CognitoTokens
from tests.support.polling import wait_until

from .scenario import ANALYST, UPLOADER, FaultPoint, FaultScenario

_LARGE = 300_000
_PART = 65_536


class Operation(ABC):
    """One step of the work, which runs before, during and after a fault.

    Attributes:
        fault_point: Where the fault occurs.
        transparent: Whether the fault must not be noticeable at all.
    """

    fault_point: ClassVar[FaultPoint]
    transparent: ClassVar[bool] = False

    def __init__(self, scenario: FaultScenario) -> None:
        self.scenario = scenario

    def prepare(self) -> None:  # noqa: B027 - most operations need no preparation
        """Does what comes before the fault."""

    @abstractmethod
    def run(self) -> None:
        """Runs into the fault."""

    def check_during_fault(self) -> None:  # noqa: B027 - most operations have nothing to check here
        """Checks what holds while the fault lasts, after `run`."""

    @abstractmethod
    def check_recovery(self) -> None:
        """Checks that the operation works after the fault, with the right role."""

    def clean_up(self) -> None:  # noqa: B027 - most operations leave nothing behind
        """Restores everything."""


class LoginOperation(Operation):
    """A login, after the browser was redirected back."""

    def prepare(self) -> None:
        self._login = self._login_with_response()

    def run(self) -> None:
        with self._login:
            self._login.tokens()

    def check_recovery(self) -> None:
        """The next login works, and its refresh token is valid."""
        with self._login_with_response() as login:
            tokens: CognitoTokens = login.tokens()
        assert self.scenario.authenticator.refresh_tokens(tokens["refresh_token"])["id_token"]
        credentials = self.scenario.new_manager(tokens).ensure_credentials(ANALYST)
        assert self.scenario.role_of(credentials["access_key_id"]) == ANALYST

    def _login_with_response(self) -> Login:
        login = self.scenario.authenticator.begin_login()
        user = self.scenario.cognito.demo_user
        ca_file = str(self.scenario.certificates.ca_file)
        callback = submit_login(
            login.authorization_url, user.username, user.password, verify=ca_file, follow_callback=False
        )
        with urllib.request.urlopen(callback, timeout=10) as page:
            assert page.status == 200
        return login


class CodeExchange(LoginOperation):
    """The code is exchanged for tokens."""

    fault_point = FaultPoint(LocalCognito.CODE_EXCHANGE, "user pool")


class JwksFetch(LoginOperation):
    """The tokens have arrived; the credentials that verify them are fetched."""

    fault_point = FaultPoint(LocalCognito.JWKS, "JWKS")


class TokenRefresh(Operation):
    """The tokens are refreshed explicitly, under rotation."""

    fault_point = FaultPoint(LocalCognito.REFRESH, "user pool")
    grace: ClassVar[float] = 60.0

    def prepare(self) -> None:
        knobs = self.scenario.cognito.knobs
        knobs.rotation, knobs.grace = True, self.grace
        self.scenario.manager.ensure_credentials(ANALYST)
        self._session = self.scenario.manager.make_refreshing_session()

    def run(self) -> None:
        self.scenario.manager.refresh_user_pool_tokens()

    def check_during_fault(self) -> None:
        """The credentials are valid, whatever happened to the tokens."""
        assert _signing_role(self.scenario, self._session) == ANALYST

    def check_recovery(self) -> None:
        """Refreshes twice: the second refresh shows that the refresh token of the first is valid."""
        for _ in range(2):
            self.scenario.manager.refresh_user_pool_tokens()
        credentials = self.scenario.manager.get_credentials()
        assert self.scenario.role_of(credentials["access_key_id"]) == ANALYST


class TokenRefreshWithoutGrace(TokenRefresh):
    """The same, where a refresh token is invalid as soon as it was rotated."""

    grace = 0.0


class GetId(Operation):
    """The first exchange gets the identity id."""

    fault_point = FaultPoint(LocalCognito.GET_ID, "identity pool")

    def run(self) -> None:
        self.scenario.manager.ensure_credentials(UPLOADER)

    def check_during_fault(self) -> None:
        assert self.scenario.manager.credentials is None
        assert self.scenario.manager.auth_tokens is not None

    def check_recovery(self) -> None:
        credentials = self.scenario.manager.ensure_credentials(UPLOADER)
        assert self.scenario.role_of(credentials["access_key_id"]) == UPLOADER


class GetCredentials(Operation):
    """A second role's credentials are requested while the first role's are in use."""

    fault_point = FaultPoint(LocalCognito.EXCHANGE, "identity pool")

    def prepare(self) -> None:
        self._first = self.scenario.manager.ensure_credentials(ANALYST)
        self._session = self.scenario.manager.make_refreshing_session()

    def run(self) -> None:
        self.scenario.manager.ensure_credentials(UPLOADER)

    def check_during_fault(self) -> None:
        """The first role's credentials are unchanged, and still those that were requested last."""
        assert self.scenario.manager.credentials == self._first
        assert _signing_role(self.scenario, self._session) == ANALYST

    def check_recovery(self) -> None:
        credentials = self.scenario.manager.ensure_credentials(UPLOADER)
        assert self.scenario.role_of(credentials["access_key_id"]) == UPLOADER
        assert _signing_role(self.scenario, self._session) == ANALYST


class DownloadDuringRefresh(Operation):
    """A large object is half read when the credentials must be refreshed, and the refresh runs into the fault."""

    fault_point = FaultPoint(LocalCognito.EXCHANGE, "identity pool")
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
        # The first attempt is that of the tokens, which meets no fault.
        wait_until(lambda: len(attempts) >= 2, "the refresh has not met the fault")
        stop()
        self._head()

    def check_recovery(self) -> None:
        """The refresh is repeated automatically."""
        self.scenario.clock.advance(60.0)
        wait_until(lambda: access_key_id_of(self._session) != self._first, "not refreshed after the fault")
        self._head()

    def _head(self) -> None:
        """Calls AWS, and checks the role that signed the call."""
        self._client.head_object(Bucket=self.scenario.cognito.bucket, Key=self.scenario.cognito.data_key)
        assert self.scenario.cognito.aws.proxy.requests[-1].role_arn == self.scenario.cognito.roles[ANALYST]

    def clean_up(self) -> None:
        self._uploads.delete_object(Bucket=self.scenario.cognito.bucket, Key="large")


def access_key_id_of(session: boto3.Session) -> str:
    credentials = session.get_credentials()
    assert credentials is not None
    return str(credentials.get_frozen_credentials().access_key)


def _signing_role(scenario: FaultScenario, session: boto3.Session) -> str:
    return scenario.role_of(access_key_id_of(session))


OPERATIONS: dict[str, type[Operation]] = {
    "code exchange": CodeExchange,
    "JWKS": JwksFetch,
    "refresh": TokenRefresh,
    "refresh without grace": TokenRefreshWithoutGrace,
    "GetId": GetId,
    "GetCredentialsForIdentity": GetCredentials,
    "download": DownloadDuringRefresh,
}
