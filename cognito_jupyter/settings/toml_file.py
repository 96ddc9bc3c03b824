"""A TOML file of settings: where it may lie, what it may hold, and whose it is.

Top-level keys are the default profile's; a `[profile.NAME]` table overrides them for that profile.
"""

from __future__ import annotations

import difflib
import enum
import os
import re
import stat
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import SettingError

FILE_NAME = "cognito.toml"
APP_NAME = "cognito_jupyter"
MAX_FILE_SIZE = 65_536
"""Bytes: far more than any settings need, and little enough to read at every login."""

SETTING_NAMES = (
    "domain",
    "client_id",
    "redirect_uri",
    "region",
    "user_pool_id",
    "identity_pool_id",
    "scopes",
    "logout_uri",
    "session_region",
    "timeout",
    "wait_for_sign_in",
    "refresh_token_days",
    "remember",
    "remote_kernel",
    "allowed_domains",
)


class Scope(enum.Enum):
    """Who answers for a file."""

    PROJECT = "the working folder"
    USER = "the user's config folder"
    SYSTEM = "the system's config folder"


@dataclass(frozen=True)
class SettingsFile:
    """One file's settings, their names checked, their values not yet.

    Attributes:
        path: As it was found.
        scope: Who answers for it.
        content: Its bytes, read once: what is agreed to is what is used.
        settings: The default profile's.
        profiles: The named profiles' own.
        stat_results: Whose the bytes are: of what was read, and of a link that led there.
    """

    path: Path
    scope: Scope
    content: bytes
    settings: Mapping[str, object]
    profiles: Mapping[str, Mapping[str, object]]
    stat_results: tuple[os.stat_result, ...]

    @classmethod
    def parse(cls, path: Path, scope: Scope, content: bytes, stat_results: tuple[os.stat_result, ...]) -> SettingsFile:
        """Raises SettingError for what is not TOML, and for keys that are no settings."""
        table = _parse_toml(path, content)
        profiles = table.pop("profile", {})
        if not isinstance(profiles, dict) or not all(isinstance(each, dict) for each in profiles.values()):
            raise SettingError(f"profile in {path} is not a table.", "Name a profile by a line [profile.NAME].")
        for keys in (table, *profiles.values()):
            _check_names(path, keys, SETTING_NAMES)
        return cls(path, scope, content, table, profiles, stat_results)


def find_project_file(folder: Path | None) -> Path | None:
    """The nearest cognito.toml in a folder or above it, as far as the home or the repository root.

    Outside both, only the folder itself counts: above it anybody may have put a file.
    """
    try:
        start = (folder or Path.cwd()).resolve()
    except (OSError, RuntimeError):  # a working folder that has been deleted; a loop of symlinks
        return None
    for each in _search_folders(start):
        # lexists: a dangling symlink is to be refused, not passed over.
        if os.path.lexists(each / FILE_NAME):
            return each / FILE_NAME
    return None


def user_path() -> Path:
    """The file in the user's config folder, whether it exists or not."""
    import platformdirs  # late: most kernels are given their settings by the environment

    return platformdirs.user_config_path(APP_NAME, appauthor=False) / FILE_NAME


def system_paths() -> list[Path]:
    """The files an administrator may have written, from strongest to weakest, whether they exist or not."""
    import platformdirs

    folders = platformdirs.site_config_dir(APP_NAME, appauthor=False, multipath=True).split(os.pathsep)
    if sys.platform != "win32":
        # Always the last: an environment with an XDG_CONFIG_DIRS of its own does not undo what an administrator wrote.
        folders.append(f"/etc/xdg/{APP_NAME}")
    return list(dict.fromkeys(Path(folder) / FILE_NAME for folder in folders))


