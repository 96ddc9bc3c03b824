"""Files that all test processes of a user share, in the system's temporary folder."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path


def shared_path(name: str) -> Path:
    """Returns the path of a file or folder; another user of the machine, who could not open it, has another one.

    Args:
        name: The file's name.
    """
    user = "" if sys.platform == "win32" else f"-{os.getuid()}"
    return Path(tempfile.gettempdir(), f"{name}{user}")
