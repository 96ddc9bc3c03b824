"""Windows' rule about open files, for a program on Linux: no file is replaced, renamed or deleted while it is open.

`install` changes `os` and `sys.platform` for the whole process, so a test calls it in a child process. The kernel says
whether any process has a file open at a request for a write lease (fcntl(2), F_SETLEASE), in some microseconds.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable
from typing import Any


def is_open(path: str | os.PathLike[str]) -> bool:
    """Returns whether any process has a file open.

    Args:
        path: The file.
    """
    import fcntl

    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except BlockingIOError:
        return True  # another process has the lease at this moment
    except OSError:
        return False
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN
    finally:
        os.close(descriptor)
    return False


def install() -> dict[str, int]:
    """Makes this process follow the rule, and call itself Windows.

    Returns:
        How often each operation was refused, counted from now on.
    """
    refused = dict.fromkeys(("replace", "rename", "unlink", "remove"), 0)
    signal.signal(signal.SIGIO, signal.SIG_IGN)  # sent when another process opens a file that has the lease

    def guarded(name: str, paths: Callable[..., tuple[Any, ...]]) -> Callable[..., None]:
        operation = getattr(os, name)

        def run(*arguments: Any, **options: Any) -> None:
            for path in paths(*arguments):
                if is_open(path):
                    refused[name] += 1
                    raise PermissionError(errno.EACCES, "The file is being used by another process", os.fspath(path))
            operation(*arguments, **options)

        return run

    real_open = os.open

    def open_after_leases(*arguments: Any, **options: Any) -> int:
        while True:
            try:
                return real_open(*arguments, **options)
            except BlockingIOError:
                continue  # another process has the lease for a moment

    for name in ("replace", "rename"):
        setattr(os, name, guarded(name, lambda source, target: (source, target)))
    for name in ("unlink", "remove"):
        setattr(os, name, guarded(name, lambda path: (path,)))
    os.open = open_after_leases
    sys.platform = "win32"
    return refused
