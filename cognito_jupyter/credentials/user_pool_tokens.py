"""The user pool's tokens as a manager holds them: whose they are, for how long, and how they are refreshed."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from .._util.clock import Clock
from .._util.redaction import redacted
from .._util.single_flight import SingleFlight
from ..errors import CognitoError, RefusedError, SignedOutError, UnavailableError, VerificationError
from ..oauth.tokens import CognitoTokens, JwtPayload, Subject, claims_of, subject_of

if TYPE_CHECKING:
    from ..oauth.authenticator import CognitoOAuthAuthenticator
    from .shared_sign_in import SharedSignIn

_ADVISORY_REFRESH_SECONDS = 20 * 60.0
"""Seconds before an id token's end at which it is refreshed ahead of time."""
_ADVISORY_REFRESH_SHARE = 1 / 3
_MANDATORY_REFRESH_SECONDS = 5 * 60.0
"""Seconds before its end at which whoever buys credentials with it has it refreshed first."""
_MANDATORY_REFRESH_SHARE = 0.2
_POLL_INTERVAL = 0.2
"""Seconds between two looks of those who wait for a person to sign in again."""


class UserPoolTokens:
    """The tokens of one person at a time, and of nobody after signing out.

    Args:
        tokens: Those of a login; None: it comes later.
        authenticator: Refreshes them; None: it comes later.
        clock: The time.
        on_attempt: Told after each attempt to refresh them.

    Attributes:
        authenticator: As given; to be set at any time.
        shared_sign_in: Shares them with other kernels; None: nobody does. To be set at any time.
    """

    def __init__(
        self,
        tokens: CognitoTokens | None,
        authenticator: CognitoOAuthAuthenticator | None,
        clock: Clock | None = None,
        on_attempt: Callable[[], None] = lambda: None,
    ) -> None:
        self.authenticator = authenticator
        self.shared_sign_in: SharedSignIn | None = None
        self._clock = clock = clock or Clock()
        self._single_flight = SingleFlight(clock.monotonic, on_attempt)
        self._invalidated: CognitoTokens | None = None
        self._end_error: tuple[CognitoTokens, SignedOutError] | None = None
        self._decoded_claims: tuple[str, JwtPayload] | None = None
        self._tokens = redacted(tokens) if tokens is not None else None

    @property
    def current(self) -> CognitoTokens | None:
        """The newest tokens; None while nobody is signed in."""
        return self._tokens

    @current.setter
    def current(self, tokens: CognitoTokens | None) -> None:
        self._tokens = redacted(tokens) if tokens is not None else None
        self._single_flight.reset()

    @property
    def claims(self) -> JwtPayload:
        """What the id token says; nothing while nobody is signed in.

        Raises:
            VerificationError: It is not a JWT (a PermissionError).
        """
        tokens = self._tokens
        if tokens is None:
            return {}
        decoded = self._decoded_claims
        if decoded is None or decoded[0] != tokens["id_token"]:
            self._decoded_claims = decoded = (tokens["id_token"], claims_of(tokens["id_token"]))
        return decoded[1]

    @property
    def subject(self) -> Subject | None:
        """Who is signed in."""
        return subject_of(self.claims) if self._tokens is not None else None

    @property
    def ended(self) -> bool:
        """Whether the user pool has said that this sign-in is over."""
        end = self._end_error
        return end is not None and end[0] is self._tokens

    def mark_ended(self, tokens: CognitoTokens, error: SignedOutError) -> None:
        """Takes note that the sign-in of these tokens is over: only signing in again helps."""
        self._end_error = (tokens, copy.copy(error))

    def is_valid_for(self, margin: float) -> bool:
        """Whether the id token lasts longer than a margin in seconds, Cognito's clock being allowed for."""
        return self._seconds_left() > margin

    def get_valid(self) -> CognitoTokens:
        """Tokens to buy credentials with: the way of the sessions.

        While the id token held is still good, a refresh that fails is no matter.

        Raises:
            SignedOutError: The sign-in is over (a PermissionError).
            RefusedError: Cognito refused the refresh (a PermissionError).
            UnavailableError: Cognito could not be reached (a ConnectionError).
        """
        self._raise_if_ended()
        try:
            return self._single_flight.run(self._current_if_valid, self._refresh_current)
        except UnavailableError:
            tokens = self._tokens
            if tokens is None or not self.is_valid_for(0.0):
                raise
            return tokens

    def refresh(self) -> CognitoTokens:
        """New tokens in any case.

        Raises:
            SignedOutError: The sign-in is over (a PermissionError).
            RefusedError: Cognito refused, or there is no refresh token (a PermissionError).
            UnavailableError: There is nobody to ask, or Cognito could not be reached (a ConnectionError).
        """
        self._raise_if_ended()
        return self._single_flight.run(lambda: None, self._refresh_current, force=True)

    # -- ahead of time

    @property
    def refresh_due_at(self) -> float:
        """When to refresh them ahead of time, in seconds since the epoch; never, where that cannot be done."""
        tokens = self._tokens
        if tokens is None or self.authenticator is None or not tokens.get("refresh_token"):
            return math.inf
        if tokens is self._invalidated:
            return 0.0
        return (
            self._clock.now()
            + self._seconds_left()
            - min(_ADVISORY_REFRESH_SECONDS, self._lifetime * _ADVISORY_REFRESH_SHARE)
        )

    @property
    def backoff_remaining(self) -> float:
        """Seconds to leave the token endpoint alone after a failure."""
        return self._single_flight.backoff_remaining

    @property
    def failure(self) -> CognitoError | None:
        """Why the last refresh failed; None where it did not."""
        return self._single_flight.failure

    @property
    def failures(self) -> int:
        """How many refreshes have failed since the last that went well."""
        return self._single_flight.failures

    def invalidate(self) -> None:
        """Makes those held due at once: their end was measured by a clock that has been set since."""
        self._invalidated = self._tokens

    def refresh_if_due(self) -> None:
        """Refreshes what is due, unless somebody is at it or it just failed; the error is kept, in `failure`."""
        self._single_flight.run_if_idle(lambda: self.refresh_due_at <= self._clock.now(), self._refresh_current)

    def flush_pending(self) -> None:
        """Has written what could not be written when it came."""
        tokens = self._tokens
        if self.shared_sign_in is not None and tokens is not None:
            self.shared_sign_in.flush_pending_tokens(tokens)

    def wait_for_new_sign_in(self, subject: Subject, timeout: float) -> bool:
        """Waits until the person of a sign-in that has ended has signed in again.

        Args:
            subject: The person; another one's sign-in does not end the waiting, signing out does.
            timeout: Seconds to wait at most.

        Returns:
            Whether the person has.
        """
        deadline = self._clock.monotonic() + timeout
        while (tokens := self._tokens) is not None and (self.ended or self.subject != subject):
            if self.subject == subject and self._has_newer_stored_tokens(tokens):
                return True
            remaining = deadline - self._clock.monotonic()
            if remaining <= 0:
                return False
            self._clock.sleep(min(remaining, _POLL_INTERVAL))
        return self.subject == subject

    # -- within

    def _current_if_valid(self) -> CognitoTokens | None:
        if self.ended:
            # The id token held may still be good for a while, but nobody is to go on behind the user pool's back.
            return None
        return (
            self._tokens
            if self.is_valid_for(min(_MANDATORY_REFRESH_SECONDS, self._lifetime * _MANDATORY_REFRESH_SHARE))
            else None
        )

    @property
    def _lifetime(self) -> float:
        claims = self.claims
        return max(0.0, claims.get("exp", 0) - claims.get("iat", 0))

    def _seconds_left(self, claims: JwtPayload | None = None) -> float:
        skew = self.authenticator.clock_skew.total_seconds() if self.authenticator is not None else 0.0
        return (claims or self.claims).get("exp", 0) - (self._clock.now() + skew)

    def _refresh_current(self) -> CognitoTokens:
        tokens, authenticator = self._tokens, self.authenticator
        if tokens is None:
            raise UnavailableError("There are no tokens to refresh: no user is signed in.", "Sign in first.")
        if authenticator is None:
            raise UnavailableError(
                "The tokens cannot be refreshed: this manager has no authenticator.",
                "Give it one, by its attribute authenticator.",
            )
        if not tokens.get("refresh_token"):
            raise RefusedError("The tokens cannot be refreshed: there is no refresh token.", "Sign in again.")
        try:
            return self._adopt(tokens, self._fetch_newer(tokens, authenticator))
        except SignedOutError as error:
            self.mark_ended(tokens, error)
            raise

    def _fetch_newer(self, tokens: CognitoTokens, authenticator: CognitoOAuthAuthenticator) -> CognitoTokens:
        """Newer tokens of the same person: those that Cognito answers, or another kernel's that was faster."""

        def request(old: CognitoTokens) -> CognitoTokens:
            answer = authenticator.refresh_tokens(old["refresh_token"])
            return _require_same_user(old, cast("CognitoTokens", {**old, **answer}))

        return (
            self.shared_sign_in.refresh_tokens_once(tokens, self._is_fresh, request)
            if self.shared_sign_in is not None
            else request(tokens)
        )

    def _is_fresh(self, tokens: CognitoTokens) -> bool:
        """Whether tokens of another kernel need not be refreshed right away."""
        claims = claims_of(tokens["id_token"])
        lifetime = max(0.0, claims.get("exp", 0) - claims.get("iat", 0))
        return self._seconds_left(claims) > min(_ADVISORY_REFRESH_SECONDS, lifetime * _ADVISORY_REFRESH_SHARE)

    def _raise_if_ended(self) -> None:
        """Raises the end of the sign-in: it is final for these tokens, and asking again can only cost time."""
        end = self._end_error
        if end is not None and end[0] is self._tokens and not self._has_newer_stored_tokens(end[0]):
            raise copy.copy(end[1])

    def _has_newer_stored_tokens(self, tokens: CognitoTokens) -> bool:
        """Whether the person has signed in again in another kernel that shares the sign-in."""
        return self.shared_sign_in is not None and self.shared_sign_in.has_newer_tokens(tokens)

    def _adopt(self, old: CognitoTokens, new: CognitoTokens) -> CognitoTokens:
        """The new tokens, if nobody signed out or in meanwhile."""
        if self._tokens is not old:
            if self._tokens is not None:
                return self._tokens
            raise SignedOutError("You signed out while the sign-in was being refreshed.", "Sign in again.")
        self._tokens = tokens = redacted(new)
        return tokens


def _require_same_user(old: CognitoTokens, new: CognitoTokens) -> CognitoTokens:
    if subject_of(claims_of(new["id_token"])) != subject_of(claims_of(old["id_token"])):
        raise VerificationError(
            "The user pool answered the refresh with another person's tokens, which were thrown away.",
            "Sign in again, and tell whoever runs the user pool.",
        )
    return new
