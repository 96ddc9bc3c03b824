"""A profile in the AWS config file, by which terminals, IDEs and every other program use a sign-in that is kept.

Its credential_process asks the store each time, so that no key is in the file, and none has to be renewed there.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import stat
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import SettingError, UnavailableError
from .aws_files import config_file
from .config_text import Profile, check_name, with_profile, without_profile

if TYPE_CHECKING:
    from ...credentials.manager import CognitoCredentialsManager

_LOCK_TIMEOUT = 20.0
"""Seconds to wait for another kernel, which needs some thousandths of one."""


def write_profile(
    manager: CognitoCredentialsManager,
    name: str,
    role_suffix: str | None = None,
    *,
    region_name: str | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Path:
    """Writes a profile that uses a sign-in which is kept on this computer; `aws --profile NAME` and the like find it.

    Args:
        manager: The sign-in.
        name: The profile's.
        role_suffix: The end of the role's ARN; None: the one asked for last, else the first available one.
        region_name: The profile's region; None: the manager's.
        environ: Names the config file, if it is not the usual one.

    Returns:
        The config file.

    Raises:
        SettingError: The sign-in is not kept, the name cannot be one or is somebody else's profile, or the file is
            not in a shape that AWS's programs can read; the file is as it was.
        RoleError: The suffix means none, or several, of the roles (a PermissionError).
        UnavailableError: The file cannot be written, and is as it was (a ConnectionError).
    """
    check_name(name)
    if manager.shared_sign_in.path is None:
        raise SettingError(
            "This sign-in is in this kernel's memory alone, where no other program finds it.",
            "Keep it on this computer: %cognito_login --remember --fresh",
        )
    role_arn = manager.resolve_role(role_suffix)
    command = _credential_process_command(
        ["credential-process", str(manager.shared_sign_in.path), *([role_arn] if role_arn else [])]
    )
    profile = Profile(name, command, region_name or manager.region)
    path = config_file(environ)
    _edit_locked(path, lambda content: with_profile(content, profile))
    return path


def remove_profile(name: str, *, environ: Mapping[str, str] = os.environ) -> bool:
    """Takes a profile of ours away again; whatever else is in the file stays as it is.

    Args:
        name: The profile's.
        environ: Names the config file, if it is not the usual one.

    Returns:
        Whether there was one.

    Raises:
        SettingError: It is not ours, or the file is not in a shape that AWS's programs can read.
        UnavailableError: The file cannot be written, and is as it was (a ConnectionError).
    """
    check_name(name)
    return _edit_locked(config_file(environ), lambda content: without_profile(content, name))


def _credential_process_command(words: Sequence[str]) -> str:
    """This installation's command as one line, in which a shell finds the same words again."""
    script = Path(
        sysconfig.get_path("scripts"), "cognito-jupyter.exe" if sys.platform == "win32" else "cognito-jupyter"
    )
    start = [str(script)] if script.is_file() else [sys.executable, "-m", "cognito_jupyter.cli"]
    line = subprocess.list2cmdline([*start, *words]) if sys.platform == "win32" else shlex.join([*start, *words])
    if not line.isprintable():
        raise SettingError(
            "The path of this installation cannot stand in the AWS config file.", "Install it elsewhere."
        )
    return line


def _edit_locked(path: Path, change: Callable[[bytes], bytes]) -> bool:
    """Changes a file under a lock, in one step; returns whether there was anything to change."""
    from ...credentials.store import files

    # The file itself, where the path is a link to it: the link stays.
    target = Path(os.path.realpath(path))
    # The lock is ours, in our own folder: nobody else's folder is littered, and no program of AWS's knows a lock.
    locks = Path(files.state_directory())
    files.ensure_directory(locks)
    with files.InterProcessLock(locks / f"aws-config-{hashlib.sha256(os.fsencode(target)).hexdigest()}", _LOCK_TIMEOUT):
        try:
            before = target.read_bytes() if target.exists() else b""
            after = change(before)
            if after != before:
                _write_atomically(target, after)
        except OSError as error:
            if isinstance(error, UnavailableError):
                raise
            why = error.strerror or type(error).__name__
            raise UnavailableError(f"{path} cannot be changed: {why}.", "Make it writable for you.") from None
    return after != before


def _write_atomically(path: Path, content: bytes) -> None:
    """Puts a new file with the old one's mode in the place of the old one, in one step."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
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
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
