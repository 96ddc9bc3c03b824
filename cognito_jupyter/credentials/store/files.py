"""Private files in a private directory: checked before they are trusted, replaced in one step, and locked.

`Store` reads and writes sign-ins through this module, `sharing.profile` uses its lock, and `cognito-jupyter
credential-process` reads through it before anything else is loaded. AWS tools start that process again and again, so
this module imports only what the interpreter has already loaded, and the rest where it is needed. It never looks at
what a file contains.

Only the user can have put a trusted file there: directory and file belong to the user and are closed to everyone else.
Windows has no such modes; there the directory's access control list is set and checked (`require_private_directory`).
"""

from __future__ import annotations

import os
import stat
import sys

from ..._util.folders.private import chosen_folder, has_home, make_private_folder, user_folder, user_without_home
from ..._util.folders.retrying import delete_file, open_file, rename_file, replace_file

TYPE_CHECKING = False  # typing itself takes long to load
if TYPE_CHECKING:
    from pathlib import Path

    from ...errors import UnavailableError

MAX_FILE_SIZE = 4 * 1024 * 1024
"""Bytes: far more than the tokens and credentials of a user with hundreds of roles."""
TEMP_SUFFIX = ".part"
_QUIET_SECONDS = 2.0
"""Seconds to wait for a lock before saying who holds it: a refresh rarely takes longer."""
_MAX_PID_DIGITS = 10
QUARANTINE_SUFFIX = ".set-aside-"
_OPEN_TO_OTHERS = "is open to others"


class UntrustedFileError(ValueError):
    """The file must not be used; the message says why, as the end of a sentence that begins with the file's path."""


# -- the directory


def state_directory() -> str:
    """Returns where sign-ins are stored: in the user's state directory, for data that is neither cache nor setting."""
    chosen = chosen_folder("state")
    if chosen is not None:
        return os.path.join(chosen, "sign-ins")
    if sys.platform == "linux":
        # The same as platformdirs, which takes longer to load than everything else; a test compares the two.
        state = os.environ.get("XDG_STATE_HOME", "").strip() or os.path.expanduser("~/.local/state")
        return os.path.join(state, "cognito_jupyter", "sign-ins")
    return os.path.join(user_folder("state"), "sign-ins")


def require_home(directory: str | Path) -> None:
    """Returns if the directory is in the user's home.

    Raises:
        UnavailableError: The user has no home.
    """
    if not has_home(directory):
        raise _unavailable(
            f"{user_without_home()}, so no sign-in can be read or stored.",
            "Set COGNITO_JUPYTER_FOLDER to the full path of a folder of yours, or sign in without staying signed in.",
        )


def check_directory(directory: str | Path) -> bool:
    """Returns whether the directory exists.

    Raises:
        UnavailableError: The user has no home for it; or it is no directory, belongs to another user, or is open to
            others.
    """
    require_home(directory)
    try:
        status = os.lstat(directory)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise os_error(f"{directory} cannot be read", error) from None
    reason = _reason_not_to_trust(status, stat.S_ISDIR(status.st_mode), "a folder")
    if reason is not None:
        import shlex

        remedy = "Remove it; it is created again."
        if reason.startswith(_OPEN_TO_OTHERS):
            remedy = f"Run: chmod 700 {shlex.quote(str(directory))}"
        raise _unavailable(f"{directory} {reason}, so no sign-in is read or stored there.", remedy)
    return True


def ensure_directory(directory: Path) -> None:
    """Creates the directory unless it exists.

    Raises:
        UnavailableError: It cannot be created, or what is there cannot be trusted.
    """
    if check_directory(directory):
        return
    try:
        make_private_folder(directory)
    except OSError as error:
        raise os_error(f"{directory}, where your sign-in is to be stored, cannot be created", error) from None
    check_directory(directory)
    if sys.platform == "win32":
        from ..._util.folders.windows_access import restrict_to_user

        try:  # noqa: SIM105 - contextlib takes long to load
            restrict_to_user(directory)
        except OSError:
            pass  # it has the list of its parent, which `require_private_directory` looks at


def require_private_directory(directory: Path) -> None:
    """Returns if no other user can read what is in a directory; for Windows, where `check_directory` cannot tell.

    Raises:
        UnavailableError: It is open to others, or on another computer.
    """
    if sys.platform != "win32":
        return
    from ..._util.folders.windows_access import is_on_network, others_with_access

    if is_on_network(directory):
        raise _unavailable(
            f"{directory} is a folder of the network, so no sign-in is stored there.",
            "Set COGNITO_JUPYTER_FOLDER to a folder of this computer, or sign in without staying signed in.",
        )
    try:
        others = others_with_access(directory)
    except OSError:
        return  # icacls is missing or failed; the user's profile folder is private unless the user changed that
    if others:
        raise _unavailable(
            f"{directory} {_OPEN_TO_OTHERS} than you ({', '.join(others)}), so no sign-in is stored there.",
            "Remove that folder and sign in again: it is created for you alone.",
        )


