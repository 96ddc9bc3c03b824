"""Writes and removes a profile in the AWS config file, through which every other program uses a remembered sign-in.

User code and `%cognito_profile` call it. The profile's credential_process reads the sign-in's stored file each time, so
the config file never contains a key, and nothing in it has to be refreshed.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from ..._util.folders.private import chosen_folder, make_private_folder
from ..._util.folders.retrying import delete_file, replace_file, retry_while_in_use
from ...credentials.manager import CognitoCredentialsManager
from ...credentials.store import files
from ...errors import SettingError, UnavailableError
from ...settings import parsers
from ..endpoint.aws_files import config_file, credentials_file_with_profile
from .command_line import command_line
from .config_text import check_name, with_profile, without_profile

_LOCK_TIMEOUT = 20.0
"""Seconds to wait for another kernel, which needs some thousandths of a second."""


def write_profile(
    manager: CognitoCredentialsManager,
    name: str,
    role_suffix: str | None = None,
    *,
    region_name: str | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Path:
    """Writes a profile that uses a sign-in remembered on this computer, for `aws --profile NAME` and other programs.

    Args:
        manager: The sign-in.
        name: The profile's name.
        role_suffix: The end of the role's ARN; None: the last role used, or else the preferred or first one.
        region_name: The profile's region; None: the manager's.
        environ: The environment, which may name another config file.

    Returns:
        The config file.

    Raises:
        SettingError: The sign-in is not remembered, the name is malformed or belongs to a profile of the user (in the
            config file or in the credentials file), the region is malformed, or AWS SDKs cannot read the file. The file
            is unchanged.
        RoleError: The suffix matches no role, or several (a PermissionError).
        UnavailableError: The file cannot be written, and is unchanged (a ConnectionError).
    """
    role_arn = manager.resolve_role(role_suffix)
    return write_profile_for_role(manager, name, role_arn, region_name=region_name, environ=environ)


def write_profile_for_role(
    manager: CognitoCredentialsManager,
    name: str,
    role_arn: str | None,
    *,
    region_name: str | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Path:
    """Writes a profile for a role that is given by its ARN, as `write_profile` does.

    Args:
        manager: The sign-in.
        name: The profile's name.
        role_arn: The role; None: the identity pool's default role.
        region_name: The profile's region; None: the manager's.
        environ: The environment, which may name another config file.

    Raises:
        SettingError, UnavailableError: As in `write_profile`.
    """
    check_name(name)
    region = parsers.region(region_name or manager.region)
    if (path := credentials_file_with_profile(name, environ)) is not None:
        raise SettingError(
            f"{path} has a profile {name} too, which AWS's programs would use in place of this one.",
            "Choose another name, or remove that profile first.",
        )
    stored_file = manager.shared_sign_in.path
    if stored_file is None:
        raise SettingError(
            "This sign-in is only in this kernel's memory, where no other program finds it.",
            "Have it remembered on this computer: %cognito_login --remember --fresh",
        )
    script = Path(
        sysconfig.get_path("scripts"), "cognito-jupyter.exe" if sys.platform == "win32" else "cognito-jupyter"
    )
    words = [str(script)] if script.is_file() else [sys.executable, "-m", "cognito_jupyter.cli"]
    words += ["credential-process", _sign_in_word(stored_file), *([role_arn] if role_arn else [])]
    command = command_line(words)
    path = config_file(environ)
    _edit_locked(path, lambda content: with_profile(content, name, command, region))
    return path


def _sign_in_word(stored_file: Path) -> str:
    """Returns how a profile names a stored sign-in: by its file, wherever the program that reads it runs.

    On Windows by its name: the folder is the same for all programs of the user there, and its path has the user's name,
    often with a space or a letter that not every SDK reads alike.
    """
    is_usual_place = chosen_folder("state") is None and stored_file.parent == Path(files.state_directory())
    return stored_file.stem if sys.platform == "win32" and is_usual_place else str(stored_file)


def remove_profile(name: str, *, environ: Mapping[str, str] = os.environ) -> bool:
    """Removes a profile that `write_profile` has written; everything else in the file stays unchanged.

    Args:
        name: The profile's name.
        environ: The environment, which may name another config file.

    Returns:
        Whether there was such a profile.

    Raises:
        SettingError: The profile is the user's own, or AWS SDKs cannot read the file.
        UnavailableError: The file cannot be written, and is unchanged (a ConnectionError).
    """
    check_name(name)
    return _edit_locked(config_file(environ), lambda content: without_profile(content, name))


def _edit_locked(path: Path, change: Callable[[bytes], bytes]) -> bool:
    """Changes a file under a lock, in one step; returns whether the content changed."""
    # The path may be a symlink, which must stay one: the file that it points to is replaced.
    target = Path(os.path.realpath(path))
    # AWS's programs use no lock, so the lock is only between kernels, and its file is in this package's own folder.
    directory = Path(files.state_directory())
    files.ensure_directory(directory)
    lock_file = directory / f"aws-config-{hashlib.sha256(os.fsencode(target)).hexdigest()}"
    with files.InterProcessLock(lock_file, _LOCK_TIMEOUT):
        try:
            before = retry_while_in_use(target.read_bytes) if target.exists() else b""
            after = change(before)
            if after != before:
                _write_atomically(target, after)
        except OSError as error:
            if isinstance(error, UnavailableError):
                raise
            reason = error.strerror or type(error).__name__
            raise UnavailableError(f"{path} cannot be changed: {reason}.", "Make it writable for you.") from None
    return after != before


def _write_atomically(path: Path, content: bytes) -> None:
    """Replaces a file in one step by a new one with the same mode and owner."""
    make_private_folder(path.parent)
    descriptor, temporary = tempfile.mkstemp(prefix=f"{path.name}-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            old = path.stat()
            os.chmod(temporary, stat.S_IMODE(old.st_mode))
            if sys.platform != "win32":
                with suppress(OSError):
                    os.chown(temporary, old.st_uid, old.st_gid)
        replace_file(temporary, path)
    finally:
        with suppress(OSError):  # it has been renamed
            delete_file(temporary)
