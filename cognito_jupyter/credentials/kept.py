"""The sign-in that stays on this computer, as whoever needs one finds it and keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import UnavailableError

if TYPE_CHECKING:
    from ..config import Settings
    from ..oauth.authenticator import CognitoOAuthAuthenticator
    from ..oauth.tokens import CognitoTokens
    from .manager import CognitoCredentialsManager
    from .store import Store


def restored(settings: Settings, authenticator: CognitoOAuthAuthenticator) -> CognitoCredentialsManager | None:
    """The kept sign-in that these settings ask for; no call is made for it.

    Args:
        settings: Of the login that it may save the person.
        authenticator: Refreshes and revokes its tokens.

    Returns:
        None where there is none, or none that could be read: then the person signs in.
    """
    if _unwanted(settings):
        return None
    store = usual_store(settings)
    if not store.path.exists():
        return None  # before boto3 is imported for nothing
    from .manager import CognitoCredentialsManager

    pools = settings.configuration
    manager = CognitoCredentialsManager(
        pools.identity_pool_id, pools.user_pool_id, pools.region, authenticator=authenticator
    )
    try:
        return manager if manager.restore(store) else None
    except UnavailableError:
        # Whoever wants to stay signed in is told when the new sign-in cannot be kept.
        return None


def store_for(settings: Settings, tokens: CognitoTokens) -> Store | None:
    """Where to keep the sign-in of a login that has just ended; None: in memory alone.

    Whoever stays signed in on this computer goes on doing so: a new sign-in takes the place of the kept one.
    """
    if _unwanted(settings):
        return None
    store = usual_store(settings)
    return store if settings.remember or _holds(store, tokens) else None


def kept_domain(user_pool_id: str) -> str | None:
    """The domain of a user pool at which somebody stays signed in, which saves asking the pool for it."""
    from .store import stored_keys
    from .store_format import endpoints_in

    domains = {
        key.domain.removeprefix("https://")
        for key in stored_keys()
        if key.user_pool_id == user_pool_id and key.endpoints == endpoints_in()
    }
    return domains.pop() if len(domains) == 1 else None


def usual_store(settings: Settings) -> Store:
    """Where the sign-in of these settings is kept, if it is."""
    from .store import Store
    from .store_format import StoreKey

    return Store(StoreKey.of(settings.configuration))


def _unwanted(settings: Settings) -> bool:
    """Whether somebody has said no, which is more than not having said yes."""
    return not settings.remember and "remember" in settings.sources


def _holds(store: Store, tokens: CognitoTokens) -> bool:
    from .user_pool import claims_of, subject_of

    try:
        stored = store.read() if store.path.exists() else None
    except UnavailableError:
        return False
    return stored is not None and subject_of(claims_of(stored.tokens["id_token"])) == subject_of(
        claims_of(tokens["id_token"])
    )
