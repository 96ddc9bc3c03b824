"""The user pool's tokens as a manager holds them: whose they are, for how long, and how they are refreshed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from ..errors import RefusedError, SignedOutError, UnavailableError, VerificationError
from ..oauth.tokens import CognitoTokens, JwtPayload, decode_jwt_payload, redacted
from .flight import SingleFlight

if TYPE_CHECKING:
    from ..oauth.authenticator import CognitoOAuthAuthenticator

_EARLY = 5 * 60.0
"""Seconds before an id token's end at which a session has it refreshed."""
_EARLY_SHARE = 0.2


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
        clock: Seconds since the epoch.

    Attributes:
        authenticator: As given; to be set at any time.
        on_change: Told when tokens were refreshed, and when the sign-in has ended; to be set at any time.
    """

    def __init__(
        self,
        tokens: CognitoTokens | None,
        authenticator: CognitoOAuthAuthenticator | None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.authenticator = authenticator
        self.on_change: Callable[[], None] = lambda: None
        self._clock = clock
        self._flight = SingleFlight()
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
        return isinstance(self._flight.failure, SignedOutError)

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
        try:
            return self._flight.run(self._early, self._refresh)
        except SignedOutError:
            self.on_change()
            raise
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
        try:
            return self._flight.run(lambda: None, self._refresh, insist=True)
        except SignedOutError:
            self.on_change()
            raise

    def _early(self) -> CognitoTokens | None:
        if self.ended:
            # The id token held may still be good for a while, but nobody is to go on behind the user pool's back.
            return None
        claims = self.claims
        lifetime = max(0.0, claims.get("exp", 0) - claims.get("iat", 0))
        return self._tokens if self.good_for(min(_EARLY, lifetime * _EARLY_SHARE)) else None

    def _seconds_left(self) -> float:
        skew = self.authenticator.clock_skew.total_seconds() if self.authenticator is not None else 0.0
        return self.claims.get("exp", 0) - (self._clock() + skew)

    def _refresh(self) -> CognitoTokens:
        tokens, authenticator = self._tokens, self.authenticator
        if tokens is None:
            raise UnavailableError("There are no tokens to refresh: nobody is signed in.", "Sign in first.")
        if authenticator is None:
            raise UnavailableError(
                "The tokens cannot be refreshed: this manager has no authenticator.",
                "Give it one, by its attribute authenticator.",
            )
        refresh_token = tokens.get("refresh_token")
        if not refresh_token:
            raise RefusedError("The tokens cannot be refreshed: there is no refresh token.", "Sign in again.")
        if self.ended and self._flight.failure is not None:
            # Final for this refresh token: asking again can only cost time.
            raise self._flight.failure
        return self._accepted(tokens, cast("CognitoTokens", authenticator.refresh_tokens(refresh_token)))

    def _accepted(self, old: CognitoTokens, answer: CognitoTokens) -> CognitoTokens:
        """The new tokens, if they are the same person's and nobody signed out or in meanwhile."""
        if subject_of(claims_of(answer["id_token"])) != subject_of(claims_of(old["id_token"])):
            raise VerificationError(
                "The user pool answered the refresh with another person's tokens, which were thrown away.",
                "Sign in again, and tell whoever runs the user pool.",
            )
        if self._tokens is not old:
            raise SignedOutError("The sign-in was ended or replaced while it was refreshed.", "Run the cell again.")
        self._tokens = tokens = redacted(cast("CognitoTokens", {**old, **answer}))
        self.on_change()
        return tokens


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
