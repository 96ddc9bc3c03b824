"""The moments at which a fault can strike, and what is to hold at each."""

from __future__ import annotations

import urllib.request
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import boto3

from cognito_jupyter.local.person import Person
from cognito_jupyter.oauth.login import Login
from cognito_jupyter.oauth.tokens import CognitoTokens

from .scene import ANALYST, UPLOADER, Scene, Spot, wait_for

_LARGE = 300_000
_PART = 65_536


class Moment(ABC):
    """One step of the work, played before, under and after a fault.

    Attributes:
        spot: Where the fault strikes.
        hidden: Whether whoever works is not to notice it at all.
    """

    spot: ClassVar[Spot]
    hidden: ClassVar[bool] = False

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    def begin(self) -> None:  # noqa: B027 - for most there is nothing to do here, nor in the two below
        """What comes before."""

    @abstractmethod
    def act(self) -> None:
        """What meets the fault."""

    def check_held(self) -> None:  # noqa: B027 - see begin
        """What is to hold while the fault lasts, once it has been met."""

    @abstractmethod
    def go_on(self) -> None:
        """The same once it is over: works, and with the right role."""

    def end(self) -> None:  # noqa: B027 - see begin
        """Leaves everything as it was."""


class _LoginMoment(Moment):
    """A login, once the person has signed in and the browser has come back."""

    def begin(self) -> None:
        self._login = self._answered()

    def act(self) -> None:
        with self._login:
            self._login.tokens()

    def go_on(self) -> None:
        """A login that failed is over; the next one works, and its refresh token is good."""
        with self._answered() as login:
            tokens: CognitoTokens = login.tokens()
        assert self.scene.authenticator.refresh_tokens(tokens["refresh_token"])["id_token"]
        keys = self.scene.manager_of(tokens).ensure_credentials(ANALYST)
        assert self.scene.role_of(keys["access_key_id"]) == ANALYST

    def _answered(self) -> Login:
        login = self.scene.authenticator.begin_login()
        user = self.scene.cognito.demo_user
        person = Person(verify=str(self.scene.certificates.ca_file))
        callback = person.sign_in(login.authorization_url, user.username, user.password, follow_callback=False)
        with urllib.request.urlopen(callback, timeout=10) as page:
            assert page.status == 200
        return login


class CodeExchange(_LoginMoment):
    """The code is exchanged for tokens."""

    spot = Spot("token:authorization_code", "user pool")


class Keys(_LoginMoment):
    """The tokens are there; the keys that verify them are fetched."""

    spot = Spot("jwks", "keys")


class Refresh(Moment):
    """The tokens are refreshed by somebody who insists, under rotation."""

    spot = Spot("token:refresh_token", "user pool")
    grace: ClassVar[float] = 60.0

    def begin(self) -> None:
        knobs = self.scene.cognito.knobs
        knobs.rotation, knobs.grace = True, self.grace
        self.scene.manager.ensure_credentials(ANALYST)
        self._session = self.scene.manager.make_refreshing_session()

    def act(self) -> None:
        self.scene.manager.refresh_user_pool_tokens()

    def check_held(self) -> None:
        """The credentials are good, whatever became of the tokens."""
        assert _role_signing(self.scene, self._session) == ANALYST

    def go_on(self) -> None:
        """Twice: the second refresh shows that the refresh token of the first is good."""
        for _ in range(2):
            self.scene.manager.refresh_user_pool_tokens()
        keys = self.scene.manager.get_credentials()
        assert self.scene.role_of(keys["access_key_id"]) == ANALYST


class StrictRefresh(Refresh):
    """The same where a refresh token that has been rotated out is worth nothing from that moment on."""

    grace = 0.0


class GetId(Moment):
    """The first exchange asks for the identity id."""

    spot = Spot("GetId", "identity pool")

    def act(self) -> None:
        self.scene.manager.ensure_credentials(UPLOADER)

    def check_held(self) -> None:
        assert self.scene.manager.credentials is None
        assert self.scene.manager.auth_tokens is not None

    def go_on(self) -> None:
        keys = self.scene.manager.ensure_credentials(UPLOADER)
        assert self.scene.role_of(keys["access_key_id"]) == UPLOADER


class GetCredentials(Moment):
    """A second role's credentials are asked for while the first one's are in use."""

    spot = Spot("GetCredentialsForIdentity", "identity pool")

    def begin(self) -> None:
        self._first = self.scene.manager.ensure_credentials(ANALYST)
        self._session = self.scene.manager.make_refreshing_session()

    def act(self) -> None:
        self.scene.manager.ensure_credentials(UPLOADER)

    def check_held(self) -> None:
        """The first role's are what they were, and remain those asked for last."""
        assert self.scene.manager.credentials == self._first
        assert _role_signing(self.scene, self._session) == ANALYST

    def go_on(self) -> None:
        keys = self.scene.manager.ensure_credentials(UPLOADER)
        assert self.scene.role_of(keys["access_key_id"]) == UPLOADER
        assert _role_signing(self.scene, self._session) == ANALYST


class MidBody(Moment):
    """A large object is half read when the credentials fall due, and their renewal meets the fault."""

    spot = Spot("GetCredentialsForIdentity", "identity pool")
    hidden = True

    def begin(self) -> None:
        bucket = self.scene.cognito.bucket
        self._uploads = self.scene.manager.make_refreshing_session(UPLOADER).client("s3")
        self._uploads.put_object(Bucket=bucket, Key="large", Body=b"x" * _LARGE)
        self._session = self.scene.manager.make_refreshing_session(ANALYST)
        self._client: Any = self._session.client("s3")
        self._body = self._client.get_object(Bucket=bucket, Key="large")["Body"]
        self._read = len(self._body.read(_PART))
        self._first = key_of(self._session)

    def act(self) -> None:
        attempts: list[None] = []
        stop = self.scene.manager.on_change(lambda: attempts.append(None))
        self.scene.times.pass_by(2_900.0)
        while part := self._body.read(_PART):
            self._head()
            self._read += len(part)
        assert self._read == _LARGE
        # The tokens come first, and meet no fault.
        wait_for(lambda: len(attempts) >= 2, lambda: "the renewal has not met the fault")
        stop()
        self._head()

    def go_on(self) -> None:
        """The renewal is made up for, and nobody has asked for it."""
        self.scene.times.pass_by(60.0)
        wait_for(lambda: key_of(self._session) != self._first, lambda: "not renewed after the fault")
        self._head()

    def _head(self) -> None:
        """A call of AWS, signed with the right role."""
        self._client.head_object(Bucket=self.scene.cognito.bucket, Key=self.scene.cognito.data_key)
        assert self.scene.cognito.aws.gate.requests[-1].role_arn == self.scene.cognito.roles[ANALYST]

    def end(self) -> None:
        self._uploads.delete_object(Bucket=self.scene.cognito.bucket, Key="large")


def key_of(session: boto3.Session) -> str:
    keys = session.get_credentials()
    assert keys is not None
    return str(keys.get_frozen_credentials().access_key)


def _role_signing(scene: Scene, session: boto3.Session) -> str:
    return scene.role_of(key_of(session))


MOMENTS: dict[str, type[Moment]] = {
    "code exchange": CodeExchange,
    "keys": Keys,
    "refresh": Refresh,
    "refresh without grace": StrictRefresh,
    "GetId": GetId,
    "GetCredentialsForIdentity": GetCredentials,
    "mid-body": MidBody,
}
