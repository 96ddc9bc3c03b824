"""What a test needs of the operating system; on a system that lacks it, the test is skipped and says so.

On Linux, as root, none of these marks skips a test (`tests/systems/test_collection.py`). What only some systems have
must not be used while a test module is imported: import `resource`, `pty` and the like in the test.
"""

from __future__ import annotations

import importlib.util
import locale
import os
import shutil
import signal
import socket
import sys
from collections.abc import Mapping

import pytest

ON_WINDOWS = sys.platform == "win32"
IS_ROOT = getattr(os, "geteuid", lambda: -1)() == 0

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
needs_modes = pytest.mark.skipif(ON_WINDOWS, reason="needs the modes of files")
needs_fifos = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes in the file system")
needs_dropped_connections = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="needs a system that drops connections to a full queue"
)
needs_links = pytest.mark.skipif(ON_WINDOWS, reason="needs symbolic links, which any user may make")
needs_unix_sockets = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="needs Unix sockets")
needs_proc = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
needs_sigkill = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL or SIGSTOP")
needs_sigint = pytest.mark.skipif(ON_WINDOWS, reason="needs SIGINT or SIGTERM to a process, which Windows cannot send")
needs_limits = pytest.mark.skipif(ON_WINDOWS, reason="needs the limits of a process (resource)")
needs_terminal = pytest.mark.skipif(ON_WINDOWS, reason="needs a pseudo-terminal")
needs_shell = pytest.mark.skipif(ON_WINDOWS or shutil.which("sh") is None, reason="needs a POSIX shell")
needs_scripts = pytest.mark.skipif(ON_WINDOWS, reason="needs scripts that the system runs as programs")
needs_reuse_port = pytest.mark.skipif(not hasattr(socket, "SO_REUSEPORT"), reason="needs SO_REUSEPORT")
needs_root = pytest.mark.skipif(not IS_ROOT, reason="needs root, to play another user or to fill a disk")
needs_home_variable = pytest.mark.skipif(ON_WINDOWS, reason="needs a home that HOME names")
needs_xdg = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs folders that XDG variables name")
needs_posix_paths = pytest.mark.skipif(ON_WINDOWS, reason="needs file names that Windows refuses")

NEEDS = {
    name: mark for name, mark in sorted(globals().items()) if name.startswith("needs_")
}  # every mark above, for the test that counts them


def has_module(name: str) -> bool:
    """Returns whether a module of the standard library exists on this system."""
    return importlib.util.find_spec(name) is not None


def output_encoding(environment: Mapping[str, str]) -> str:
    """Returns the encoding in which a Python writes into a pipe or a file, which on Windows is not UTF-8.

    Args:
        environment: Of that Python.
    """
    name = environment.get("PYTHONIOENCODING", "").partition(":")[0]
    return name or locale.getpreferredencoding(do_setlocale=False)
