"""What a person has agreed to: the content of a settings file that was found in the working folder.

Such a file comes with whatever was downloaded or cloned, and it chooses where a password is typed.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from ..errors import SettingError
from .parsers import quote_for_message
from .toml_file import APP_NAME, SettingsFile, require_owned_by_user, user_path

ConfirmTrust = Callable[[str], bool]
"""Shows a text and asks the person for a yes or a no."""

_SHOWN_FIRST = ("domain", "user_pool_id")  # what decides where the password goes is read first


def require_trust(file: SettingsFile, confirm_trust: ConfirmTrust | None) -> None:
    """Returns when the person has agreed to this content, now or earlier.

    Args:
        file: What is to be used.
        confirm_trust: Asks the person; None where there is nobody to ask.

    Raises:
        SettingError: Nobody has agreed; or it belongs to somebody else, or others may write to it, and nobody is asked.
    """
    for status in file.stat_results:
        require_owned_by_user(file.path, status)
    record = _trust_records() / hashlib.sha256(file.content).hexdigest()
    if _is_valid_record(record):
        return
    alternative = (
        f"or put the settings into {user_path()} or into the environment (COGNITO_DOMAIN, COGNITO_CLIENT_ID, ...)"
    )
    if confirm_trust is None:
        raise SettingError(
            f"{file.path} chooses where your password is typed, and nobody has agreed to it yet.",
            f"Run %cognito_login once in a notebook there, {alternative}.",
        )
    if not confirm_trust(trust_prompt(file)):
        raise SettingError(
            f"{file.path} is not used, because you did not agree to it.",
            f"Sign in again to be asked again, {alternative}.",
        )
    _record_trust(record)


def trust_prompt(file: SettingsFile) -> str:
    """What the person is asked: the file and everything in it."""
    lines = [f"{file.path} chooses where you sign in. It says:"]
    lines += _format_settings(file.settings)
    for name, settings in file.profiles.items():
        lines += [f"  for the profile {quote_for_message(name)}:", *_format_settings(settings)]
    return "\n".join([*lines, "Agree only if you trust who wrote it."])


def _format_settings(settings: Mapping[str, object]) -> list[str]:
    names = sorted(settings, key=lambda name: (name not in _SHOWN_FIRST, name))
    return [f"    {name} = {_format_value(settings[name])}" for name in names]


def _format_value(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_format_value, value))}]"
    # All of a text: a domain cut short could look like another one.
    return repr(value) if isinstance(value, str) else repr(value)[:80]


def _trust_records() -> Path:
    import platformdirs  # late: only a login by a file of the working folder comes here

    return platformdirs.user_state_path(APP_NAME, appauthor=False) / "agreed"


def _is_valid_record(record: Path) -> bool:
    """Whether a note is there that this user wrote and nobody else could have."""
    try:
        status = record.lstat()
    except OSError:
        return False
    return sys.platform == "win32" or (status.st_uid == os.getuid() and not status.st_mode & 0o077)


def _record_trust(record: Path) -> None:
    try:
        record.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(record, os.O_WRONLY | os.O_CREAT, 0o600))
    except OSError:
        # A home that cannot be written: the person has agreed all the same, and is asked again next time.
        return
