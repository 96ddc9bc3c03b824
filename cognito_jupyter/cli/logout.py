"""`cognito-jupyter logout`: ends a sign-in that is stored on this computer, here and at Cognito."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..credentials.remembered import load_manager, remembered_settings
from ..errors import CognitoError, SettingError
from ..settings import Settings
from .login import resolve_settings

if TYPE_CHECKING:
    import argparse


def logout(arguments: argparse.Namespace) -> int:
    """Ends the sign-in of the settings, or all sign-ins.

    Returns:
        The exit code: 0, also if the user was not signed in.

    Raises:
        CognitoError: Cognito could not be reached, or the file could not be deleted.
    """
    from .arguments import setting_overrides

    selected = remembered_settings() if arguments.all else [_settings(setting_overrides(arguments), arguments.profile)]
    count, failure = 0, None
    for settings in selected:
        manager = load_manager(settings)
        if manager is None:
            continue
        try:
            manager.sign_out()
        except CognitoError as error:
            failure = error
        count += 1
    if failure is not None:
        raise failure
    if count == 0:
        print("You are not signed in.")
    else:
        print(
            f"Signed out{f' of {count} sign-ins' if count > 1 else ''}. AWS keys that were already handed out expire "
            "within an hour. The browser keeps its own Cognito session for up to an hour."
        )
    return 0


def _settings(overrides: dict[str, object], profile: str | None) -> Settings:
    """Resolves the settings; where there are none, those of the only sign-in that is stored on this computer."""
    try:
        return resolve_settings(overrides, profile)
    except SettingError:
        stored = remembered_settings()
        if overrides or profile or len(stored) != 1:
            raise
        return stored[0]
