"""`cognito-jupyter logout`: ends a sign-in that is stored on this computer, here and at Cognito."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from ..credentials.remembered import (
    delete_unusable_files,
    discard_unusable,
    load_manager,
    remembered_settings,
    remembered_subject,
)
from ..errors import CognitoError, SettingError
from ..settings import Settings
from .arguments import setting_overrides
from .login import resolve_settings


def logout(arguments: argparse.Namespace) -> int:
    """Ends the sign-in of the settings, or all sign-ins.

    Returns:
        The exit code: 0, also if the user was not signed in.

    Raises:
        CognitoError: Cognito could not be reached, or the file could not be deleted.
    """
    selected = remembered_settings(with_set_aside=True) if arguments.all else [_settings(setting_overrides(arguments))]
    count, discarded, failure = 0, list[Path](), None
    for settings in selected:
        try:
            manager = load_manager(settings)
            # What was set aside, too: also of an earlier sign-in with these settings.
            discarded += discard_unusable(settings)
            if manager is not None:
                count += 1
                manager.sign_out()
        except CognitoError as error:
            failure = error
    if arguments.all:
        discarded += delete_unusable_files()
    if discarded:
        names = ", ".join(path.name for path in discarded)
        print(f"Deleted from {discarded[0].parent}, because no sign-in could be read in it: {names}.")
    if failure is not None:
        raise failure
    if count:
        number = f" of {count} sign-ins" if count > 1 else ""
        print(
            f"Signed out{number}. AWS keys that were already handed out expire "
            "within an hour. The browser keeps its own Cognito session for up to an hour."
        )
    elif not discarded:
        print("You are not signed in.")
    return 0


def _settings(overrides: dict[str, object]) -> Settings:
    """Resolves the settings; where there are none, those of the only sign-in that is stored on this computer."""
    try:
        # Also what is stored from before `remember` was set to false.
        return replace(resolve_settings(overrides), remember=True)
    except SettingError:
        usable = [settings for settings in remembered_settings() if remembered_subject(settings) is not None]
        # The only one may be damaged.
        found = usable or remembered_settings(with_set_aside=True)
        if overrides or len(found) != 1:
            raise
        return found[0]
