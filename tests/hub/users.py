"""The hub's users: Linux users of their own where the tests run as root, otherwise names in the hub alone."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psutil

from .processes import kill_all


@dataclass(frozen=True)
class Users:
    """Two users of a hub.

    Attributes:
        ada: The name of the first.
        grace: The name of the second.
        are_linux_users: Whether each is a user of the system.
    """

    ada: str
    grace: str
    are_linux_users: bool


@contextmanager
def two_users() -> Iterator[Users]:
    """Adds two users to the system if that is possible; ends their processes and removes them afterwards."""
    if os.getuid() != 0 or shutil.which("useradd") is None:
        yield Users("ada", "grace", are_linux_users=False)
        return
    users = Users(f"ada{os.getpid()}", f"grace{os.getpid()}", are_linux_users=True)
    for name in (users.ada, users.grace):
        subprocess.run(["useradd", "--create-home", "--shell", "/bin/bash", name], check=True)
    try:
        yield users
    finally:
        for name in (users.ada, users.grace):
            _end_processes_of(name)
            subprocess.run(["userdel", "--remove", name], check=False, capture_output=True)


def _end_processes_of(name: str) -> None:
    """Kills what a user, made for these tests, has left running."""
    with suppress(psutil.Error):
        kill_all([process for process in psutil.process_iter(["username"]) if process.info["username"] == name])
