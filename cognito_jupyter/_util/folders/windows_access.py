"""Who may open a folder on Windows, where a mode says nothing: its access control list, by icacls.

`credentials/store/files.py` calls it for the folder of the stored sign-ins: when it creates the folder, and at each
login that stores something. icacls and whoami belong to every Windows.

The list is read in SDDL, because icacls shows names in the user's language:
https://learn.microsoft.com/windows/win32/secauthz/ace-strings
"""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path, PureWindowsPath

_TIMEOUT = 10.0
"""Seconds; each program needs some hundredths of a second."""
_SYSTEM_SID = "S-1-5-18"
_ADMINISTRATORS_SID = "S-1-5-32-544"
_TRUSTED = frozenset({"SY", _SYSTEM_SID, "BA", _ADMINISTRATORS_SID, "LA", "CO", "S-1-3-0", "OW", "S-1-3-4"})
"""The system and its administrators, who can read every file anyway; and the owner of a file, who is the user."""
_ACE = re.compile(r"\(([XZO]?A)(?:;[^;()]*){4};([^;()]+)")
"""An entry that allows something: its type, and for whom it is."""
_SID = re.compile(r"S-1(-\d+)+")
_DRIVE_REMOTE = 4
_NO_WINDOW: int = getattr(subprocess, "CREATE_NO_WINDOW", 0)


def restrict_to_user(folder: Path) -> None:
    """Lets only the user, the system and its administrators open a new folder and what is created in it.

    Python's own mode 0700 does so since 3.11.10 and 3.12.4, and for a folder that an administrator's process makes, it
    locks out the user's other processes.

    Args:
        folder: The folder, as a full path.

    Raises:
        OSError: The folder keeps the list that it has.
    """
    grants = [f"*{sid}:(OI)(CI)F" for sid in (_current_sid(), _SYSTEM_SID, _ADMINISTRATORS_SID)]
    _run("icacls", str(folder), "/inheritance:r", "/grant:r", *grants)


def others_with_access(folder: Path) -> list[str]:
    """Returns for whom a folder is open besides the user, the system and its administrators, as SDDL names them.

    Args:
        folder: The folder.

    Raises:
        OSError: It is not known.
    """
    own_sid = _current_sid()
    with tempfile.TemporaryDirectory(prefix="cognito-jupyter-") as temporary:
        saved = Path(temporary, "list")
        _run("icacls", str(folder), "/save", str(saved))
        text = saved.read_bytes().decode("utf-16-le", "replace")
    return others_in_sddl(text.lstrip("\ufeff").strip().rpartition("\n")[2], own_sid)


def others_in_sddl(sddl: str, own_sid: str) -> list[str]:
    """Returns for whom an access control list allows anything, besides the user, the system and its administrators.

    Args:
        sddl: The list, such as "D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;S-1-5-21-1-2-3-1001)".
        own_sid: The user.
    """
    flags = re.search(r"D:([A-Z_]*)", sddl)
    if flags is None or "NO_ACCESS_CONTROL" in flags[1]:
        return ["WD"]  # without a list, a folder is open to everyone
    trustees = dict.fromkeys(each[1].strip() for each in _ACE.findall(sddl))
    return [each for each in trustees if each not in _TRUSTED and each != own_sid]


def is_on_network(path: Path) -> bool:
    """Returns whether a path is on another computer, whose administrators and network read what is stored there.

    Args:
        path: The full path.
    """
    drive = PureWindowsPath(path).drive
    if drive.startswith("\\\\") and not drive.startswith(("\\\\?\\", "\\\\.\\")):
        return True
    if sys.platform != "win32":
        return False
    import ctypes

    windll = getattr(ctypes, "windll", None)
    return windll is not None and windll.kernel32.GetDriveTypeW(f"{drive}\\") == _DRIVE_REMOTE


def _current_sid() -> str:
    output = _run("whoami", "/user", "/fo", "csv", "/nh")
    for row in csv.reader(output.splitlines()):
        if row and _SID.fullmatch(row[-1]):
            return row[-1]
    raise OSError("whoami names no user")


def _run(program: str, *arguments: str) -> str:
    """Runs a program of Windows' own, and returns what it prints.

    Raises:
        OSError: It cannot be run, or failed.
    """
    # By its full path: Windows looks for a program in the working folder first.
    path = os.path.join(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", f"{program}.exe")
    process = subprocess.Popen(  # noqa: S603 - a program of the system, and no shell
        [path, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        creationflags=_NO_WINDOW,
    )
    with process:
        try:
            output = process.communicate(timeout=_TIMEOUT)[0]
        except subprocess.TimeoutExpired:
            process.kill()
            raise OSError(f"{program} does not end") from None
    if process.returncode != 0:
        raise OSError(f"{program} failed")
    return output.decode("ascii", "replace")
