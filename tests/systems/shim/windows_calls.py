"""The functions of Windows itself that this package calls by ctypes: short names of paths, kinds of drives, and jobs.

Source: GetShortPathNameW, GetDriveTypeW and "Job Objects" on https://learn.microsoft.com
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
from types import SimpleNamespace
from typing import Any

_DRIVE_FIXED = 3
_SHORT = re.compile(r"[A-Za-z0-9_.~-]*")


def short_name(path: str) -> str:
    """Returns the path with a short name for each part that needs one: a link beside it, which leads to the same.

    Args:
        path: A path that exists.
    """
    parent, name = os.path.split(path)
    if not name:
        return path
    parent = short_name(parent)
    if _SHORT.fullmatch(name):
        return os.path.join(parent, name)
    start = re.sub(r"[^A-Za-z0-9]", "", name)[:6].upper()
    for number in range(1, 10):
        short = os.path.join(parent, f"{start}~{number}")
        with contextlib.suppress(FileExistsError):
            os.symlink(name, short)
        if os.path.islink(short) and os.readlink(short) == name:
            return short
    raise OSError(f"{path} has no short name")


def _get_short_path_name(path: str, buffer: Any, size: int) -> int:
    short = short_name(path) if os.path.exists(path) else ""
    if len(short) >= size:
        return len(short) + 1
    buffer.value = short
    return len(short)


class _Function:
    """A function as ctypes has it: whose types can be set.

    Args:
        function: What it does.
    """

    def __init__(self, function: Any) -> None:
        self._function = function
        self.restype: Any = None

    def __call__(self, *arguments: Any) -> Any:
        return self._function(*arguments)


def _end_descendants_with_this_process(*_: Any) -> int:
    """Is AssignProcessToJobObject, for a job that ends with its last handle: another process waits for the end."""
    os.setpgid(0, 0)
    group = os.getpgid(0)
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.setsid()
        os.dup2(reader, 0)
        os.closerange(1, 4096)
        os.read(0, 1)  # returns once no process has the other end any more
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
        os._exit(0)
    os.close(reader)
    return writer


def load_library(_: str) -> Any:
    """Is ctypes.WinDLL, for kernel32."""
    functions = {
        "AssignProcessToJobObject": _end_descendants_with_this_process,
        "CreateJobObjectW": lambda *_: 1,
        "GetCurrentProcess": lambda: 1,
        "SetInformationJobObject": lambda *_: 1,
    }
    return SimpleNamespace(**{name: _Function(function) for name, function in functions.items()})


def changes() -> dict[str, dict[str, Any]]:
    """Returns the changed names of each module."""
    kernel32 = SimpleNamespace(GetShortPathNameW=_get_short_path_name, GetDriveTypeW=lambda _: _DRIVE_FIXED)
    return {"ctypes": {"windll": SimpleNamespace(kernel32=kernel32), "WinDLL": load_library}}
