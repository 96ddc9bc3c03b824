"""Finds and stores the sign-in that is remembered on this computer, for the settings of a login.

The notebook and the terminal call it before and after a login. It decides whether a sign-in may be read or stored, and
where; the manager reads and writes it. Nothing here calls Cognito or AWS, and boto3 is loaded only if a file exists.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .._util.importing import import_large
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
    import_large("cognito_jupyter.credentials.manager")
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


def remembered_settings(*, with_set_aside: bool = False) -> list[Settings]:
    """Returns the settings of every remembered sign-in whose endpoints are those of this environment.

    Args:
        with_set_aside: Whether to include those of which there is only a file that was set aside.
    """
    from .store.sign_in import endpoint_overrides
    from .store.store import list_store_keys

    keys = list_store_keys(with_set_aside=with_set_aside)
    return [key.to_settings() for key in keys if key.endpoints == endpoint_overrides()]


def discard_unusable(settings: Settings) -> list[Path]:
    """Deletes the files of a sign-in that cannot be used, and revokes the refresh tokens that can be read in them.

    Args:
        settings: Of the sign-in.

    Returns:
        The deleted files.

    Raises:
        UnavailableError: A file could not be deleted, or Cognito could not be reached (a ConnectionError).
    """
    store = default_store(settings)
    unusable = store.unusable_files()
    if not unusable:
        return []
    from ..oauth.authenticator import CognitoOAuthAuthenticator

    CognitoOAuthAuthenticator.from_settings(settings).revoke_all(None, store.delete(lambda _: False))
    return unusable


def delete_unusable_files() -> list[Path]:
    """Deletes every stored file that holds no sign-in that can be used, and returns these files.

    Raises:
        UnavailableError: The folder cannot be trusted, or a file could not be deleted (a ConnectionError).
    """
    from .store import files
    from .store.sign_in import endpoint_overrides
    from .store.store import key_of_file, list_unusable_files

    found = []
    for path in list_unusable_files():
        key = key_of_file(path)
        # A file that says that it belongs to other endpoints is left to a logout there, which can revoke its token.
        if key is None or key.endpoints == endpoint_overrides():
            found.append(path)
    files.delete_files(found)
    return found


def default_store(settings: Settings) -> Store:
    """Returns where the sign-in of these settings is stored, if it is."""
    from .store.sign_in import StoreKey
    from .store.store import Store

    return Store(StoreKey.from_configuration(settings.configuration))


def _opted_out(settings: Settings) -> bool:
    """Returns whether the user set `remember` to false, which is more than not having set it."""
    return not settings.remember and "remember" in settings.sources