def current_user() -> str:
    """Returns the user that new files belong to, in one form however the user has logged on."""
    if sys.platform != "win32":
        return str(os.geteuid())
    try:
        # There it is the account's name, whatever LOGNAME, USER and USERNAME say, or if none of them is set.
        name = os.getlogin()
    except OSError:
        name = os.environ.get("USERNAME", "")
    return name.casefold()  # Ann and ann are one account


# -- files


def read_file(path: str | Path, *, require_private: bool = True) -> bytes | None:
    """Returns a file's content; None if there is no file.

    Args:
        path: The file.
        require_private: Whether a file that is open to others must not be read.

    Raises:
        UntrustedFileError: It belongs to another user, is open to others, is too long, or is no regular file.
        UnavailableError: It cannot be read.
    """
    try:
        # Checked before it is opened: opening another user's device may have effects, and Windows follows every link.
        _check_file(os.lstat(path), require_private)
        # O_NONBLOCK: a named pipe that is swapped in at this moment does not block the open.
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        with open(open_file(path, flags), "rb") as file:
            _check_file(
                os.fstat(file.fileno()), require_private
            )  # of the file that is read: another one may have taken its place
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


def _check_file(status: os.stat_result, require_private: bool) -> None:
    reason = _reason_not_to_trust(status, stat.S_ISREG(status.st_mode), "a file")
    if reason is not None and (require_private or not reason.startswith(_OPEN_TO_OTHERS)):
        raise UntrustedFileError(reason)


def _reason_not_to_trust(status: os.stat_result, has_type: bool, type_name: str) -> str | None:
    if stat.S_ISLNK(status.st_mode):
        return "is a symbolic link"
    if not has_type:
        return f"is not {type_name}"
    if sys.platform == "win32":
        return None
    if status.st_uid != os.geteuid():
        return f"belongs to another user (uid {status.st_uid})"
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return f"{_OPEN_TO_OTHERS} than you (mode {stat.S_IMODE(status.st_mode):04o})"
    return None


