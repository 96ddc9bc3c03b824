"""The sign-in that stays on this computer, as whoever needs one finds it and keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import UnavailableError

if TYPE_CHECKING:
    from ..oauth.authenticator import CognitoOAuthAuthenticator
    from ..oauth.tokens import CognitoTokens
    from ..settings import Settings
    from .manager import CognitoCredentialsManager
    from .store.store import Store


def load_manager(settings: Settings, authenticator: CognitoOAuthAuthenticator) -> CognitoCredentialsManager | None:
    """The kept sign-in that these settings ask for; no call is made for it.

    Args:
        settings: Of the login that it may save the person.
        authenticator: Refreshes and revokes its tokens.

    Returns:
        None where there is none, or none that could be read: then the person signs in.
    """
    if _opted_out(settings):
        return None
    store = default_store(settings)
    if not store.path.exists():
        return None  # before boto3 is imported for nothing
    from .manager import CognitoCredentialsManager

    pools = settings.configuration
    manager = CognitoCredentialsManager(
        pools.identity_pool_id, pools.user_pool_id, pools.region, authenticator=authenticator
    )
    try:
        return manager if manager.restore_from_store(store) else None
    except UnavailableError:
        # Whoever wants to stay signed in is told when the new sign-in cannot be kept.
        return None


def store_for(settings: Settings, tokens: CognitoTokens) -> Store | None:
    """Where to keep the sign-in of a login that has just ended; None: in memory alone.

    Whoever stays signed in on this computer goes on doing so: a new sign-in takes the place of the kept one.
    """
    if _opted_out(settings):
        return None
    store = default_store(settings)
    return store if settings.remember or _is_same_user(store, tokens) else None


def remembered_domain(user_pool_id: str) -> str | None:
    """The domain of a user pool at which somebody stays signed in, which saves asking the pool for it."""
    from .store.format import endpoint_overrides
    from .store.store import list_store_keys

    domains = {
        key.domain.removeprefix("https://")
        for key in list_store_keys()
        if key.user_pool_id == user_pool_id and key.endpoints == endpoint_overrides()
    }
    return domains.pop() if len(domains) == 1 else None


def default_store(settings: Settings) -> Store:
    """Where the sign-in of these settings is kept, if it is."""
    from .store.format import StoreKey
    from .store.store import Store

    return Store(StoreKey.from_configuration(settings.configuration))


def _opted_out(settings: Settings) -> bool:
    """Whether somebody has said no, which is more than not having said yes."""
    return not settings.remember and "remember" in settings.sources


def _is_same_user(store: Store, tokens: CognitoTokens) -> bool:
    from .user_pool_tokens import claims_of, subject_of

    try:
        stored = store.read_sign_in() if store.path.exists() else None
    except UnavailableError:
        return False
    return stored is not None and subject_of(claims_of(stored.tokens["id_token"])) == subject_of(
        claims_of(tokens["id_token"])
    )
