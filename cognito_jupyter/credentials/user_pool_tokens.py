"""The user pool's tokens of a manager: the current ones, how long they are valid, and their refresh.

The manager owns them; `BackgroundRefresher` refreshes them ahead of time, and `CredentialsExchange` gets valid ones for
each exchange. A refresh goes through `SharedSignIn`, so that the kernels of one user spend one refresh token. A forked
child has no refresh token of its own, and asks the process of the sign-in. This module decides when to refresh; the
request is the authenticator's.
"""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Callable
from typing import cast

from .._util.clock import Clock
from .._util.redaction import redacted
from .._util.single_flight import SingleFlight
from ..errors import SIGN_IN_AGAIN, CognitoError, RefusedError, SignedOutError, UnavailableError, VerificationError
from ..oauth.authenticator import CognitoOAuthAuthenticator
from ..oauth.tokens import CognitoTokens, JwtPayload, MalformedTokenError, Subject, check_claims, claims_of, subject_of
from .fork_channel import ForkChannel
from .role_credentials import REFRESH_JITTER, advisory_margin
from .roles import roles_in
from .shared_sign_in import SharedSignIn

_MANDATORY_REFRESH_SECONDS = 5 * 60.0
"""Seconds before an id token's expiry from which it is refreshed before it is exchanged for credentials."""
_MANDATORY_REFRESH_SHARE = 0.2
"""The same as a share of the token's lifetime; the smaller of the two applies."""
_CLAIMS_MAX_AGE = 60.0
"""Seconds for which the claims of refreshed tokens count as what the user pool knows; groups change rarely."""
_CODE_SECONDS = 300.0
"""Seconds from a login to its tokens at most: how long Cognito's authorization codes are valid."""
_POLL_INTERVAL = 0.2
"""Seconds between two checks whether the user has signed in again."""


