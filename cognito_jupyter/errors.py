"""Every error that this package raises on purpose: one sentence says what happened, one what to do.

Each class is also a built-in one, as the public API promises (PermissionError, ConnectionError, ValueError), so that
callers catch it without knowing this module. No message ever holds a token, a code, a verifier or an AWS key. Each is
one printable line, whatever paths, names and other programs' messages it was made of: Python prints it as it is.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ._printable import printable

DOCTOR = "To check the whole set-up, run %cognito_doctor in a notebook, or cognito-jupyter doctor in a terminal."
"""The note on an error that ends a login."""
SIGN_IN_AGAIN = "Sign in again: %cognito_login in a notebook, cognito-jupyter login in a terminal."
"""The remedy of a sign-in that has ended."""


class CognitoError(Exception):
    """The base of all errors of this package.

    Attributes:
        what: One sentence that says what happened.
        remedy: One sentence that says what to do; empty where nothing helps.
        retry_after: Seconds that the service asked clients to wait (RFC 9110, section 10.2.3); 0 where it did not.
    """

    def __init__(self, what: str, remedy: str = "", retry_after: float = 0.0) -> None:
        self.what = printable(what)
        self.remedy = printable(remedy)
        self.retry_after = retry_after
        super().__init__(f"{self.what} {self.remedy}".strip())

    def _render_traceback_(self) -> list[str]:
        """Returns what IPython shows in place of a traceback, which would be 180 lines of botocore and of this package.

        `%debug` and `sys.last_value` still have it.
        """
        return [with_notes(self)]

    def __reduce__(self) -> tuple[object, ...]:
        # OSError would pickle the joined message as the only argument.
        notes = notes_of(self)
        state = ({"__notes__": list(notes)},) if notes else ()
        return (type(self), (self.what, self.remedy, self.retry_after), *state)


class SettingError(CognitoError, ValueError):
    """A setting or an argument is missing or malformed; the message names it and where it was looked for."""


class MissingLibraryError(CognitoError, ImportError):
    """An optional library is not installed; the message names the pip command."""


class RefusedError(CognitoError, PermissionError):
    """Cognito or AWS understood the request and refused it."""


class RoleError(RefusedError):
    """A role suffix matches no role of the sign-in, or more than one."""


class ClusterRefusedError(RefusedError):
    """A cluster must not get the credentials: its network is not encrypted, or it has another user's credentials."""


class VerificationError(RefusedError):
    """A token from Cognito does not belong to this login."""


class SignedOutError(RefusedError):
    """The user pool session has ended; only a new sign-in helps."""


class PastedUrlError(RefusedError):
    """The pasted text is not this login's authorization response; the login goes on."""


class UnavailableError(CognitoError, ConnectionError):
    """Cognito, AWS or a file could not be reached, or the response made no sense."""


class CredentialsError(CognitoError, ConnectionError):
    """The identity pool refused to issue AWS credentials."""


class IdTokenExpiredError(CredentialsError):
    """The identity pool refused an id token that has expired by its clock; a fresh one helps."""


class UnknownProviderError(CredentialsError):
    """The identity pool does not know the name of the user pool that the id token came with."""


class ListenerError(CognitoError, ConnectionError):
    """The loopback listener for the callback could not be opened."""


class LoginError(CognitoError, ConnectionError):
    """A login ended without a usable authorization response."""


class LoginDeniedError(LoginError):
    """Cognito sent the browser back with an error instead of a code."""


class LoginCancelledError(LoginError):
    """The user or the program cancelled the login."""


class LoginTimeoutError(LoginError):
    """The user did not finish the login in time."""


@contextlib.contextmanager
def suggest_doctor() -> Iterator[None]:
    """Adds a note with the name of the doctor (PEP 678) to an error that ends a login within the block.

    What the user did on purpose, and a paste that can be repeated, need no doctor.
    """
    try:
        yield
    except (LoginCancelledError, PastedUrlError):
        raise
    except CognitoError as error:
        if DOCTOR not in notes_of(error):
            error.add_note(DOCTOR)
        raise


def with_notes(error: BaseException) -> str:
    """Returns an error's message with its notes, on one line.

    A message may end with an address, to which no period belongs: what follows it stands in brackets.
    """
    message = str(error)
    for note in notes_of(error):
        message += f" {note}" if message.endswith((".", "!", "?", ")")) else f" ({note})"
    return message


def notes_of(error: BaseException) -> tuple[str, ...]:
    """Returns the notes that were added to an error (PEP 678)."""
    return tuple(getattr(error, "__notes__", ()))
