"""The identity pool: GetId and GetCredentialsForIdentity, the enhanced flow.

Source: https://docs.aws.amazon.com/cognito/latest/developerguide/authentication-flow.html
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, cast

from botocore import UNSIGNED
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from ..errors import UnavailableError
from ..oauth.tokens import redacted
from ..patience import USUAL, Patience
from ..per_process import PerProcess
from ..quiet import quietly
from ..retry_after import retry_after
from .botocore_session import new_session
from .complaint import explained, skew_in, unreachable
from .whole_answers import sent, want_whole_answers

if TYPE_CHECKING:
    from botocore.model import OperationModel

_LONGEST_PAUSE = 10.0
_ATTEMPTS = 5
"""botocore's own number, where the machine's configuration holds no other."""

_Answer = TypeVar("_Answer")


class IdentityPoolCredentials(TypedDict):
    """Temporary AWS credentials, as the identity pool names them; `Expiration` carries its time zone."""

    AccessKeyId: str
    SecretKey: str
    SessionToken: str
    Expiration: datetime


class IdentityPoolCredentialsResponse(TypedDict):
    """What GetCredentialsForIdentity answers."""

    IdentityId: str
    Credentials: IdentityPoolCredentials


class IdentityPool:
    """One identity pool, trusting one user pool.

    Args:
        identity_pool_id: Its id.
        user_pool_id: The user pool whose id tokens it is shown.
        region: The region of both.
        now: Seconds since the epoch, by the clock whose skew is measured.
        patience: How long it is waited for.

    Attributes:
        skew: Seconds by which AWS's clock is ahead of this machine's, by its last answer.
    """

    def __init__(
        self,
        identity_pool_id: str,
        user_pool_id: str,
        region: str,
        now: Callable[[], float] = time.time,
        patience: Patience = USUAL,
    ) -> None:
        self.skew = 0.0
        self._patience = patience
        self._identity_pool_id = identity_pool_id
        self._provider = f"cognito-idp.{region}.amazonaws.com/{user_pool_id}"
        self._region = region
        self._now = now
        self._lock = PerProcess(threading.Lock)
        self._client: PerProcess[Any] = PerProcess(self._new_client)

    def identity_id(self, id_token: str) -> str:
        """The identity id of an id token's person: the same each time, so that it can be remembered.

        Raises:
            CredentialsError: AWS refused (a ConnectionError).
            UnavailableError: AWS could not be reached (a ConnectionError).
        """
        answer = self._ask(
            lambda client: client.get_id(IdentityPoolId=self._identity_pool_id, Logins={self._provider: id_token})
        )
        return cast("str", _required(answer, "IdentityId"))

    def credentials(self, identity_id: str, id_token: str, role_arn: str | None) -> IdentityPoolCredentialsResponse:
        """New credentials.

        Args:
            identity_id: Of the same person as the token.
            id_token: Proves who asks.
            role_arn: One of the token's roles; None: the pool's rules decide.

        Raises:
            CredentialsError: AWS refused (a ConnectionError).
            UnavailableError: AWS could not be reached (a ConnectionError).
        """
        custom = {"CustomRoleArn": role_arn} if role_arn is not None else {}
        answer = self._ask(
            lambda client: client.get_credentials_for_identity(
                IdentityId=identity_id, Logins={self._provider: id_token}, **custom
            )
        )
        keys = _required(answer, "Credentials")
        for name in ("AccessKeyId", "SecretKey", "SessionToken", "Expiration"):
            _required(keys, name)
        shape = {"IdentityId": answer.get("IdentityId", identity_id), "Credentials": redacted(keys)}
        return redacted(cast("IdentityPoolCredentialsResponse", shape))

    def warm(self) -> None:
        """Builds the client and opens a connection: to be called in a thread while the person types a password.

        A connection that has merely been opened gains nothing: the session tickets that a TLS 1.3 server sends at once
        make it look as if it had been dropped. One cheap request does, whose answer and faults do not matter.
        """
        client = self._built()
        request = AWSRequest("GET", client.meta.endpoint_url).prepare()
        with quietly(), suppress(BotoCoreError):
            sent(client, request, self._patience.whole)

    def _built(self) -> Any:
        with self._lock():
            return self._client()

    def _ask(self, call: Callable[[Any], _Answer]) -> _Answer:
        with quietly():
            try:
                answer = call(self._built())
            except ClientError as error:
                self.skew = skew_in(error.response, self._now())
                raise explained(error, self._region, self.skew) from None
            # `from None`: botocore's own message may hold what was sent.
            except (BotoCoreError, ResponseParserError) as error:
                raise unreachable(error, self._region) from None
        self.skew = skew_in(answer, self._now())
        return answer

    def _new_client(self) -> Any:
        config = Config(
            signature_version=UNSIGNED, connect_timeout=self._patience.connect, read_timeout=self._patience.read
        )
        # Any: the stubs know no handler that returns something.
        client: Any = new_session().create_client("cognito-identity", region_name=self._region, config=config)
        attempts = client.meta.config.retries.get("total_max_attempts", _ATTEMPTS)
        client.meta.events.register_first("needs-retry.cognito-identity", partial(_pause, most=attempts))
        want_whole_answers(client, self._patience.whole)
        return client


def _pause(
    response: Any, attempts: int, operation: OperationModel, *, most: int = _ATTEMPTS, **_: object
) -> float | None:
    """How long botocore is to wait before it repeats a request; None: it decides as usual.

    It knows nothing of Retry-After. What would take long is left to those who call: they remember it.

    Raises:
        ClientError: It is not to repeat it; older ones take no other answer for a no.
    """
    asked = retry_after(response[0].headers.get("retry-after")) if response is not None else 0.0
    if asked <= 0 or response[0].status_code < HTTPStatus.BAD_REQUEST:
        return None
    if asked <= _LONGEST_PAUSE and attempts < most:
        return asked
    raise ClientError(response[1], operation.name)


def _required(answer: Any, name: str) -> Any:
    value = answer.get(name) if isinstance(answer, dict) else None
    if not value:
        raise UnavailableError(f"The identity pool's answer lacks {name}.", "Try again in a minute.")
    return value