class UserPoolTokens:
    """The tokens of the user who is signed in.

    Args:
        tokens: The tokens of a login; None: they are set later.
        authenticator: Refreshes them; None: it is set later.
        clock: The source of time.
        on_attempt: Called after each attempt to refresh them, without any lock held.

    Attributes:
        authenticator: As given; it can be replaced at any time.
        shared_sign_in: Shares them with other kernels, if they are stored; it can be replaced at any time.
        single_flight: Makes one attempt to refresh them at a time, and has the last failure and the backoff.
    """

    def __init__(
        self,
        tokens: CognitoTokens | None,
        authenticator: CognitoOAuthAuthenticator | None,
        clock: Clock | None = None,
        on_attempt: Callable[[], None] = lambda: None,
    ) -> None:
        self._clock = clock = clock or Clock()
        self.authenticator = authenticator
        self.shared_sign_in = SharedSignIn(None, clock.now)
        self.single_flight = SingleFlight(clock.monotonic, on_attempt)
        # Kernels that sign in at the same moment, or come back after an outage, do not refresh at the same moment.
        self._jitter = random.uniform(0.0, REFRESH_JITTER)  # noqa: S311 - it guards no secret
        self._invalidated: CognitoTokens | None = None
        self._claims_requested_at = -math.inf
        self._end_error: tuple[CognitoTokens, SignedOutError] | None = None
        self._tokens = redacted(tokens) if tokens is not None else None
        self._last_decoded: tuple[str, JwtPayload, Subject, tuple[str, ...]] | None = None
        self._fork_channel = ForkChannel(self._respond_to_child)

    @property
    def current(self) -> CognitoTokens | None:
        """The newest tokens; None while no user is signed in."""
        return self._tokens

    @current.setter
    def current(self, tokens: CognitoTokens | None) -> None:
        if tokens is not None:
            claims_of(tokens["id_token"])  # before they replace others: nothing could use malformed ones
        if tokens is not None and self._fork_channel.in_child:
            # A sign-in of the child's own.
            self._fork_channel = ForkChannel(self._respond_to_child)
        self._tokens = redacted(tokens) if tokens is not None else None
        if tokens is None:
            # What a sign-out forgets is in no attribute any more.
            self._last_decoded = self._invalidated = self._end_error = None
        self._claims_requested_at = -math.inf
        self.single_flight.reset()

    @property
    def claims(self) -> JwtPayload:
        """The claims of the id token, in a dict of the caller's own; empty while no user is signed in.

        Raises:
            VerificationError: The id token is not a JWT (a PermissionError).
        """
        claims = self._decoded[0]
        return cast(
            "JwtPayload", {name: [*value] if isinstance(value, list) else value for name, value in claims.items()}
        )

    @property
    def subject(self) -> Subject | None:
        """The user who is signed in."""
        return self._decoded[1]

    @property
    def roles(self) -> tuple[str, ...]:
        """The role ARNs of the id token, in its order; none while no user is signed in."""
        return self._decoded[2]

    @property
    def _decoded(self) -> tuple[JwtPayload, Subject | None, tuple[str, ...]]:
        """The claims, which nothing changes, their user and roles: read once, because each request needs them often."""
        tokens = self._tokens
        if tokens is None:
            return {}, None, ()
        id_token, decoded = tokens["id_token"], self._last_decoded
        if decoded is None or decoded[0] is not id_token:
            claims = claims_of(id_token)
            decoded = self._last_decoded = (id_token, claims, subject_of(claims), roles_in(claims))
        return decoded[1:]

    @property
    def ended(self) -> bool:
        """Whether the user pool has ended this sign-in."""
        end = self._end_error
        return end is not None and end[0] is self._tokens

    def mark_ended(self, tokens: CognitoTokens, error: SignedOutError) -> None:
        """Records that the user pool has ended the sign-in of these tokens: only a new sign-in helps.

        Args:
            tokens: The tokens; newer ones are not affected.
            error: What later calls raise.
        """
        self._end_error = (tokens, copy.copy(error))

    @property
    def belong_to_parent(self) -> bool:
        """Whether this is a forked child, and only the process that it was forked from may spend the refresh token.

        A sign-in that is stored belongs to each process, and is refreshed with its file locked.
        """
        return self._fork_channel.in_child and self.shared_sign_in.path is None

    def is_valid_for(self, margin: float) -> bool:
        """Whether the id token is valid for longer than a margin in seconds, by Cognito's clock."""
        return self._seconds_left(self.claims) > margin

    def get_valid(self, *, notify: bool = True) -> CognitoTokens:
        """Returns tokens to exchange for credentials, refreshed if the current ones expire soon.

        A refresh that fails does not matter while the id token is valid, unless the sign-in has ended: Cognito may be
        unreachable or throttle, a firewall or a Lambda function of the user pool may refuse.

        Args:
            notify: Whether to call `on_attempt` after a refresh; see `SingleFlight.run`.

        Raises:
            SignedOutError: The sign-in has ended (a PermissionError).
            RefusedError: Cognito refused the refresh (a PermissionError).
            UnavailableError: Cognito could not be reached (a ConnectionError).
        """
        self._raise_if_ended()
        try:
            return self.single_flight.run(self._current_if_valid, self._refresh_current, notify=notify)
        except CognitoError as error:
            tokens = self._tokens
            if _is_final(error) or tokens is None or not self.is_valid_for(0.0):
                raise
            return tokens

    def ensure_valid_for(self, margin: float) -> None:
        """Refreshes the tokens if the id token expires within a margin; threads that call at once share one refresh.

        Args:
            margin: In seconds. It may be longer than the id token is valid when it is new.

        Raises:
            SignedOutError, RefusedError, UnavailableError: As `refresh`.
        """
        if self.is_valid_for(margin):
            return
        self._raise_if_ended()
        successes = self.single_flight.successes

        def get_ready() -> CognitoTokens | None:
            refreshed = self.single_flight.successes != successes and self._claims_age() < _CLAIMS_MAX_AGE
            return self._tokens if refreshed or self.is_valid_for(margin) else None

        def refresh() -> CognitoTokens:
            tokens = self._refresh_current()
            # If another kernel had refreshed them, part of their lifetime is over. With them in use here, the next
            # refresh makes new ones.
            return (
                tokens if self.is_valid_for(margin) or self._claims_age() < _CLAIMS_MAX_AGE else self._refresh_current()
            )

        self.single_flight.run(get_ready, refresh, force=True)

    def refresh(self, *, unless_replaced: CognitoTokens | None = None, notify: bool = True) -> CognitoTokens:
        """Refreshes the tokens, unless another thread has done so while this one waited for its turn.

        Args:
            unless_replaced: The tokens that are of no use any more: tokens that have replaced them are not refreshed.
            notify: Whether to call `on_attempt` afterwards; see `SingleFlight.run`.

        Raises:
            SignedOutError: The sign-in has ended (a PermissionError).
            RefusedError: Cognito refused, or there is no refresh token (a PermissionError).
            UnavailableError: There are no tokens or no authenticator, or Cognito could not be reached (a
                ConnectionError).
        """
        self._raise_if_ended()
        successes = self.single_flight.successes

        def get_ready() -> CognitoTokens | None:
            replaced = unless_replaced is not None and self._tokens is not unless_replaced
            return self._tokens if replaced or self.single_flight.successes != successes else None

        return self.single_flight.run(get_ready, self._refresh_current, force=True, notify=notify)

    @property
    def can_refresh(self) -> bool:
        """Whether there is all that a refresh takes."""
        tokens = self._tokens
        return tokens is not None and self.authenticator is not None and bool(tokens.get("refresh_token"))

    def refresh_claims(self) -> bool:
        """Refreshes the tokens because the user pool may know more than they say, such as a new group of the user.

        It does so once a minute at most, whatever comes of it. A refresh by another kernel counts too.

        Returns:
            Whether the tokens were refreshed now.

        Raises:
            SignedOutError: The sign-in has ended (a PermissionError).
            RefusedError: Cognito refused the refresh (a PermissionError).
            UnavailableError: Cognito could not be reached (a ConnectionError).
        """
        refreshed = False

        def refresh() -> CognitoTokens:
            nonlocal refreshed
            refreshed, self._claims_requested_at = True, self._clock.monotonic()
            tokens = self._refresh_current()
            # If another kernel had refreshed them long ago, they are in use here now, and the next refresh makes new
            # ones.
            return tokens if self._claims_age() < _CLAIMS_MAX_AGE else self._refresh_current()

        self._raise_if_ended()
        self.single_flight.run(lambda: self._tokens if self._claims_are_recent() else None, refresh)
        return refreshed

    # -- ahead of time

    @property
    def refresh_due_at(self) -> float:
        """When to refresh them ahead of time, in seconds since the epoch; infinity if they cannot be refreshed."""
        if not self.can_refresh:
            return math.inf
        if self._tokens is self._invalidated:
            return 0.0
        claims = self.claims
        # Without the current time: the thread may have to wait between two readings of it.
        return claims.get("exp", 0) - self._clock_skew - self._advisory_margin(claims)

    def invalidate(self) -> None:
        """Makes the current tokens due at once: their expiry was computed by a clock that has been set since."""
        self._invalidated = self._tokens

    def refresh_if_due(self) -> None:
        """Refreshes them if that is due, no other thread does it and none has failed a moment ago; raises no error."""
        self.single_flight.run_if_idle(lambda: self.refresh_due_at <= self._clock.now(), self._refresh_current)

    def wait_for_new_sign_in(self, subject: Subject, timeout: float) -> bool:
        """Waits until the user of a sign-in that has ended has signed in again.

        Args:
            subject: The user. Another user's sign-in does not end the wait; a sign-out does.
            timeout: Seconds to wait at most.

        Returns:
            Whether the user has signed in again.
        """
        deadline = self._clock.monotonic() + timeout
        while (tokens := self._tokens) is not None and (self.ended or self.subject != subject):
            if self.subject == subject and self._has_newer_elsewhere(tokens):
                return True
            remaining = deadline - self._clock.monotonic()
            if remaining <= 0:
                return False
            self._clock.sleep(min(remaining, _POLL_INTERVAL))
        return self.subject == subject

    # -- within

    def _current_if_valid(self) -> CognitoTokens | None:
        if self.ended:
            # The id token may still be valid for a while, but the user pool has ended the sign-in.
            return None
        margin = min(_MANDATORY_REFRESH_SECONDS, _lifetime(self.claims) * _MANDATORY_REFRESH_SHARE)
        return self._tokens if self.is_valid_for(margin) else None

    def _seconds_left(self, claims: JwtPayload) -> float:
        return claims.get("exp", 0) - self._now_at_cognito()

    def _advisory_margin(self, claims: JwtPayload) -> float:
        """Returns the seconds before expiry from which tokens are refreshed ahead of time, jitter included."""
        lifetime = _lifetime(claims)
        return advisory_margin(lifetime) + self._jitter * lifetime

    def _is_fresh(self, tokens: CognitoTokens) -> bool:
        """Returns whether tokens of another process last long enough to be used in place of refreshed ones."""
        claims = claims_of(tokens["id_token"])
        return self._seconds_left(claims) > self._advisory_margin(claims)

    def _now_at_cognito(self) -> float:
        return self._clock.now() + self._clock_skew

    @property
    def _clock_skew(self) -> float:
        """Seconds by which Cognito's clock is ahead of this machine's."""
        return self.authenticator.clock_skew.total_seconds() if self.authenticator is not None else 0.0

    def _claims_age(self) -> float:
        """Returns the seconds since the id token was issued; another kernel may have refreshed it."""
        return self._now_at_cognito() - self.claims.get("iat", 0)

    def _claims_are_recent(self) -> bool:
        """Returns whether the tokens were refreshed a moment ago; those of a login are never as new as a refresh."""
        if self._clock.monotonic() - self._claims_requested_at < _CLAIMS_MAX_AGE:
            return True
        since_login = self.claims.get("iat", 0) - self.claims.get("auth_time", 0)
        return since_login > _CODE_SECONDS and 0 <= self._claims_age() < _CLAIMS_MAX_AGE

    def _raise_if_ended(self) -> None:
        """Raises the error of a sign-in that has ended, without a request: the user pool's response would be the same.

        The user may have signed in again in another kernel; then the next refresh finds the newer tokens.
        """
        end = self._end_error
        if end is not None and end[0] is self._tokens and not self._has_newer_elsewhere(end[0]):
            raise copy.copy(end[1])

    def _has_newer_elsewhere(self, tokens: CognitoTokens) -> bool:
        """Returns whether another kernel, or the process that this one was forked from, has newer tokens."""
        if not self.belong_to_parent:
            return self.shared_sign_in.has_newer_tokens(tokens)
        try:
            return self._request_from_parent(tokens, refresh=False) is not None
        except CognitoError:
            return False

    def _request_from_parent(self, tokens: CognitoTokens, *, refresh: bool) -> CognitoTokens | None:
        """Asks the process of the sign-in for newer tokens; called in a forked child."""
        from .parent_tokens import TokensRequest, decode_response

        request = TokensRequest.for_newer_than(tokens, refresh=refresh)
        return decode_response(self._fork_channel.request(request.encode()), tokens)

    def _respond_to_child(self, line: bytes) -> bytes:
        """Responds to a forked child, in the process of the sign-in; see `ForkChannel`."""
        from .parent_tokens import TokensRequest, encode_response

        request = TokensRequest.decode(line)

        def get_newer() -> CognitoTokens | None:
            tokens = self._tokens
            if tokens is None or self.subject != request.subject:
                raise SignedOutError(
                    "You signed out, or another user signed in, in the process that this one was forked from.",
                    SIGN_IN_AGAIN,
                )
            return None if self.ended or request.is_for_newer_than(tokens) else tokens

        def get_fresh() -> CognitoTokens | None:
            tokens = get_newer()
            return tokens if tokens is not None and self._is_fresh(tokens) else None

        try:
            if not request.refresh:
                return encode_response(get_newer())
            self._raise_if_ended()
            try:
                return encode_response(self.single_flight.run(get_fresh, self._refresh_current))
            except CognitoError as error:
                if _is_final(error) or not self.is_valid_for(0.0):
                    raise
                # As in `get_valid`: it does not matter while the newest id token is valid.
                return encode_response(get_newer() or error)
        except CognitoError as error:
            return encode_response(error)

    def _refresh_current(self) -> CognitoTokens:
        """Replaces the current tokens by refreshed ones, or by another kernel's that was faster."""
        old, authenticator = self._tokens, self.authenticator
        if old is None:
            raise UnavailableError("There are no tokens to refresh: no user is signed in.", "Sign in first.")
        if authenticator is None:
            raise UnavailableError(
                "The tokens cannot be refreshed: this manager has no authenticator.", "Set its attribute authenticator."
            )
        if not old.get("refresh_token"):
            raise RefusedError("The tokens cannot be refreshed: there is no refresh token.", SIGN_IN_AGAIN)

        def request(latest: CognitoTokens) -> CognitoTokens:
            if self.belong_to_parent:
                new = self._request_from_parent(latest, refresh=True) or latest
            else:
                refreshed = authenticator.refresh_tokens(latest["refresh_token"])
                new = redacted(cast("CognitoTokens", {**latest, **refreshed}))
            _require_successor(claims_of(new["id_token"]), claims_of(latest["id_token"]))
            return new

        try:
            new = self.shared_sign_in.refresh_tokens_once(old, self._is_fresh, request)
        except SignedOutError as error:
            self.mark_ended(old, error)
            raise
        if self._tokens is not old:
            # A user has signed in or out since.
            if self._tokens is not None:
                return self._tokens
            raise SignedOutError("You signed out while the sign-in was being refreshed.", SIGN_IN_AGAIN)
        self._tokens = tokens = redacted(new)
        return tokens


def _require_successor(new: JwtPayload, old: JwtPayload) -> None:
    """Checks that a refreshed id token can take the place of the old one (OpenID Connect Core, section 12.2).

    Raises:
        VerificationError: It is malformed, or another user's, another app client's, or of another kind.
    """
    check_claims(new, "id", require_all=True)
    if subject_of(new) != subject_of(old):
        whose = "another user's"
    elif new.get("aud") != old.get("aud", new.get("aud")):
        whose = "another app client's"
    elif new["token_use"] != old.get("token_use", "id"):
        whose = "other"
    else:
        return
    raise VerificationError(
        f"The user pool's response to the refresh held {whose} tokens, which were thrown away.",
        "Sign in again, and tell the administrator of the user pool.",
    )


def _is_final(error: CognitoError) -> bool:
    """Returns whether a failed refresh matters although the id token is still valid."""
    return isinstance(error, SignedOutError | VerificationError) and not isinstance(error, MalformedTokenError)


def _lifetime(claims: JwtPayload) -> float:
    return max(0.0, claims.get("exp", 0) - claims.get("iat", 0))
