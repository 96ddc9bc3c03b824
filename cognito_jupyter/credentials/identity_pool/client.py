"""Calls to the identity pool: GetId and GetCredentialsForIdentity, the enhanced flow.

`CredentialsExchange` calls it. It repeats what botocore repeats, and throttled requests, which botocore's default mode
"legacy" does not: the identity pool's TooManyRequestsException is an HTTP 400. It translates errors, and caches nothing
but its client.

Sources: https://docs.aws.amazon.com/cognito/latest/developerguide/authentication-flow.html; for the status of a
throttled request, aws/aws-sdk-java#2301 and igvteam/igv#1311.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Any, TypedDict, TypeVar, cast

from botocore import UNSIGNED
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.model import OperationModel
from botocore.parsers import ResponseParserError
from botocore.session import Session

from ..._util.botocore_session import new_session
from ..._util.http.user_agent import user_agent
from ..._util.logs.redaction import suppress_debug_logs
from ..._util.process_local import InterruptibleClient, ProcessLocal
from ..._util.redaction import redacted, without_frames
from ..._util.retries import ThrottledRetries, full_jitter, may_repeat
from ..._util.threads.waiting import run_interruptibly
from ..._util.timeouts import DEFAULT_TIMEOUTS, Timeouts, parse_retry_after
from ...errors import UnavailableError, UnknownProviderError
from ...oauth.issuer import Issuer, parse_issuer
from ...oauth.tokens import claims_of
from ...settings import parsers
from .aws_errors import clock_skew_from_response, is_throttled, translate_client_error, translate_network_error
from .deadline import enforce_total_timeout, send_with_deadline, use_connection_queue
from .dry_run import run_without_sending

_MAX_RETRY_DELAY = 10.0
"""Seconds: a longer Retry-After is not waited for, but becomes the error's `retry_after`."""
_DEFAULT_MAX_ATTEMPTS = 5
"""botocore's own number, unless the machine's configuration sets another."""
ENDPOINT_SOURCE = (
    "The endpoint of Cognito's identity pools (AWS_ENDPOINT_URL_COGNITO_IDENTITY, AWS_ENDPOINT_URL or endpoint_url in"
    " the AWS config file)"
)

_Response = TypeVar("_Response")


_CREDENTIALS_FIELDS: dict[str, type] = {
    "AccessKeyId": str,
    "SecretKey": str,
    "SessionToken": str,
    "Expiration": datetime,
}


class IdentityPoolCredentials(TypedDict):
    """Temporary AWS credentials, as the identity pool names them; `Expiration` has a time zone."""

    AccessKeyId: str
    SecretKey: str
    SessionToken: str
    Expiration: datetime


class IdentityPoolCredentialsResponse(TypedDict):
    """The response of GetCredentialsForIdentity."""

    IdentityId: str
    Credentials: IdentityPoolCredentials


