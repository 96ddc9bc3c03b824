"""Finds and stores the sign-in that is remembered on this computer, for the settings of a login.

The notebook and the terminal call it before and after a login. It decides whether a sign-in may be read or stored, and
where; the manager reads and writes it. Nothing here calls Cognito or AWS, and boto3 is loaded only if a file exists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import UnavailableError

if TYPE_CHECKING:
    from ..oauth.authenticator import CognitoOAuthAuthenticator
    from ..oauth.tokens import CognitoTokens, Subject
    from ..settings import Settings
    from .manager import CognitoCredentialsManager
    from .store.store import Store


def load_manager(
    settings: Settings, authenticator: CognitoOAuthAuthenticator | None = None
) -> CognitoCredentialsManager | None:
    """Returns a manager with the remembered sign-in; None if there is none that can be read, so that the user logs in.

    Args:
        settings: Of the login that it may make unnecessary.
        authenticator: Refreshes and revokes the tokens; None: one with these settings.
    """
    if _opted_out(settings):
        return None
    store = default_store(settings)
    if not store.path.exists():
        return None  # before boto3 is imported for nothing
    from ..oauth.authenticator import CognitoOAuthAuthenticator
    from .manager import CognitoCredentialsManager

    authenticator = authenticator or CognitoOAuthAuthenticator.from_settings(settings)
    manager = CognitoCredentialsManager.from_settings(settings, authenticator)
    try:
        return manager if manager.restore_from_store(store) else None
    except UnavailableError:
        # A user who wants to stay signed in sees a warning when the new sign-in cannot be stored.
        return None


def store_for(settings: Settings, tokens: CognitoTokens) -> Store | None:
    """Returns where to store the sign-in of a login that has just finished; None: only in memory.

    A user who is remembered already stays so: the new sign-in replaces the stored one.

    Args:
        settings: Of the login.
        tokens: What the login returned.
    """
    from ..oauth.tokens import subject_of_token

    if _opted_out(settings):
        return None
    is_remembered = remembered_subject(settings) == subject_of_token(tokens["id_token"])
    return default_store(settings) if settings.remember or is_remembered else None


def remembered_subject(settings: Settings) -> Subject | None:
    """Returns the user who is remembered on this computer, and whom a new kernel signs in; None if there is none."""
    from ..oauth.tokens import subject_of_token

    store = default_store(settings)
    try:
        stored = store.read_sign_in() if not _opted_out(settings) and store.path.exists() else None
    except UnavailableError:
        return None
    return subject_of_token(stored.tokens["id_token"]) if stored is not None else None


def remembered_domain(user_pool_id: str) -> str | None:
    """Returns the domain of the sign-in that is remembered for a user pool, which saves a request; None: unknown."""
    found = [settings.configuration for settings in remembered_settings()]
    domains = {pools.domain.removeprefix("https://") for pools in found if pools.user_pool_id == user_pool_id}
    return domains.pop() if len(domains) == 1 else None


def remembered_settings() -> list[Settings]:
    """Returns the settings of every remembered sign-in whose endpoints are those of this environment."""
    from .store.store import endpoint_overrides, list_store_keys

    return [key.to_settings() for key in list_store_keys() if key.endpoints == endpoint_overrides()]


def default_store(settings: Settings) -> Store:
    """Returns where the sign-in of these settings is stored, if it is."""
    from .store.store import Store, StoreKey

    return Store(StoreKey.from_configuration(settings.configuration))


def _opted_out(settings: Settings) -> bool:
    """Returns whether the user set `remember` to false, which is more than not having set it."""
    return not settings.remember and "remember" in settings.sources
