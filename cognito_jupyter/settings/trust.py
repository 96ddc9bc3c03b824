"""Trust in a settings file of the working folder, as in VS Code's workspace trust or `direnv allow`.

Such a file comes with whatever the user downloaded or cloned, and it chooses where the user types the password. So
`settings.layers` uses it only after the user has confirmed its content once. A record of that, named by the content's
hash, lies in the user's state folder. This module never uses a file that other users could have written.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from .._printable import printable
from .._util.folders.private import has_home, make_private_folder, user_folder
from ..errors import SettingError
from .parsers import quote_for_message
from .toml_file import SettingsFile, require_owned_by_user, user_path

ConfirmTrust = Callable[[str], bool]
"""Shows a text to the user, asks for a yes or a no, and returns whether it was a yes."""

_SHOWN_FIRST = ("domain", "user_pool_id")
"""The settings that decide where the password is typed."""
_HOSTS_AND_IDS = frozenset(
    {*_SHOWN_FIRST, "allowed_domains", "client_id", "identity_pool_id", "logout_uri", "redirect_uri"}
)
"""Settings in ASCII: another letter in them looks like one of theirs, and is shown by its escape sequence."""
_MAX_LINES = 60
_MAX_LINE = 400
"""Characters: a domain has 253 at most."""


def require_trust(file: SettingsFile, confirm_trust: ConfirmTrust | None) -> None:
    """Returns if the user trusts this content, now or since an earlier confirmation.

    Args:
        file: The file that is about to be used.
        confirm_trust: Asks the user; None where no user can be asked.

    Raises:
        SettingError: The user does not trust it; or it belongs to another user or other users can write it, and the
            user is not even asked.
    """
    for status in file.stat_results:
        require_owned_by_user(file.path, status)
    records = user_folder("state") / "agreed"
    record = records / hashlib.sha256(file.content).hexdigest()
    if has_home(records) and _is_valid_record(record):
        return
    alternative = (
        f"or put the settings into {user_path()} or into the environment (COGNITO_DOMAIN, COGNITO_CLIENT_ID, ...)"
    )
    if confirm_trust is None:
        raise SettingError(
            f"{file.path} chooses where you type your password, and you have not confirmed that you trust it.",
            f"Run %cognito_login once in a notebook in that folder, {alternative}.",
        )
    question = trust_prompt(file)
    if question.count("\n") > _MAX_LINES or max(map(len, question.split("\n"))) > _MAX_LINE:
        raise SettingError(
            f"{file.path} holds more than you could be asked about, so it is not used.",
            f"Keep only what a sign-in needs in it, {alternative}.",
        )
    if not confirm_trust(question):
        raise SettingError(
            f"{file.path} is not used, because you did not confirm that you trust it.",
            f"Sign in again to be asked again, {alternative}.",
        )
    if not has_home(records):
        return
    try:
        make_private_folder(records)
        os.close(os.open(record, os.O_WRONLY | os.O_CREAT, 0o600))
    except OSError:
        # A home that cannot be written: the confirmation counts for this login, and the user is asked again next time.
        return


def trust_prompt(file: SettingsFile) -> str:
    """Returns the text to confirm: the file's path and every setting in it, each in one line that it cannot leave."""
    lines = [f"{printable(str(file.path))} chooses where you sign in. It says:", *_format_settings(file.settings)]
    for name, settings in file.profiles.items():
        lines += [f"  for the profile {printable(quote_for_message(name))}:", *_format_settings(settings)]
    return "\n".join([*lines, "Say yes only if you trust its author."])


def _format_settings(settings: Mapping[str, object]) -> list[str]:
    names = sorted(settings, key=lambda name: (name not in _SHOWN_FIRST, name))
    return [f"    {name} = {_format_value(settings[name], name in _HOSTS_AND_IDS)}" for name in names]


def _format_value(value: object, as_ascii: bool) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_format_value(each, as_ascii) for each in value)}]"
    if not isinstance(value, str):
        return printable(repr(value)[:80])
    # Text is never shortened: the start of a domain may look like another domain.
    return printable(ascii(value) if as_ascii else repr(value))


def _is_valid_record(record: Path) -> bool:
    """Whether there is a record, and only this user could have written it: file and folder are the user's alone."""
    try:
        folder_status, status = record.parent.lstat(), record.lstat()
    except OSError:
        return False
    # Neither a folder nor a link, which anything else may have made, is a record.
    if not (stat.S_ISDIR(folder_status.st_mode) and stat.S_ISREG(status.st_mode)):
        return False
    return sys.platform == "win32" or (
        {folder_status.st_uid, status.st_uid} == {os.geteuid()}
        # Whoever may write into the folder could link another private file of the user to this name.
        and not folder_status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        and not status.st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    )
