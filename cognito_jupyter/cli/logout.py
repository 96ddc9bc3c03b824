"""`cognito-jupyter logout`: ends a sign-in that is stored on this computer, here and at Cognito."""

from __future__ import annotations

import argparse

from ..credentials.remembered import load_manager, remembered_settings
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
    selected = remembered_settings() if arguments.all else [_settings(setting_overrides(arguments))]
    managers = [manager for manager in map(load_manager, selected) if manager is not None]
    failure = None
    for manager in managers:
        try:
            manager.sign_out()
        except CognitoError as error:
            failure = error
    if failure is not None:
        raise failure
    if not managers:
        print("You are not signed in.")
    else:
        count = f" of {len(managers)} sign-ins" if len(managers) > 1 else ""
        print(
            f"Signed out{count}. AWS keys that were already handed out expire "
            "within an hour. The browser keeps its own Cognito session for up to an hour."
        )
    return 0


def _settings(overrides: dict[str, object]) -> Settings:
    """Resolves the settings; where there are none, those of the only sign-in that is stored on this computer."""
    try:
        return resolve_settings(overrides)
    except SettingError:
        stored = remembered_settings()
        if overrides or len(stored) != 1:
            raise
        return stored[0]