def read_settings_file(path: Path, scope: Scope) -> SettingsFile | None:
    """The file's settings; None where there is no such file.

    Raises:
        SettingError: It cannot be read, or is not a file of settings.
    """
    try:
        content, stat_results = _read_bytes(path)
    except (FileNotFoundError, NotADirectoryError):
        if not path.is_symlink():
            return None
        raise SettingError(f"{path} is a link that leads nowhere.", "Mend the link, or remove it.") from None
    except OSError as error:
        raise SettingError(f"{path} cannot be read: {error.strerror}.", "Mend the file, or take it away.") from None
    if len(content) > MAX_FILE_SIZE:
        raise SettingError(f"{path} is longer than {MAX_FILE_SIZE} bytes.", "It is to hold settings alone.")
    return SettingsFile.parse(path, scope, content, stat_results)


def _read_bytes(path: Path) -> tuple[bytes, tuple[os.stat_result, ...]]:
    with open(path, "rb", opener=_open_nonblocking) as file:
        status = os.fstat(file.fileno())  # of what is read: nobody can put another file there in between
        if not stat.S_ISREG(status.st_mode):
            raise SettingError(f"{path} is not a file.", "Put a file of settings there, or nothing.")
        # Of the link too: somebody else's chooses the file.
        return file.read(MAX_FILE_SIZE + 1), (status, path.lstat())


def _open_nonblocking(path: str, flags: int) -> int:
    """Opens without waiting for a writer, where somebody put a named pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def require_owned_by_user(path: Path, status: os.stat_result) -> None:
    """Raises SettingError unless the file is the user's alone to write.

    The folder it lies in is not looked at: who can write there can put a file of their own in its place, which is then
    not the user's, or another one of the user's, to whose content the person has not agreed. On Windows, where modes
    say nothing, the agreement stands alone.
    """
    if sys.platform == "win32":
        return
    if status.st_uid != os.getuid():
        raise SettingError(
            f"{path} belongs to another user (uid {status.st_uid}), and it chooses where your password is typed.",
            f"If you trust it, copy it to {user_path()}.",
        )
    if not stat.S_ISLNK(status.st_mode) and status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise SettingError(
            f"{path} may be written by others than you, and it chooses where your password is typed.",
            f'Run: chmod go-w "{path}"',
        )


def _search_folders(start: Path) -> Iterator[Path]:
    try:
        home: Path | None = Path.home().resolve()
    except (OSError, RuntimeError):  # no home is known for this user
        home = None
    chain = [start, *start.parents]
    ends = [each for each in chain if each == home or os.path.lexists(each / ".git")]
    yield from chain[: chain.index(ends[0]) + 1] if ends else [start]


def _parse_toml(path: Path, content: bytes) -> dict[str, object]:
    try:
        # With the mark that some editors put in front; tomllib itself refuses it.
        return tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line: object = content[: error.start].count(b"\n") + 1
        problem = "is not UTF-8 text"
    except (ValueError, RecursionError) as error:  # ValueError: also a number of thousands of digits
        found = re.search(r"line (\d+)", str(error))
        line = found[1] if found else len(content.splitlines()) or 1
        problem = "is not TOML"
    raise SettingError(f"{path} {problem}, near line {line}.", 'Write each setting as: name = "value"')


def _check_names(path: Path, keys: Iterable[str], known: Iterable[str]) -> None:
    for key in keys:
        if key in known:
            continue
        if "secret" in key.lower():
            raise SettingError(
                f"{key!r} in {path} is not a setting: a notebook cannot keep an app client's secret.",
                "Make an app client without a secret, and take the line out.",
            )
        raise SettingError(f"{key[:80]!r} in {path} is not a setting.", suggest(key, known))


def suggest(name: str, known: Iterable[str]) -> str:
    """A sentence that names the nearest right spelling, or else all there are."""
    known = sorted(known)
    plain = name.lower().replace("-", "_").removeprefix("cognito_")
    matches = difflib.get_close_matches(plain[:80], known, n=1)
    if matches:
        return f"Did you mean {matches[0]!r}?"
    return f"There are: {', '.join(known)}." if known else "There is none."
