"""Every error this package raises on purpose: one sentence what happened, one what to do.

Each class is also a built-in one, such as the public API promises (PermissionError, ConnectionError, ValueError), so
that callers who know nothing of this module catch them all the same. No message ever holds a token, a code, a
verifier or a key.
"""

from __future__ import annotations


class CognitoError(Exception):
    """The base of all errors of this package.

    Attributes:
        what: One sentence: what happened.
        remedy: One sentence: what to do about it; empty where nothing can be done.
    """

    def __init__(self, what: str, remedy: str = "") -> None:
        self.what = what
        self.remedy = remedy
        super().__init__(f"{what} {remedy}".strip())

    def __reduce__(self) -> tuple[type[CognitoError], tuple[object, ...]]:
        # OSError would pickle the joined message as the only argument.
        return type(self), (self.what, self.remedy)


class SettingError(CognitoError, ValueError):
    """A setting or an argument is missing or malformed; the message names it and where it was looked for."""


class MissingLibraryError(CognitoError, ImportError):
    """A library that only some people need is not installed; the message names the pip command."""


class RefusedError(CognitoError, PermissionError):
    """Cognito or AWS understood the request and said no."""


class RoleError(RefusedError):
    """A role suffix means none, or more than one, of the roles that the sign-in allows."""


class ClusterRefusedError(RefusedError):
    """A cluster may not have the credentials: they would travel in clear, or it has somebody else's."""


class VerificationError(RefusedError):
    """A token that Cognito answered is not what this login asked for."""


class SignedOutError(RefusedError):
    """The user pool session has ended: only signing in again helps."""


class PastedUrlError(RefusedError):
    """What was pasted is not the answer to this login; the login goes on."""


class UnavailableError(CognitoError, ConnectionError):
    """Cognito or AWS could not be reached, or what came back made no sense.

    Attributes:
        retry_after: Seconds that the service asked everybody to leave it alone (RFC 9110, section 10.2.3).
    """

    def __init__(self, what: str, remedy: str = "", retry_after: float = 0.0) -> None:
        super().__init__(what, remedy)
        self.retry_after = retry_after

    def __reduce__(self) -> tuple[type[CognitoError], tuple[object, ...]]:
        return type(self), (self.what, self.remedy, self.retry_after)


class CredentialsError(UnavailableError):
    """The identity pool refused to hand out AWS credentials."""


class IdTokenExpiredError(CredentialsError):
    """The identity pool refused an id token that is over by its clock; a fresh one helps."""


class ListenerError(UnavailableError):
    """The loopback listener for the callback could not be opened."""


class LoginError(UnavailableError):
    """A login ended without an answer that can be used."""


class LoginDeniedError(LoginError):
    """Cognito sent the browser back with an error instead of a code."""


class LoginCancelledError(LoginError):
    """The person, or the program, gave this login up."""


class LoginTimeoutError(LoginError):
    """Nobody finished this login in time."""
