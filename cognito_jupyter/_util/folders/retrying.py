"""File operations that wait while another program has the file open, where the system refuses them meanwhile.

Windows does not let a file be replaced, renamed or deleted while any program has it open without permitting that, and
then hardly any program does: another kernel that reads, a virus scanner, an indexer. They close it after some
thousandths of a second. Other systems have no such rule, and there each function is the operation itself.

The store and the AWS config file's writer call it. Light: `cognito-jupyter credential-process` reads through it.
Source: https://learn.microsoft.com/windows/win32/fileio/creating-and-opening-files
"""

from __future__ import annotations

import os
import sys
import time

TYPE_CHECKING = False  # typing itself takes longer to load than this module
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TypeVar

    _Result = TypeVar("_Result")

RETRY_TIMEOUT = 2.0
"""Seconds; a virus scanner may hold a new file for a second."""
_RETRY_INTERVAL = 0.005
_FOLDER_TIMEOUT = 10.0
"""Seconds that processes have to end which still work in a folder."""
_FOLDER_INTERVAL = 0.1


def retry_while_in_use(operation: Callable[[], _Result]) -> _Result:
    """Calls an operation, and on Windows calls it again while another program has the file open.

    Args:
        operation: What to do; it must do nothing where it raises PermissionError.

    Raises:
        OSError: The operation failed, or the file was in use for too long.
    """
    if sys.platform != "win32":
        return operation()
    deadline = time.monotonic() + RETRY_TIMEOUT
    while True:
        # Before the attempt: one always follows after the time is over, even if the computer slept during the last.
        is_last = time.monotonic() > deadline
        try:
            return operation()
        except PermissionError:  # WinError 5, 32 or 33
            if is_last:
                raise
        time.sleep(_RETRY_INTERVAL)


def open_file(path: str | Path, flags: int, mode: int = 0o600) -> int:
    """Opens a file as `os.open` does: the moment at which another process replaces it is waited for.

    Args:
        path: The file.
        flags: As for `os.open`.
        mode: The mode of a new file.

    Raises:
        OSError: It cannot be opened.
    """
    return retry_while_in_use(lambda: os.open(path, flags, mode))


def replace_file(source: str | Path, target: str | Path) -> None:
    """Gives a file the name of another one, which it replaces in one step.

    Args:
        source: The new file.
        target: The name.

    Raises:
        OSError: Nothing has changed.
    """
    retry_while_in_use(lambda: os.replace(source, target))


def rename_file(source: str | Path, target: str | Path) -> None:
    """Gives a file a name that no other one has.

    Args:
        source: The file.
        target: The new name.

    Raises:
        OSError: Nothing has changed.
    """
    retry_while_in_use(lambda: os.rename(source, target))


def delete_file(path: str | Path) -> None:
    """Deletes a file.

    Raises:
        OSError: It still exists, or did not exist.
    """
    retry_while_in_use(lambda: os.unlink(path))


def delete_folder(path: str | Path, timeout: float | None = None) -> bool:
    """Deletes a folder with all that it contains, and waits for processes that still write there, or work in it.

    Args:
        path: The folder.
        timeout: Seconds to wait; None: ten.

    Returns:
        Whether the folder is gone.
    """
    import shutil

    deadline = time.monotonic() + (_FOLDER_TIMEOUT if timeout is None else timeout)
    while True:
        shutil.rmtree(path, ignore_errors=True)
        if not os.path.lexists(path):
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(_FOLDER_INTERVAL)
