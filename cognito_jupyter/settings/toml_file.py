"""A TOML file of settings: where it may be, what it may hold, and whether others could have written it.

`settings.layers` reads the files, `settings.trust` checks their owner. Top-level keys are the default profile's; a
`[profile.NAME]` table overrides them for that profile. This module validates the names of the settings, not the values.
"""

from __future__ import annotations

import enum
import os
import re
import shlex
import stat
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .._util.folders.private import chosen_folder, has_home, user_folder
from .._util.redaction import Secret
from ..errors import SettingError
from . import SETTING_NAMES

FILE_NAME = "cognito.toml"
APP_NAME = "cognito_jupyter"
MAX_FILE_SIZE = 65_536
"""Bytes: far more than any settings need, and little enough to read at every login."""


class FileContent(bytes):
    """The bytes of a settings file; the repr does not show them, since a client secret may be among them."""

    def __repr__(self) -> str:
        return f"<{len(self)} bytes>"


class Scope(enum.Enum):
    """Who is responsible for a file."""

    PROJECT = "the working folder"
    USER = "the user's config folder"
    SYSTEM = "the system's config folder"


@dataclass(frozen=True)
class SettingsFile:
    """One file's settings, the names checked, the values not yet.

    Attributes:
        path: Where it was found.
        scope: Who is responsible for it.
        content: Its bytes, read once, so that the content that the user trusts is the content that is used.
        settings: The default profile's; a client secret is a `Secret`.
        profiles: The settings of each named profile.
        locked: The settings that an administrator has locked in it; only the system's file can.
        stat_results: The owner and mode of the file that was read, and of the symlink that led there, if there was one.
    """

    path: Path
    scope: Scope
    content: FileContent
    settings: Mapping[str, object]
    profiles: Mapping[str, Mapping[str, object]]
    locked: tuple[str, ...]
    stat_results: tuple[os.stat_result, ...]


def find_project_file() -> Path | None:
    """Finds the nearest cognito.toml in the working folder or above it, as far as the home or the repository root.

    Outside both, only the working folder itself counts: above it any user may have put a file.
    """
    try:
        start = Path.cwd().resolve()
    except (OSError, RuntimeError):  # a working folder that has been deleted; a loop of symlinks
        return None
    try:
        home: Path | None = Path.home().resolve()
    except (OSError, RuntimeError):  # this user has no known home
        home = None
    chain = [start, *start.parents]
    ends = [each for each in chain if each == home or os.path.lexists(each / ".git")]
    folders = chain[: chain.index(ends[0]) + 1] if ends else [start]
    # lexists: a dangling symlink is an error, not a missing file.
    return next((each / FILE_NAME for each in folders if os.path.lexists(each / FILE_NAME)), None)


def user_path() -> Path:
    """Returns the path of the file in the user's config folder, whether or not it exists."""
    return user_folder("config") / FILE_NAME


def system_paths() -> list[Path]:
    """Returns the paths of an administrator's files, from strongest to weakest, whether or not they exist.

    The system's own places always count: what a user sets in the environment cannot undo what an administrator wrote.
    """
    import platformdirs

    folders = platformdirs.site_config_dir(APP_NAME, appauthor=False, multipath=True).split(os.pathsep)
    if sys.platform != "win32":
        # XDG_CONFIG_DIRS may leave it out.
        folders.append(f"/etc/xdg/{APP_NAME}")
    chosen = chosen_folder("system")
    return list(dict.fromkeys(Path(folder) / FILE_NAME for folder in [*([chosen] if chosen else []), *folders]))


def read_settings_file(path: Path, scope: Scope) -> SettingsFile | None:
    """Reads a settings file; returns None if there is no such file, or the user has no home that it could be in.

    Args:
        path: The file.
        scope: Who is responsible for it.

    Raises:
        SettingError: It cannot be read, or is not a file of settings.
    """
    if not has_home(path):
        # It would lie in the working folder, and count without the user's consent.
        return None
    try:
        content, stat_results = _read_bytes(path)
    except (FileNotFoundError, NotADirectoryError):
        if not path.is_symlink():
            return None
        raise SettingError(f"{path} is a dangling symlink.", "Repair the symlink, or remove it.") from None
    except OSError as error:
        raise SettingError(f"{path} cannot be read: {error.strerror}.", "Repair the file, or remove it.") from None
    if len(content) > MAX_FILE_SIZE:
        raise SettingError(f"{path} is longer than {MAX_FILE_SIZE} bytes.", "Keep only settings in it.")
    table = _parse_toml(path, content)
    profiles = table.pop("profile", {})
    if not isinstance(profiles, dict) or not all(isinstance(each, dict) for each in profiles.values()):
        raise SettingError(f"profile in {path} is not a table.", "Name a profile by a line [profile.NAME].")
    locked = _pop_locked(path, scope, table)
    for keys in (table, *profiles.values()):
        _check_names(path, keys)
    if any("client_secret" in keys for keys in (table, *profiles.values())):
        _require_private(path, scope, stat_results[0])
    return SettingsFile(path, scope, content, table, profiles, locked, stat_results)


