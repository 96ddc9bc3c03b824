"""Reading a private file in a private folder, and the checks before it is trusted.

Nobody but the user can have put it there: the folder and the file are the user's, and closed to everybody else. On
Windows, where modes say nothing, the user's profile is as private as it is.

Imports nothing that the interpreter has not loaded by itself: AWS tools start a credential process again and again.
"""

from __future__ import annotations

import os
import stat
import sys

TYPE_CHECKING = False  # typing itself is heavy
if TYPE_CHECKING:
    from ...errors import UnavailableError

MAX_FILE_SIZE = 4 * 1024 * 1024
"""Bytes: far more than the tokens and keys of a person with hundreds of roles."""

_GROUP_OR_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class UntrustedFileError(ValueError):
    """What lies there is not to be used; the message says why, as a sentence that the file's name begins."""


def state_directory() -> str:
    """Where the sign-ins lie: in the user's state folder, for what is kept between runs and is no setting."""
    if sys.platform == "linux":
        # As platformdirs says it, which takes longer to load than all the rest; a test holds the two together.
        state = os.environ.get("XDG_STATE_HOME", "").strip() or os.path.expanduser("~/.local/state")
        return os.path.join(state, "cognito_jupyter", "sign-ins")
    import platformdirs

    return os.path.join(platformdirs.user_state_path("cognito_jupyter", appauthor=False), "sign-ins")


def check_directory(directory: str) -> bool:
    """Whether there is a folder; it is the user's, and closed to others.

    Raises:
        UnavailableError: Something else is there, or it cannot be trusted.
    """
    try:
        status = os.lstat(directory)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise os_error(f"{directory} cannot be looked at", error) from None
    if not stat.S_ISDIR(status.st_mode):
        what = "a symbolic link" if stat.S_ISLNK(status.st_mode) else "not a folder"
        raise _unavailable(f"{directory} is {what}, and is to hold sign-ins.", "Take it away; it is made anew.")
    if sys.platform == "win32":
        return True
    if status.st_uid != os.geteuid():
        raise _unavailable(
            f"{directory} belongs to another user (uid {status.st_uid}), so that no sign-in is read or kept there.",
            "Take it away; it is made anew.",
        )
    if status.st_mode & _GROUP_OR_OTHERS:
        raise _unavailable(
            f"{directory} is open to others than you (mode {stat.S_IMODE(status.st_mode):04o}), "
            "so that no sign-in is read or kept there.",
            f'Run: chmod 700 "{directory}"',
        )
    return True


def read_private_file(path: str) -> bytes | None:
    """A file's content; None where there is no file.

    Raises:
        BadFileError: It is not the user's, is open to others, or is no file at all.
        UnavailableError: It cannot be read.
    """
    try:
        # Before it is opened: to open somebody else's device can do things, and Windows cannot refuse to follow a link.
        _check_status(os.lstat(path))
        # O_NONBLOCK: a named pipe that comes in between does not make anybody wait.
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        with open(os.open(path, flags), "rb") as file:
            _check_status(os.fstat(file.fileno()))  # of what is read: another file may lie there by now
            content = file.read(MAX_FILE_SIZE + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        import errno

        if error.errno == errno.ELOOP:
            raise UntrustedFileError("is a symbolic link") from None
        raise os_error(f"{path}, which holds your sign-in, cannot be read", error) from None
    if len(content) > MAX_FILE_SIZE:
        raise UntrustedFileError(f"is longer than {MAX_FILE_SIZE} bytes")
    return content


def _check_status(status: os.stat_result) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise UntrustedFileError("is a symbolic link")
    if not stat.S_ISREG(status.st_mode):
        raise UntrustedFileError("is not a file")
    if sys.platform == "win32":
        return
    if status.st_uid != os.geteuid():
        raise UntrustedFileError(f"belongs to another user (uid {status.st_uid})")
    if status.st_mode & _GROUP_OR_OTHERS:
        raise UntrustedFileError(f"was open to others than you (mode {stat.S_IMODE(status.st_mode):04o})")


def os_error(what: str, error: OSError) -> UnavailableError:
    """An error of the operating system in words that say what to do."""
    import errno

    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        remedy = "Make room there, then try again."
    elif error.errno in {errno.EROFS, errno.EACCES, errno.EPERM}:
        remedy = "Make it readable and writable for you, or sign in without staying signed in."
    else:
        remedy = "Try again, or sign in without staying signed in."
    return _unavailable(f"{what}: {error.strerror or type(error).__name__}.", remedy)


def _unavailable(what: str, remedy: str) -> UnavailableError:
    from ...errors import UnavailableError  # late: in the usual case there is no error

    return UnavailableError(what, remedy)