class IdentityPool:
    """The client of an identity pool that trusts one user pool.

    Args:
        identity_pool_id: The identity pool's id.
        user_pool_id: The user pool that issues the id tokens.
        region: The region of an identity pool whose id names none.
        now: Returns the seconds since the epoch, by the clock whose skew is measured.
        timeouts: How long to wait for a response.
        make_session: Makes the botocore session of the client.

    Attributes:
        clock_skew: Seconds by which AWS's clock is ahead of this machine's, according to its last response.
    """

    def __init__(  # noqa: PLR0913 - the manager passes them all
        self,
        identity_pool_id: str,
        user_pool_id: str,
        region: str,
        now: Callable[[], float] = time.time,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        *,
        make_session: Callable[[], Session] = new_session,
    ) -> None:
        self.clock_skew = 0.0
        self._timeouts = timeouts
        self._identity_pool_id = identity_pool_id
        self._user_pool = Issuer(user_pool_id, parsers.pool_region(user_pool_id, region))
        # Whether it knows the user pool by the other form of issuer than the one in the tokens, which it has said.
        self._wants_other_form = False
        self._region = parsers.pool_region(identity_pool_id, region)
        self._now = now
        # Of all clients, so that another one after an interrupt takes neither long nor much memory.
        self._botocore_session = ProcessLocal(make_session)
        # Held while the client is built, never during a request.
        self._lock = ProcessLocal(threading.Lock)
        self._client: InterruptibleClient[Any] = InterruptibleClient(self._new_client)

    def fetch_identity_id(self, id_token: str) -> str:
        """Returns the identity id of an id token's user, which stays the same, so that callers can cache it.

        Raises:
            CredentialsError: AWS refused (a ConnectionError).
            UnavailableError: AWS could not be reached (a ConnectionError).
        """
        response = self._call_with_logins(
            id_token, lambda client, logins: client.get_id(IdentityPoolId=self._identity_pool_id, Logins=logins)
        )
        return cast("str", _required(response, "IdentityId"))

    def fetch_credentials(
        self, identity_id: str, id_token: str, role_arn: str | None
    ) -> IdentityPoolCredentialsResponse:
        """Returns new credentials.

        Args:
            identity_id: The identity id of the token's user.
            id_token: The user's id token.
            role_arn: One of the token's roles; None: the identity pool's rules decide.

        Raises:
            CredentialsError: AWS refused (a ConnectionError).
            UnavailableError: AWS could not be reached (a ConnectionError).
        """
        custom = {"CustomRoleArn": role_arn} if role_arn is not None else {}
        response = self._call_with_logins(
            id_token,
            lambda client, logins: _get_credentials(client, IdentityId=identity_id, Logins=logins, **custom),
        )
        credentials = _required(response, "Credentials", dict)
        for name, kind in _CREDENTIALS_FIELDS.items():
            _required(credentials, name, kind)
        shape = {
            "IdentityId": _required({"IdentityId": identity_id} | response, "IdentityId"),
            "Credentials": redacted(credentials),
        }
        return redacted(cast("IdentityPoolCredentialsResponse", shape))

    def preconnect(self) -> None:
        """Builds the client, opens a connection and runs each operation once without it.

        The caller runs it in a thread during the login.

        A connection that is only opened gains nothing: the session tickets that a TLS 1.3 server sends at once make it
        look as if it had been dropped. So it sends one cheap request, and ignores the response and any failure.
        """
        client = self._begin_call()
        request = AWSRequest("GET", client.meta.endpoint_url, {"User-Agent": user_agent()}).prepare()
        with suppress_debug_logs(), suppress(BotoCoreError):
            send_with_deadline(client, request, self._timeouts.total)
        with suppress_debug_logs():
            run_without_sending(client)
        self._client.end_call()

    def _begin_call(self) -> Any:
        with self._lock():
            return self._client.begin_call()

    def _call_with_logins(self, id_token: str, call: Callable[[Any, dict[str, str]], _Response]) -> _Response:
        """Calls AWS with the id token's issuer as its provider, and once more in the form that AWS knows if need be.

        An identity pool knows a user pool by one name. Which one it is after the user pool has been switched from one
        form of issuer to the other is not documented.
        """
        issuer = parse_issuer(claims_of(id_token).get("iss")) or self._user_pool
        first, second = issuer, issuer.in_other_form()
        if self._wants_other_form:
            first, second = second, first
        try:
            return self._call(lambda client: call(client, {first.provider_name: id_token}))
        except UnknownProviderError as error:
            provider_error = error.with_traceback(None)
        with suppress(UnknownProviderError):
            response = self._call(lambda client: call(client, {second.provider_name: id_token}))
            self._wants_other_form = not self._wants_other_form
            return response
        raise provider_error

    def _call(self, call: Callable[[Any], _Response]) -> _Response:
        with suppress_debug_logs():
            try:
                client = self._begin_call()
                response = run_interruptibly(lambda: call(client))
                self._client.end_call()
                self.clock_skew = clock_skew_from_response(response, self._now())
                return cast("_Response", _with_redacted_credentials(response))
            except ClientError as error:
                self._client.end_call()
                self.clock_skew = clock_skew_from_response(error.response, self._now())
                translated = translate_client_error(error, self._region, self.clock_skew)
            except (BotoCoreError, ResponseParserError) as error:
                self._client.end_call()
                translated = translate_network_error(error, self._region)
            except BaseException as error:  # noqa: BLE001 - raised again
                # An interrupt, or what no library should raise.
                raise without_frames(error)  # noqa: B904 - there is nothing that it comes from
        # Outside of `except`: botocore's message and the variables of its frames hold what was sent.
        raise translated

    def _new_client(self) -> Any:
        config = Config(
            signature_version=UNSIGNED, connect_timeout=self._timeouts.connect, read_timeout=self._timeouts.read
        )
        try:
            # Any: the stubs know no event handler that returns a value.
            client: Any = self._botocore_session().create_client(
                "cognito-identity", region_name=self._region, config=config
            )
        except ValueError:
            # Raised outside of this block: botocore's error shows the URL, which may hold a password.
            client = None
        # However it is set: by a variable, or in the AWS config file.
        parsers.aws_endpoint(client.meta.endpoint_url if client is not None else "", ENDPOINT_SOURCE)
        max_attempts = client.meta.config.retries.get("total_max_attempts")
        retry_delay = partial(_retry_delay, max_attempts=max_attempts, throttling=self._timeouts.throttling)
        client.meta.events.register_first("needs-retry.cognito-identity", retry_delay)
        enforce_total_timeout(client, self._timeouts.total)
        use_connection_queue(client)
        return client


