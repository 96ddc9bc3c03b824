"""The user's own folders: where they are, how they are made, and whether there is a home to make them in.

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
FOLDER_VARIABLE = "COGNITO_JUPYTER_FOLDER"
"""The environment variable that names one folder for all of this package's files, in the place of the system's folders.

The tests and the demo set it, so that they touch no file of the user's on any system.
"""


def has_home(path: str | Path) -> bool:
    """Returns whether a path in the user's home, as `~` or platformdirs expand it, is one.

    The home of a user id that the system does not know, as in many containers, is none: `~` then stays as it is, and
    the path would lead into the working folder, where anybody may have put files. The same holds for a relative path in
    COGNITO_JUPYTER_FOLDER, or in a variable such as XDG_STATE_HOME, where the XDG Base Directory Specification calls it
    invalid.

    Args:
        path: The expanded path.
    """
    return os.path.isabs(path)


def chosen_folder(kind: Literal["config", "state", "system"]) -> str | None:
    """Returns a folder below the one that COGNITO_JUPYTER_FOLDER names; None where that is not set.

    Args:
        kind: What the folder is for; "system" is for an administrator's settings.
    """
    folder = os.environ.get(FOLDER_VARIABLE, "").strip()
    return os.path.join(folder, kind) if folder else None


def user_folder(kind: Literal["config", "state"]) -> Path:
    """Returns this package's folder for the user's settings or state; `has_home` is false for one that there cannot be.

    Args:
        kind: What the folder is for.
    """
    from pathlib import Path

    chosen = chosen_folder(kind)
    if chosen is not None:
        return Path(chosen)
    import platformdirs  # late: most kernels get their settings from the environment

    find = platformdirs.user_config_path if kind == "config" else platformdirs.user_state_path
    try:
        return find(_APP_NAME, appauthor=False)
    except RuntimeError:  # newer versions of platformdirs, where there is no home
        return Path("~", f".{kind}", _APP_NAME)


def user_without_home() -> str:
    """Returns the start of a sentence about a user for whom `has_home` is false."""
    number = "" if sys.platform == "win32" else f" (uid {os.geteuid()})"
    return f"Your user{number} has no home folder on this computer"


def make_private_folder(path: Path) -> None:
    """Creates a folder and its missing parents, for the user alone; a folder that exists stays as it is.

    Their mode is 0700. `Path.mkdir` gives only the last one the mode, and with a umask of 0 lets everybody write into
    the parents.

    Args:
        path: The folder, as an absolute path.

    Raises:
        OSError: It cannot be created.
    """
    # On Windows a mode of 0700 means the owner, and what a process with an administrator's rights makes is owned by the
    # administrators. There a new folder is as private as the user's profile that it is in.
    mode = 0o777 if sys.platform == "win32" else 0o700
    for folder in (*reversed(path.parents), path):
        if folder == path or not os.path.lexists(folder):
            # exist_ok: another process may have been faster.
            folder.mkdir(mode=mode, exist_ok=True)
