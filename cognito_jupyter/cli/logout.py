"""`cognito-jupyter logout`: the end of a kept sign-in, here and at Cognito."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..credentials.remembered import load_manager
from ..credentials.store.store import list_store_keys
from ..errors import CognitoError, SettingError
from ..settings import CognitoConfiguration, Settings
from ..settings.parsers import pool_region
from .login import authenticator_of, resolve_settings

if TYPE_CHECKING:
    import argparse

    from ..credentials.store.store import StoreKey


def logout(arguments: argparse.Namespace) -> int:
    """Ends the sign-in of the settings, or all of them.

    Returns:
        The exit code: 0, also where nobody was signed in.

    Raises:
        CognitoError: Cognito could not be told, or the file is still there.
    """
    from .arguments import setting_overrides

    wanted = _all_settings() if arguments.all else [_selected_settings(setting_overrides(arguments), arguments.profile)]
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
        remembered = _all_settings()
        if overrides or profile or len(remembered) != 1:
            raise
        return remembered[0]


def _all_settings() -> list[Settings]:
    return [_settings_from_key(key) for key in list_store_keys() if _has_these_endpoints(key)]


def _has_these_endpoints(key: StoreKey) -> bool:
    """Whether its services are those that this environment names: others cannot be told from here."""
    from ..credentials.store.store import endpoint_overrides

    return key.endpoints == endpoint_overrides(os.environ)


def _settings_from_key(key: StoreKey) -> Settings:
    region = pool_region(key.user_pool_id)
    return Settings(
        CognitoConfiguration(
            key.domain, key.client_id, "http://localhost:3000", region, key.user_pool_id, key.identity_pool_id
        ),
        remember=True,
    )
