"""The functions of Windows itself that this package calls by ctypes: short names of paths, and kinds of drives.

Source: GetShortPathNameW and GetDriveTypeW on https://learn.microsoft.com
"""

from __future__ import annotations

import contextlib
import os
import re
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


def changes() -> dict[str, dict[str, Any]]:
    """Returns the changed names of each module."""
    kernel32 = SimpleNamespace(GetShortPathNameW=_get_short_path_name, GetDriveTypeW=lambda _: _DRIVE_FIXED)
    return {"ctypes": {"windll": SimpleNamespace(kernel32=kernel32)}}
