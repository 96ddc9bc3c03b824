"""Kernels of a Jupyter server that are reached over Unix sockets."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Mapping
from pathlib import Path

_LONGEST_PATH = 100
"""Characters: systems allow 103 and more."""


def socket_options(environment: Mapping[str, str]) -> dict[str, str]:
    """Returns options of a Jupyter server with which no other program can have a port of its kernels.

    A kernel's five TCP ports are chosen before it starts. If something else has bound one of them by then, it ends at
    once, and so does each that is started in its place: a front end waits for a minute, and then there is none.

    Args:
        environment: The server's; the sockets are in its folder JUPYTER_RUNTIME_DIR, whose path must be short.

    Returns:
        No option where the system has no Unix sockets, or the path is too long for them.
    """
    longest = Path(environment["JUPYTER_RUNTIME_DIR"], f"kernel-{uuid.uuid4()}-ipc-99")
    possible = sys.platform != "win32" and len(str(longest)) <= _LONGEST_PATH
    return {"KernelManager.transport": "ipc"} if possible else {}
