"""A private file in a private folder: read only where it can be trusted, written whole or not at all, and locked."""

from __future__ import annotations

import itertools
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ...errors import UnavailableError
from . import private_file
from .private_file import check_directory, os_error, state_directory

TEMP_SUFFIX = ".part"
QUARANTINE_SUFFIX = ".set-aside-"


def default_directory() -> Path:
    """In the user's state folder: what is kept between runs and is no setting."""
    return Path(state_directory())


def current_user() -> str:
    """The user whom new files will belong to."""
    if sys.platform == "win32":
        import getpass

        return getpass.getuser()
    return str(os.geteuid())


def directory_exists(directory: Path) -> bool:
    """Whether there is a folder; it is the user's, and closed to others.

    Raises:
        UnavailableError: Something else is there, or it cannot be trusted.
    """
    return check_directory(str(directory))


def ensure_directory(directory: Path) -> None:
    """Makes the folder, unless it is there.

    Raises:
        UnavailableError: It cannot be made, or what is there cannot be trusted.
    """
    if directory_exists(directory):
        return
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)  # exist_ok: another kernel may have been faster
    except OSError as error:
        raise os_error(f"{directory}, which is to hold your sign-in, cannot be made", error) from None
    directory_exists(directory)


def read_file(path: Path) -> bytes | None:
    """The file's content; None where there is no file.

    Raises:
        BadFileError: It is not the user's, is open to others, or is no file at all.
        UnavailableError: It cannot be read.
    """
    return private_file.read_private_file(str(path))


def write_atomically(path: Path, content: bytes) -> None:
    """Puts a file in place in one step; to be called with the lock held.

    Whoever reads meanwhile, and whoever comes after a crash, finds the old file or the new one, each of them whole.

    Raises:
        UnavailableError: It could not be written; what was there is untouched.
    """
    delete_temp_files(path)
    # A name of its own: should a lock ever fail, two writers do not write into one file.
    temp_file = path.with_name(f"{path.name}.{os.urandom(8).hex()}{TEMP_SUFFIX}")
    try:
        _write_temp_file(temp_file, content)
        os.replace(temp_file, path)
    except OSError as error:
        raise os_error(f"{path} is as it was, because your sign-in could not be written there", error) from None
    finally:
        with suppress(OSError):  # it has its new name, or could not even be made
            temp_file.unlink()
    _sync_directory(path.parent)


def _write_temp_file(temp_file: Path, content: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with open(os.open(temp_file, flags, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        # Before it is renamed: else, after a power cut, the new name may stand for an empty file.
        os.fsync(file.fileno())


def _sync_directory(directory: Path) -> None:
    """Makes the new name survive a power cut, where the file system can do that."""
    if sys.platform == "win32":
        return
    with suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def quarantine(path: Path) -> Path:
    """Gives a file that cannot be used another name; to be called with the lock held.

    Returns:
        Its new name.

    Raises:
        UnavailableError: It cannot be renamed.
    """
    names = (path.with_name(f"{path.name}{QUARANTINE_SUFFIX}{number}") for number in itertools.count(1))
    quarantined = next(name for name in names if not os.path.lexists(name))
    try:
        os.rename(path, quarantined)
    except OSError as error:
        raise os_error(f"{path} could not be set aside", error) from None
    status = quarantined.lstat()
    if sys.platform != "win32" and stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid():
        quarantined.chmod(0o600)  # it may hold tokens; of somebody else's nothing but the name is changed
    return quarantined


def delete_file(path: Path) -> None:
    """Removes the file and everything that was set aside or left half written, as far as it is there.

    Raises:
        UnavailableError: The file is still there.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise os_error(f"{path}, which holds your sign-in, could not be removed", error) from None
    delete_temp_files(path)
    for quarantined in path.parent.glob(f"{path.name}{QUARANTINE_SUFFIX}*"):
        with suppress(OSError):  # a folder, say: it holds no token of ours
            quarantined.unlink()
    _sync_directory(path.parent)


def delete_temp_files(path: Path) -> None:
    """Removes what killed processes left half written: it holds tokens. To be called with the lock held."""
    for temp_file in path.parent.glob(f"{path.name}.*{TEMP_SUFFIX}"):
        with suppress(OSError):
            temp_file.unlink()


@contextmanager
def file_lock(path: Path, timeout: float) -> Iterator[None]:
    """Holds the lock that goes with a file, against other processes and against other threads of this one.

    The operating system lets go of it when a process ends, however it ends. The lock's own file stays for good: to
    remove it would let two processes hold two locks of the same name.

    Raises:
        UnavailableError: Somebody else held it all the time, or the folder does not allow it.
    """
    from filelock import FileLock, Timeout  # late: only those who write need it, and it takes its time

    # A new one each time: a fork never inherits one that it could take for its own.
    os_lock = FileLock(path.with_name(f"{path.name}.lock"), timeout=timeout, mode=0o600)
    try:
        os_lock.acquire()
    except Timeout:
        raise UnavailableError(
            f"Another kernel or program has been at {path} for {timeout:g} seconds.",
            "Try again; if it comes again, restart the kernel that hangs.",
        ) from None
    except OSError as error:
        raise os_error(f"{path} cannot be locked, and is as it was", error) from None
    owner_pid = os.getpid()
    try:
        yield
    finally:
        if os.getpid() == owner_pid:  # a child that was forked in between leaves the parent its lock
            os_lock.release()
