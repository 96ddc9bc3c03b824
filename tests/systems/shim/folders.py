"""The user's folders, which platformdirs finds, and the user's name."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from typing import Any


class UserFolders(dict[str, Any]):
    """The changed names of platformdirs, which is imported when one of them is used.

    Args:
        system: windows or macos.
    """

    def __init__(self, system: str) -> None:
        super().__init__()
        self._system = system

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or str(name).startswith(("user_", "site_"))

    def __missing__(self, name: str) -> Callable[..., Any]:
        module = importlib.import_module(f"platformdirs.{self._system}")
        if self._system == "windows":
            # From the environment, as where neither the registry nor ctypes can be used.
            vars(module)["_resolve_win_folder"] = module.get_win_folder_from_env_vars
            if hasattr(module, "_RESOLVE_WIN_FOLDER"):
                vars(module)["_RESOLVE_WIN_FOLDER"] = module.get_win_folder_from_env_vars
        kind = module.Windows if self._system == "windows" else module.MacOS

        def find(appname: str | None = None, appauthor: Any = None, version: str | None = None, **options: Any) -> Any:
            known = {key: value for key, value in options.items() if key in {"roaming", "multipath", "ensure_exists"}}
            return getattr(kind(appname, appauthor, version, **known), name)

        return find


def user_name() -> str:
    """Is getpass.getuser on Windows, where there is no `pwd` to find the name in.

    Raises:
        ImportError: No variable has it. Python 3.13 raises OSError.
    """
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        if os.environ.get(variable):
            return os.environ[variable]
    raise ModuleNotFoundError("No module named 'pwd'", name="pwd")


def changes(system: str) -> dict[str, dict[str, Any]]:
    """Returns the changed names of each module.

    Args:
        system: windows or macos.
    """
    changed: dict[str, dict[str, Any]] = {"platformdirs": UserFolders(system)}
    if system == "windows":
        changed["getpass"] = {"getuser": user_name}
    return changed