def _pop_locked(path: Path, scope: Scope, table: dict[str, object]) -> tuple[str, ...]:
    """Removes `locked` from a file's settings, and returns the names in it."""
    locked = table.pop("locked", [])
    if scope is not Scope.SYSTEM and locked != []:
        raise SettingError(
            f"locked in {path} has no effect: only the system's file can lock a setting.",
            f"Remove that line, or move it to {system_paths()[-1]}.",
        )
    if not isinstance(locked, list) or not all(isinstance(name, str) for name in locked):
        raise SettingError(
            f"locked in {path} is not a list of settings.", 'Write it as: locked = ["remember", "share"]'
        )
    _check_names(path, locked)
    return tuple(locked)


def _read_bytes(path: Path) -> tuple[FileContent, tuple[os.stat_result, ...]]:
    with open(path, "rb", opener=_open_nonblocking) as file:
        # fstat, not stat: the status of the file that is read, which cannot be replaced between the two calls.
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise SettingError(f"{path} is not a file.", "Put a file of settings there, or remove it.")
        # lstat, for the symlink's owner: whoever owns the symlink decides which file is read.
        return FileContent(file.read(MAX_FILE_SIZE + 1)), (status, path.lstat())


def _open_nonblocking(path: str, flags: int) -> int:
    """Opens a file; does not wait for a writer where the path is a named pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def require_owned_by_user(path: Path, status: os.stat_result) -> None:
    """Checks that only the user can write a file.

    The folder of the file is not checked: another user who can write there can only replace the file by one that the
    user does not own, or by another file of the user's, whose content the user has not trusted. On Windows, where the
    mode says nothing, only the user's trust counts.

    Args:
        path: The file, for the message.
        status: Its status.

    Raises:
        SettingError: It belongs to another user, or other users can write it.
    """
    if sys.platform == "win32":
        return
    if status.st_uid != os.getuid():
        raise SettingError(
            f"{path} belongs to another user (uid {status.st_uid}), and it chooses where you type your password.",
            f"If you trust it, copy it to {user_path()}.",
        )
    if not stat.S_ISLNK(status.st_mode) and status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise SettingError(
            f"{path} can be written by other users, and it chooses where you type your password.",
            f"Run: chmod go-w {shlex.quote(str(path))}",
        )


def exposed_secret_error(source: str) -> SettingError:
    """Returns the error about a client secret in a place that others may read, such as a file beside a notebook.

    Args:
        source: The place.
    """
    return SettingError(
        f"client_secret, from {source}: an app client's secret is not used from a place that others may read.",
        f"Move it to {user_path()}, or set it in the environment variable COGNITO_CLIENT_SECRET.",
    )


def hide_secret(name: str, value: object) -> object:
    """Returns a value as the settings hold it before it is validated: text that may be a client secret is hidden.

    Args:
        name: The name of the setting, perhaps misspelled.
        value: The raw value.
    """
    if "secret" not in name.lower():
        return value
    return Secret(value) if isinstance(value, str) else ...  # which is no setting's value


def _hide_secrets(table: object) -> object:
    if not isinstance(table, dict):
        return table
    return {name: hide_secret(name, value) for name, value in table.items()}


def _require_private(path: Path, scope: Scope, status: os.stat_result) -> None:
    """Checks that a file may hold a client secret; the system's file is an administrator's decision.

    Raises:
        SettingError: It lies beside a notebook, or other users of this computer can read the user's file.
    """
    if scope is Scope.PROJECT:
        raise exposed_secret_error(str(path))
    if scope is Scope.USER and sys.platform != "win32" and status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SettingError(
            f"{path} holds client_secret, and other users of this computer can read it.",
            f"Run: chmod go= {shlex.quote(str(path))}",
        )


def _parse_toml(path: Path, content: FileContent) -> dict[str, object]:
    import tomllib  # late: settings may come from the environment alone

    try:
        # utf-8-sig: some editors write a BOM, which tomllib refuses.
        table = tomllib.loads(content.decode("utf-8-sig"))
        if isinstance(profiles := table.get("profile"), dict):
            table["profile"] = {name: _hide_secrets(each) for name, each in profiles.items()}
        return {name: hide_secret(name, value) for name, value in table.items()}
    except UnicodeDecodeError as error:
        line: object = content[: error.start].count(b"\n") + 1
        problem = "is not UTF-8 text"
    except (ValueError, RecursionError) as error:  # ValueError: also a number of thousands of digits
        found = re.search(r"line (\d+)", str(error))
        line = found[1] if found else len(content.splitlines()) or 1
        problem = "is not TOML"
    raise SettingError(f"{path} {problem}, near line {line}.", 'Write each setting as: name = "value"')


def _check_names(path: Path, keys: Iterable[str]) -> None:
    for key in keys:
        if key in SETTING_NAMES:
            continue
        import difflib  # late: needed only for a name that is wrong

        plain = key.lower().replace("-", "_").removeprefix("cognito_")
        matches = difflib.get_close_matches(plain[:80], SETTING_NAMES, n=1)
        remedy = f"Did you mean {matches[0]!r}?" if matches else f"There are: {', '.join(sorted(SETTING_NAMES))}."
        raise SettingError(f"{key[:80]!r} in {path} is not a setting.", remedy)