def _retry_delay(  # noqa: PLR0913 - botocore passes them all, by keyword
    response: Any,
    attempts: int,
    operation: OperationModel,
    caught_exception: Exception | None,
    request_dict: dict[str, Any],
    *,
    max_attempts: int | None,
    throttling: float,
    **_: object,
) -> float | None:
    """Tells botocore how long to wait before it repeats a request; None: its own rules decide.

    It decides on a throttled request in each of botocore's retry modes, on a Retry-After, which botocore ignores, and
    on an attempt that may not repeat anything.

    Raises:
        ClientError: The request is not to be repeated. Older versions of botocore accept no other return value for
            that.
        Exception: The same, for a request that got no response.
    """
    if response is None:
        if caught_exception is not None and not may_repeat():
            raise caught_exception
        return None
    http_response, parsed = response
    if http_response.status_code < HTTPStatus.BAD_REQUEST:
        return None
    requested = parse_retry_after(http_response.headers.get("retry-after"))
    delay: float | None = None
    if not may_repeat():
        pass
    elif is_throttled(parsed):
        # botocore passes the same context to all attempts of a request.
        retries = request_dict["context"].setdefault("cognito_jupyter_throttling", ThrottledRetries(throttling))
        if max_attempts is None or attempts < max_attempts:
            delay = retries.next_delay(requested)
    elif requested <= 0:
        return None
    elif requested <= _MAX_RETRY_DELAY and attempts < (max_attempts or _DEFAULT_MAX_ATTEMPTS):
        # Others were asked for the same delay.
        delay = requested + full_jitter(1, 1.0, 1.0)
    if delay is None:
        raise ClientError(parsed, operation.name)
    return delay


def _get_credentials(client: Any, **parameters: object) -> Any:
    """Calls GetCredentialsForIdentity.

    Raises:
        ResponseParserError: The expiry is no date; botocore lets errors of Python's and of dateutil through.
    """
    try:
        return client.get_credentials_for_identity(**parameters)
    except (ValueError, TypeError, OverflowError, RuntimeError) as error:
        kind = type(error).__name__
    raise ResponseParserError(kind)


def _with_redacted_credentials(response: Any) -> Any:
    credentials = response.get("Credentials") if isinstance(response, dict) else None
    return {**response, "Credentials": redacted(credentials)} if isinstance(credentials, dict) else response


def _required(response: Any, name: str, kind: type = str) -> Any:
    value = response.get(name) if isinstance(response, dict) else None
    if not value:
        raise UnavailableError(f"The identity pool's response lacks {name}.", "Try again in a minute.")
    # Other text would fail in an HTTP header, or break the store's file.
    if not isinstance(value, kind) or (isinstance(value, str) and not (value.isascii() and value.isprintable())):
        raise UnavailableError(f"The identity pool's response holds a malformed {name}.", "Try again in a minute.")
    return value