def write_atomically(path: Path, content: bytes) -> None:
    """Replaces a file in one step; call it with the lock held.

    A process that reads at the same time, or after a crash, finds either the old file or the new one, complete.

    Args:
        path: The file.
        content: What it contains then.

    Raises:
        UnavailableError: It could not be written; the old file is unchanged.
    """
    delete_temp_files(path)
    # A random name: should the lock ever fail, two writers do not write into the same file.
    temp_file = path.with_name(f"{path.name}.{os.urandom(8).hex()}{TEMP_SUFFIX}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    try:
        with open(open_file(temp_file, flags), "wb") as file:
            file.write(content)
            file.flush()
            # Before the rename: after a power cut the new name might otherwise belong to an empty file.
            os.fsync(file.fileno())
        replace_file(temp_file, path)
    except OSError as error:
        raise os_error(f"{path} is unchanged, because your sign-in could not be written there", error) from None
    finally:
        _try_to_delete(temp_file)  # fails if the file was renamed, or never created
    _sync_directory(path.parent)


def quarantine(path: Path) -> Path:
    """Renames a file that must not be used; call it with the lock held.

    Returns:
        Its new path.

    Raises:
        UnavailableError: It cannot be renamed.
    """
    number = 1
    while os.path.lexists(quarantined := path.with_name(f"{path.name}{QUARANTINE_SUFFIX}{number}")):
        number += 1
    try:
        rename_file(path, quarantined)
    except OSError as error:
        raise os_error(f"{path} could not be set aside", error) from None
    status = quarantined.lstat()
    if sys.platform != "win32" and stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid():
        quarantined.chmod(0o600)  # it may contain tokens; another user's file keeps its mode
    return quarantined


def quarantined_files(path: Path) -> list[Path]:
    """Returns what was set aside of a file."""
    return sorted(path.parent.glob(f"{path.name}{QUARANTINE_SUFFIX}*"))


def delete_files(paths: list[Path]) -> None:
    """Deletes files, and what killed processes left of them.

    Raises:
        UnavailableError: One of them still exists.
    """
    failure = None
    for path in paths:
        try:
            delete_file(path)
        except FileNotFoundError:
            pass
        except OSError as error:
            # What was set aside may be a directory, which contains no token.
            if QUARANTINE_SUFFIX not in path.name:
                failure = os_error(f"{path}, which holds your sign-in, could not be removed", error)
        delete_temp_files(path)
    for directory in {path.parent for path in paths}:
        _sync_directory(directory)
    if failure is not None:
        raise failure


def delete_temp_files(path: Path) -> None:
    """Deletes the half-written files of killed processes, which contain tokens; call it with the lock held."""
    for temp_file in path.parent.glob(f"{path.name}.*{TEMP_SUFFIX}"):
        _try_to_delete(temp_file)


def _try_to_delete(path: Path) -> None:
    try:  # noqa: SIM105 - contextlib takes long to load
        delete_file(path)
    except OSError:
        pass


def _sync_directory(directory: Path) -> None:
    """Makes a new name survive a power cut, if the file system supports that."""
    if sys.platform == "win32":
        return
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError:
        pass


# -- the lock


def lock_file(path: Path) -> Path:
    """Returns the path of the lock that belongs to a file, whether it has ever been taken or not."""
    return path.with_name(f"{path.name}.lock")


class InterProcessLock:
    """The lock that belongs to one file, against other processes and other threads of this one; for a `with` statement.

    The operating system releases it when the process ends, however it ends. The lock's own file is never deleted:
    otherwise two processes could hold two locks of the same name. It names the process that took the lock last, so that
    others can say for whom they wait.

    Args:
        path: The file to lock; the lock itself is a file beside it, whose name ends in ".lock".
        timeout: Seconds to wait for another holder.
    """

    def __init__(self, path: Path, timeout: float) -> None:
        from filelock import FileLock  # late: only writers need it, and it takes long to load

        self._path = path
        self._timeout = timeout
        self._lock_file = lock_file(path)
        # A new lock for each `with`: a forked child never inherits one that it might take for its own.
        self._lock = FileLock(self._lock_file, timeout=timeout, mode=0o600)
        self._owner_pid: int | None = None

    def __enter__(self) -> None:
        """Takes the lock; a log record says who holds it, if that takes a while.

        Raises:
            UnavailableError: Another holder did not release it in time, or the directory does not allow locks.
        """
        from filelock import Timeout

        from ...errors import UnavailableError

        try:
            try:
                self._lock.acquire(timeout=min(_QUIET_SECONDS, self._timeout))
            except Timeout:
                if self._timeout <= _QUIET_SECONDS:
                    raise
                self._log_holder()
                self._lock.acquire(timeout=self._timeout - _QUIET_SECONDS)
        except Timeout:
            raise UnavailableError(
                f"Another kernel or program{self._holder()} has been using {self._path} for {self._timeout:g} seconds.",
                "Try again. If this message comes back, restart the kernel that hangs.",
            ) from None
        except OSError as error:
            raise os_error(f"{self._path} cannot be locked, and is unchanged", error) from None
        self._owner_pid = os.getpid()
        self._write_pid(self._owner_pid)

    def _log_holder(self) -> None:
        import logging

        # A warning: without it, a cell would show nothing for as long as the lock's timeout.
        logging.getLogger(__name__).warning(
            "Waiting up to %g seconds for another kernel or program%s, which is using %s. If it hangs, restart it.",
            self._timeout,
            self._holder(),
            self._path,
        )

    def _holder(self) -> str:
        """Returns the process that took the lock last, in words; nothing if that is not known."""
        try:
            content = read_file(self._lock_file)
        except (OSError, ValueError):
            return ""
        pid = content.strip() if content is not None else b""
        return f" (process {pid.decode()})" if pid.isdigit() and len(pid) <= _MAX_PID_DIGITS else ""

    def _write_pid(self, pid: int) -> None:
        flags = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        try:
            with open(os.open(self._lock_file, flags), "r+b") as file:
                content = file.read(_MAX_PID_DIGITS + 1).strip()
                if content and not content.isdigit():
                    return  # where the file system knows no locks, filelock's own record of the holder
                file.seek(0)
                file.write(b"%d\n" % pid)
                file.truncate()
        except OSError:  # Windows locks the file's content
            pass

    def __exit__(self, *_: object) -> None:
        if os.getpid() == self._owner_pid:  # a child that was forked under the lock leaves the parent its lock
            self._lock.release()


# -- errors


def os_error(what: str, error: OSError) -> UnavailableError:
    """Returns the error to raise for an error of the operating system.

    Args:
        what: What failed, as the start of a sentence.
        error: The operating system's error.
    """
    import errno

    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        remedy = "Make room there, then try again."
    elif error.errno in {errno.EROFS, errno.EACCES, errno.EPERM}:
        remedy = "Make it readable and writable for you, or sign in without staying signed in."
    else:
        remedy = "Try again, or sign in without staying signed in."
    return _unavailable(f"{what}: {error.strerror or type(error).__name__}.", remedy)


def _unavailable(what: str, remedy: str) -> UnavailableError:
    from ...errors import UnavailableError  # late: usually there is no error

    return UnavailableError(what, remedy)
