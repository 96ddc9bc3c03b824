"""`cognito-jupyter logout`: the end of a kept sign-in, here and at Cognito."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..config import CognitoConfiguration, Settings
from ..credentials.kept import restored
from ..credentials.store import stored_keys
from ..errors import CognitoError, SettingError
from ..setting_values import pool_region
from .sign_in import authenticator_of, settings_of

if TYPE_CHECKING:
    import argparse

    from ..credentials.store_format import StoreKey


def logout(arguments: argparse.Namespace) -> int:
    """Ends the sign-in of the settings, or all of them.

    Returns:
        The exit code: 0, also where nobody was signed in.

    Raises:
        CognitoError: Cognito could not be told, or the file is still there.
    """
    from .arguments import overrides

    wanted = _all() if arguments.all else [_asked_for(overrides(arguments), arguments.profile)]
    ended, problem = 0, None
    for settings in wanted:
        manager = restored(settings, authenticator_of(settings))
        if manager is None:
            continue
        try:
            manager.sign_out()
        except CognitoError as error:
            problem = error
        ended += 1
    if problem is not None:
        raise problem
    print(_said(ended))
    return 0


def _said(ended: int) -> str:
    if not ended:
        return "You are not signed in."
    return (
        f"Signed out{f' of {ended} sign-ins' if ended > 1 else ''}. AWS keys already handed out end by themselves "
        "within an hour. The browser keeps its own Cognito session for up to an hour."
    )


def _asked_for(overrides: dict[str, object], profile: str | None) -> Settings:
    """The settings; without any, those of the only sign-in there is."""
    try:
        return settings_of(overrides, profile)
    except SettingError:
        kept = _all()
        if overrides or profile or len(kept) != 1:
            raise
        return kept[0]


def _all() -> list[Settings]:
    return [_settings(key) for key in stored_keys() if _here(key)]


def _here(key: StoreKey) -> bool:
    """Whether its services are those that this environment names: others cannot be told from here."""
    from ..credentials.store_format import endpoints_in

    return key.endpoints == endpoints_in(os.environ)


def _settings(key: StoreKey) -> Settings:
    region = pool_region(key.user_pool_id)
    return Settings(
        CognitoConfiguration(
            key.domain, key.client_id, "http://localhost:3000", region, key.user_pool_id, key.identity_pool_id
        ),
        remember=True,
    )
