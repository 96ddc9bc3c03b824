"""What a sign-in is for: its settings and its role.

The notebook's magics and the commands build these before a `LoginService` runs. Nothing here makes a login or shows
anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..settings import Settings, parsers


@dataclass(frozen=True)
class SignInRequest:
    """What one sign-in is for.

    Attributes:
        settings: The settings of the login.
        role_suffix: The end of the role's ARN, as the user gave it; None: no role was named.
        fresh: Whether to log in even if the user is signed in or remembered on this computer.
        switch_account: Whether Cognito is to ask who signs in, although the browser remembers a user; goes with
            `fresh`.
    """

    settings: Settings
    role_suffix: str | None = None
    fresh: bool = False
    switch_account: bool = False


def discover_domain(user_pool_id: str, region: str) -> str:
    """Finds a user pool's domain by a request to the user pool.

    Args:
        user_pool_id: The user pool.
        region: Its region.
    """
    from ..oauth import discovery

    return discovery.discover_domain(user_pool_id, region)


def domain_finder(*, fresh: bool, discover: Callable[[str, str], str] = discover_domain) -> Callable[[str, str], str]:
    """Returns what finds a user pool's domain from its id and region, where no setting names it.

    Args:
        fresh: Whether to ignore the remembered sign-ins, one of which may know the domain and save a request.
        discover: Finds it otherwise.
    """
    from ..credentials.remembered import remembered_domain

    def find_domain(user_pool_id: str, region: str) -> str:
        known = None if fresh else remembered_domain(user_pool_id)
        if known is None or parsers.domain_region(known) not in {
            None,
            region,
        }:  # a replica's domain is used if it is set
            return discover(user_pool_id, region)
        return known

    return find_domain
