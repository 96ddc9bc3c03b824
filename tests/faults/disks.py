"""Disks that cannot be written to by this process, root included."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

_FILE_SIZE_LIMIT = 500
"""Bytes: less than any stored sign-in."""
_CAPABILITIES_VERSION = 0x20080522
_OVERRIDE_CAPABILITIES = 1 << 1 | 1 << 2
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, with which root ignores file modes."""

Disk = Callable[[Path], AbstractContextManager[None]]


@contextmanager
def full_disk(folder: Path) -> Iterator[None]:
    """Limits every file to a few bytes."""
    del folder
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE_SIZE_LIMIT, hard))
    # A module that is imported for the first time here would leave a truncated .pyc file, and fail from then on.
    writes_no_bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = writes_no_bytecode
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def read_only_folder(folder: Path) -> Iterator[None]:
    """Lets nothing be created, renamed or removed in a folder; under root, threads that ran before still can."""
    _enforce_modes(enforced=True)
    folder.chmod(0o500)
    try:
        yield
    finally:
        folder.chmod(0o700)
        _enforce_modes(enforced=False)


def _enforce_modes(*, enforced: bool) -> None:
    """Makes file modes apply to root in this thread and those that it starts, or no longer.

    Source: capget(2)
    """
    if os.geteuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_CAPABILITIES_VERSION, 0)
    sets = (ctypes.c_uint32 * 6)()
    if libc.capget(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capget")
    effective, permitted = sets[0], sets[1]
    sets[0] = effective & ~_OVERRIDE_CAPABILITIES if enforced else effective | permitted & _OVERRIDE_CAPABILITIES
    if libc.capset(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capset")
