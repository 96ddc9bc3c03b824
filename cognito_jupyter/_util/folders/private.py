"""The user's own folders: how they are made, and whether there is a home to make them in.

The store, the record of trusted settings files and the AWS config file call it. Light: the store is read by the
credential process of AWS's tools.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # typing itself takes longer to load than this module
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Literal

_APP_NAME = "cognito_jupyter"


def has_home(path: str | Path) -> bool:
    """Returns whether a path in the user's home, as `~` or platformdirs expand it, is one.

    The home of a user id that the system does not know, as in many containers, is none: `~` then stays as it is, and
    the path would lead into the working folder, where anybody may have put files. The same holds for a relative path in
    a variable such as XDG_STATE_HOME, which the XDG Base Directory Specification calls invalid.

    Args:
        path: The expanded path.
    """
    return os.path.isabs(path)


def user_folder(kind: Literal["config", "state"]) -> Path:
    """Returns this package's folder for the user's settings or state; `has_home` is false for one that there cannot be.

    Args:
        kind: What the folder is for.
    """
    import platformdirs  # late: most kernels get their settings from the environment

    find = platformdirs.user_config_path if kind == "config" else platformdirs.user_state_path
    try:
        return find(_APP_NAME, appauthor=False)
    except RuntimeError:  # newer versions of platformdirs, where there is no home
        from pathlib import Path

        return Path("~", f".{kind}", _APP_NAME)


def user_without_home() -> str:
    """Returns the start of a sentence about a user for whom `has_home` is false."""
    number = "" if sys.platform == "win32" else f" (uid {os.geteuid()})"
    return f"Your user{number} has no home folder on this computer"


def make_private_folder(path: Path) -> None:
    """Creates a folder and its missing parents with mode 0700; a folder that exists stays as it is.

    `Path.mkdir` gives only the last one the mode, and with a umask of 0 lets everybody write into the parents.

    Args:
        path: The folder, as an absolute path.

    Raises:
        OSError: It cannot be created.
    """
    for folder in (*reversed(path.parents), path):
        if folder == path or not os.path.lexists(folder):
            # exist_ok: another process may have been faster.
            folder.mkdir(mode=0o700, exist_ok=True)
