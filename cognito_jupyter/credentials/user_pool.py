"""The user pool's tokens as a manager holds them: whose they are, for how long, and how they are refreshed."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from ..errors import CognitoError, RefusedError, SignedOutError, UnavailableError, VerificationError
from ..oauth.tokens import CognitoTokens, JwtPayload, decode_jwt_payload, redacted
from .clock import Clock
from .flight import SingleFlight

if TYPE_CHECKING:
    from ..oauth.authenticator import CognitoOAuthAuthenticator
    from .keeper import Keeper

_EARLY = 20 * 60.0
"""Seconds before an id token's end at which it is refreshed ahead of time."""
_EARLY_SHARE = 1 / 3
_LATE = 5 * 60.0
"""Seconds before its end at which whoever buys credentials with it has it refreshed first."""
_LATE_SHARE = 0.2
_GLANCE = 0.2
"""Seconds between two looks of those who wait for a person to sign in again."""


@dataclass(frozen=True)
class Subject:
    """A person of a user pool."""

    issuer: str
    sub: str


class UserPoolTokens:
    """The tokens of one person at a time, and of nobody after signing out.

    Args:
        tokens: Those of a login; None: it comes later.
        authenticator: Refreshes them; None: it comes later.
        clock: The time.
        changed: Told after each attempt to refresh them.

    Attributes:
        authenticator: As given; to be set at any time.
        keeper: Shares them with other kernels; None: nobody does. To be set at any time.
    """

    def __init__(
        self,
        tokens: CognitoTokens | None,
        authenticator: CognitoOAuthAuthenticator | None,
        clock: Clock | None = None,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.authenticator = authenticator
        self.keeper: Keeper | None = None
        self._clock = clock = clock or Clock()
        self._flight = SingleFlight(clock.monotonic, changed)
        self._distrusted: CognitoTokens | None = None
        self._end: tuple[CognitoTokens, SignedOutError] | None = None
        self._decoded: tuple[str, JwtPayload] | None = None
        self._tokens = redacted(tokens) if tokens is not None else None

    @property
    def held(self) -> CognitoTokens | None:
        """The newest tokens; None while nobody is signed in."""
        return self._tokens

    @held.setter
    def held(self, tokens: CognitoTokens | None) -> None:
        self._tokens = redacted(tokens) if tokens is not None else None
        self._flight.forgive()

    @property
    def claims(self) -> JwtPayload:
        """What the id token says; nothing while nobody is signed in.

        Raises:
            VerificationError: It is not a JWT (a PermissionError).
        """
        tokens = self._tokens
        if tokens is None:
            return {}
        decoded = self._decoded
        if decoded is None or decoded[0] != tokens["id_token"]:
            self._decoded = decoded = (tokens["id_token"], claims_of(tokens["id_token"]))
        return decoded[1]

    @property
    def subject(self) -> Subject | None:
        """Who is signed in."""
        return subject_of(self.claims) if self._tokens is not None else None

    @property
    def ended(self) -> bool:
        """Whether the user pool has said that this sign-in is over."""
        end = self._end
        return end is not None and end[0] is self._tokens

    def end(self, tokens: CognitoTokens, error: SignedOutError) -> None:
        """Takes note that the sign-in of these tokens is over: only signing in again helps."""
        self._end = (tokens, copy.copy(error))

    def good_for(self, margin: float) -> bool:
        """Whether the id token lasts longer than a margin in seconds, Cognito's clock being allowed for."""
        return self._seconds_left() > margin

    def fresh(self) -> CognitoTokens:
        """Tokens to buy credentials with: the way of the sessions.

        While the id token held is still good, a refresh that fails is no matter.

        Raises:
            SignedOutError: The sign-in is over (a PermissionError).
            RefusedError: Cognito refused the refresh (a PermissionError).
            UnavailableError: Cognito could not be reached (a ConnectionError).
        """
        self._go_on()
        try:
            return self._flight.run(self._good, self._refresh)
        except UnavailableError:
            tokens = self._tokens
            if tokens is None or not self.good_for(0.0):
                raise
            return tokens

    def refreshed(self) -> CognitoTokens:
        """New tokens in any case.

        Raises:
            SignedOutError: The sign-in is over (a PermissionError).
            RefusedError: Cognito refused, or there is no refresh token (a PermissionError).
            UnavailableError: There is nobody to ask, or Cognito could not be reached (a ConnectionError).
        """
        self._go_on()
        return self._flight.run(lambda: None, self._refresh, insist=True)

    # -- ahead of time

    @property
    def due(self) -> float:
        """When to refresh them ahead of time, in seconds since the epoch; never, where that cannot be done."""
        tokens = self._tokens
        if tokens is None or self.authenticator is None or not tokens.get("refresh_token"):
            return math.inf
        if tokens is self._distrusted:
            return 0.0
        return self._clock.now() + self._seconds_left() - min(_EARLY, self._lifetime * _EARLY_SHARE)

    @property
    def pause(self) -> float:
        """Seconds to leave the token endpoint alone after a failure."""
        return self._flight.pause

    @property
    def failure(self) -> CognitoError | None:
        """Why the last refresh failed; None where it did not."""
        return self._flight.failure

    @property
    def failures(self) -> int:
        """How many refreshes have failed since the last that went well."""
        return self._flight.failures

    def distrust(self) -> None:
        """Makes those held due at once: their end was measured by a clock that has been set since."""
        self._distrusted = self._tokens

    def refresh_early(self) -> None:
        """Refreshes what is due, unless somebody is at it or it just failed; the error is kept, in `failure`."""
        self._flight.offer(lambda: self.due <= self._clock.now(), self._refresh)

    def catch_up(self) -> None:
        """Has written what could not be written when it came."""
        tokens = self._tokens
        if self.keeper is not None and tokens is not None:
            self.keeper.catch_up(tokens)

    def returned(self, subject: Subject, patience: float) -> bool:
        """Waits until the person of a sign-in that has ended has signed in again.

        Args:
            subject: The person; another one's sign-in does not end the waiting, signing out does.
            patience: Seconds to wait at most.

        Returns:
            Whether the person has.
        """
        until = self._clock.monotonic() + patience
        while (tokens := self._tokens) is not None and (self.ended or self.subject != subject):
            if self.subject == subject and self._newer_kept(tokens):
                return True
            left = until - self._clock.monotonic()
            if left <= 0:
                return False
            self._clock.sleep(min(left, _GLANCE))
        return self.subject == subject

    # -- within

    def _good(self) -> CognitoTokens | None:
        if self.ended:
            # The id token held may still be good for a while, but nobody is to go on behind the user pool's back.
            return None
        return self._tokens if self.good_for(min(_LATE, self._lifetime * _LATE_SHARE)) else None

    @property
    def _lifetime(self) -> float:
        claims = self.claims
        return max(0.0, claims.get("exp", 0) - claims.get("iat", 0))

    def _seconds_left(self, claims: JwtPayload | None = None) -> float:
        skew = self.authenticator.clock_skew.total_seconds() if self.authenticator is not None else 0.0
        return (claims or self.claims).get("exp", 0) - (self._clock.now() + skew)

    def _refresh(self) -> CognitoTokens:
        tokens, authenticator = self._tokens, self.authenticator
        if tokens is None:
            raise UnavailableError("There are no tokens to refresh: nobody is signed in.", "Sign in first.")
        if authenticator is None:
            raise UnavailableError(
                "The tokens cannot be refreshed: this manager has no authenticator.",
                "Give it one, by its attribute authenticator.",
            )
        if not tokens.get("refresh_token"):
            raise RefusedError("The tokens cannot be refreshed: there is no refresh token.", "Sign in again.")
        try:
            return self._accepted(tokens, self._newest(tokens, authenticator))
        except SignedOutError as error:
            self.end(tokens, error)
            raise

    def _newest(self, tokens: CognitoTokens, authenticator: CognitoOAuthAuthenticator) -> CognitoTokens:
        """Newer tokens of the same person: those that Cognito answers, or another kernel's that was faster."""

        def ask(old: CognitoTokens) -> CognitoTokens:
            answer = authenticator.refresh_tokens(old["refresh_token"])
            return _same_persons(old, cast("CognitoTokens", {**old, **answer}))

        return self.keeper.refreshed(tokens, self._lasts, ask) if self.keeper is not None else ask(tokens)

    def _lasts(self, tokens: CognitoTokens) -> bool:
        """Whether tokens of another kernel need not be refreshed right away."""
        claims = claims_of(tokens["id_token"])
        lifetime = max(0.0, claims.get("exp", 0) - claims.get("iat", 0))
        return self._seconds_left(claims) > min(_EARLY, lifetime * _EARLY_SHARE)

    def _go_on(self) -> None:
        """Raises the end of the sign-in: it is final for these tokens, and asking again can only cost time."""
        end = self._end
        if end is not None and end[0] is self._tokens and not self._newer_kept(end[0]):
            raise copy.copy(end[1])

    def _newer_kept(self, tokens: CognitoTokens) -> bool:
        """Whether the person has signed in again in another kernel that shares the sign-in."""
        return self.keeper is not None and self.keeper.newer(tokens)

    def _accepted(self, old: CognitoTokens, new: CognitoTokens) -> CognitoTokens:
        """The new tokens, if nobody signed out or in meanwhile."""
        if self._tokens is not old:
            if self._tokens is not None:
                return self._tokens
            raise SignedOutError("You signed out while the sign-in was being refreshed.", "Sign in again.")
        self._tokens = tokens = redacted(new)
        return tokens


def _same_persons(old: CognitoTokens, new: CognitoTokens) -> CognitoTokens:
    if subject_of(claims_of(new["id_token"])) != subject_of(claims_of(old["id_token"])):
        raise VerificationError(
            "The user pool answered the refresh with another person's tokens, which were thrown away.",
            "Sign in again, and tell whoever runs the user pool.",
        )
    return new


def claims_of(id_token: str) -> JwtPayload:
    """What an id token says.

    Raises:
        VerificationError: It is not a JWT (a PermissionError).
    """
    try:
        return decode_jwt_payload(id_token)
    except ValueError as error:
        raise VerificationError(f"The id token cannot be read. {error}", "Sign in again.") from None


def subject_of(claims: JwtPayload) -> Subject:
    """Whose claims these are."""
    return Subject(claims.get("iss", ""), claims.get("sub", ""))
