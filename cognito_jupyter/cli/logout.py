"""`cognito-jupyter logout`: the end of a kept sign-in, here and at Cognito."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..credentials.remembered import load_manager, remembered_settings
from ..errors import CognitoError, SettingError
from ..settings import Settings
from .login import authenticator_of, resolve_settings

if TYPE_CHECKING:
    import argparse


def logout(arguments: argparse.Namespace) -> int:
    """Ends the sign-in of the settings, or all of them.

    Returns:
        The exit code: 0, also where nobody was signed in.

    Raises:
        CognitoError: Cognito could not be told, or the file is still there.
    """
    from .arguments import setting_overrides

    wanted = (
        remembered_settings()
        if arguments.all
        else [_selected_settings(setting_overrides(arguments), arguments.profile)]
    )
    ended, problem = 0, None
    for settings in wanted:
        manager = load_manager(settings, authenticator_of(settings))
        if manager is None:
            continue
        try:
            manager.sign_out()
        except CognitoError as error:
            problem = error
        ended += 1
    if problem is not None:
        raise problem
    print(_summary(ended))
    return 0


def _summary(ended: int) -> str:
    if not ended:
        return "You are not signed in."
    return (
        f"Signed out{f' of {ended} sign-ins' if ended > 1 else ''}. AWS keys already handed out end by themselves "
        "within an hour. The browser keeps its own Cognito session for up to an hour."
    )


def _selected_settings(overrides: dict[str, object], profile: str | None) -> Settings:
    """The settings; without any, those of the only sign-in there is."""
    try:
        return resolve_settings(overrides, profile)
    except SettingError:
        remembered = remembered_settings()
        if overrides or profile or len(remembered) != 1:
            raise
        return remembered[0]
