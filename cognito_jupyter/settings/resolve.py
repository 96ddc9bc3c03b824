"""Finds and validates every setting of a login; `%cognito_login`, the panel and the terminal commands call it.

From strongest to weakest: arguments; `c.CognitoMagics.*`; the environment; a cognito.toml in the notebook's folder or
above it, in the user's config folder, in the system's. A named profile of any file comes before the top-level keys of
all files, so that selecting a profile has an effect. This module makes no request: the caller hands in what discovers a
domain.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from types import MappingProxyType

from ..errors import SettingError
from . import CognitoConfiguration, Settings, parsers
from .layers import LayeredSettings, parse_as
from .toml_file import Scope
from .trust import ConfirmTrust

DEFAULT_REDIRECT_URI = "http://localhost:3000"


def resolve(
    overrides: Mapping[str, object],
    *,
    traits: Mapping[str, object] = MappingProxyType({}),
    environment: Mapping[str, str] = os.environ,
    discover_domain: Callable[[str, str], str],
    confirm_trust: ConfirmTrust | None = None,
) -> Settings:
    """Finds each setting in the strongest place that has it, and validates it.

    Args:
        overrides: The arguments of a magic or a command, by setting name, and `profile`; None and "" count as missing.
        traits: The values of `c.CognitoMagics`, likewise.
        environment: For the variables COGNITO_*.
        discover_domain: Finds a user pool's domain from its id and region; called only where no domain is set.
        confirm_trust: Asks the user, once, whether to trust a file in the working folder; None: no user can be asked.

    Raises:
        SettingError: A setting is missing or malformed, or a file is not trusted; it says where the setting was looked
            for and what to do.
        CognitoError: From `discover_domain`.
    """
    layered = LayeredSettings.from_sources(overrides, traits, environment, confirm_trust)
    layered.require_settings("client_id", "user_pool_id", "identity_pool_id")
    allowed = _allowed_domains(layered)
    parsed = layered.get_parsed
    user_pool_id = parsed("user_pool_id", parsers.user_pool_id, "")
    identity_pool_id = parsed("identity_pool_id", parsers.identity_pool_id, "")
    client_id = parsed("client_id", parsers.client_id, "")
    redirect_uri = parsed("redirect_uri", parsers.redirect_uris, DEFAULT_REDIRECT_URI)
    region = _region(layered, user_pool_id, identity_pool_id)
    domain = parsed("domain", parsers.domain, "")
    if not domain:
        source = layered.sources["domain"] = f"the openid-configuration of {user_pool_id}"
        domain = parse_as("domain", source, parsers.domain, discover_domain(user_pool_id, region))
    _check_domain(domain, layered.sources["domain"], region, allowed)
    return Settings(
        CognitoConfiguration(domain, client_id, redirect_uri, region, user_pool_id, identity_pool_id),
        scopes=parsed("scopes", parsers.scopes, Settings.scopes),
        logout_uri=parsed("logout_uri", parsers.logout_uri, None),
        session_region=parsed("session_region", parsers.region, None),
        timeout=parsed("timeout", parsers.timeout, Settings.timeout),
        wait_for_sign_in=parsed("wait_for_sign_in", parsers.wait_for_sign_in, Settings.wait_for_sign_in),
        refresh_token_days=parsed("refresh_token_days", parsers.refresh_token_days, None),
        remember=parsed("remember", parsers.boolean, Settings.remember),
        remote_kernel=parsed("remote_kernel", parsers.boolean, None),
        allowed_domains=allowed,
        profile=layered.profile,
        sources=MappingProxyType(layered.sources),
    )


def _region(layered: LayeredSettings, user_pool_id: str, identity_pool_id: str) -> str:
    """Returns the region that the setting and both pool ids name."""
    regions = {
        "region": layered.get_parsed("region", parsers.region, ""),
        "user_pool_id": parsers.pool_region(user_pool_id),
        "identity_pool_id": parsers.pool_region(identity_pool_id),
    }
    regions = {name: each for name, each in regions.items() if each}
    if len(set(regions.values())) > 1:
        places = ", ".join(f"{name} (from {layered.sources[name]}) is in {each}" for name, each in regions.items())
        raise SettingError(
            f"The settings name more than one region: {places}.",
            "Copy the ids again from the Cognito console; both pools must be in one region.",
        )
    return regions["user_pool_id"]


def _check_domain(domain: str, source: str, region: str, allowed: tuple[str, ...]) -> None:
    domain_region = parsers.domain_region(domain)
    if domain_region is not None and domain_region != region:
        raise SettingError(
            f"domain, from {source}: {domain} is in {domain_region}, and the pools are in {region}.",
            "Check domain and user_pool_id; or remove domain, and it is found from the pool.",
        )
    if allowed and domain not in allowed:
        raise SettingError(
            f"domain, from {source}: {domain} is not one of the allowed domains: {', '.join(allowed)}.",
            "Use one of those, or ask your administrator.",
        )


def _allowed_domains(layered: LayeredSettings) -> tuple[str, ...]:
    """Returns the allowed domains; other places can narrow an administrator's list, and never widen it."""
    allowed = layered.get_parsed("allowed_domains", parsers.domains, Settings.allowed_domains)
    for file in layered.files:
        if file.scope is not Scope.SYSTEM:
            continue
        for table in (file.settings, file.profiles.get(layered.profile or "", {})):
            if "allowed_domains" in table:
                limit = parse_as("allowed_domains", str(file.path), parsers.domains, table["allowed_domains"])
                allowed = tuple(domain for domain in allowed if domain in limit)
                if not allowed:
                    raise SettingError(
                        f"allowed_domains leaves no domain: {file.path} allows only {', '.join(limit)}.",
                        "Ask your administrator.",
                    )
    return allowed
