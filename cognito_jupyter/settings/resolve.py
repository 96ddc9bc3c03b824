"""Finds and validates every setting of a login; `%cognito_login`, the panel and the terminal commands call it.

From strongest to weakest: arguments; `c.CognitoMagics.*`; the environment; a cognito.toml in the notebook's folder or
above it, in the user's config folder, in the system's. A named profile of any file comes before the top-level keys of
all files, so that selecting a profile has an effect. This module makes no request: the caller hands in what discovers a
domain.
"""

from __future__ import annotations

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
    environment: Mapping[str, str] | None = None,
    discover_domain: Callable[[str, str], str],
    confirm_trust: ConfirmTrust | None = None,
) -> Settings:
    """Finds each setting in the strongest place that has it, and validates it.

    Args:
        overrides: The arguments of a magic or a command, by setting name, and `profile`; None and "" count as missing.
        traits: The values of `c.CognitoMagics`, likewise.
        environment: For the variables COGNITO_*; None: this process's environment.
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
    user_pool_region = parsers.pool_region(user_pool_id)
    region = parsed("region", parsers.region, user_pool_region)
    _require_one_provider(layered)
    domain = parsed("domain", parsers.domain, "")
    if not domain:
        source = layered.sources["domain"] = f"the openid-configuration of {user_pool_id}"
        domain = parse_as("domain", source, parsers.domain, discover_domain(user_pool_id, user_pool_region))
    else:
        _check_domain_region(domain, layered.sources["domain"], user_pool_region, region)
    _require_allowed(domain, layered.sources["domain"], allowed)
    return Settings(
        CognitoConfiguration(domain, client_id, redirect_uri, region, user_pool_id, identity_pool_id),
        scopes=parsed("scopes", parsers.scopes, Settings.scopes),
        client_secret=parsed("client_secret", parsers.client_secret, None),
        identity_provider=parsed("identity_provider", parsers.identity_provider, None),
        idp_identifier=parsed("idp_identifier", parsers.idp_identifier, None),
        login_hint=parsed("login_hint", parsers.login_hint, None),
        role_selection=parsed("role_selection", parsers.role_selection, Settings.role_selection),
        logout_uri=parsed("logout_uri", parsers.logout_uri, None),
        session_region=parsed("session_region", parsers.region, None),
        timeout=parsed("timeout", parsers.timeout, Settings.timeout),
        wait_for_sign_in=parsed("wait_for_sign_in", parsers.wait_for_sign_in, Settings.wait_for_sign_in),
        refresh_token_days=parsed("refresh_token_days", parsers.refresh_token_days, None),
        remember=parsed("remember", parsers.boolean, Settings.remember),
        remote_kernel=parsed("remote_kernel", parsers.boolean, None),
        allowed_domains=allowed,
        share=parsed("share", parsers.boolean, Settings.share),
        locked=frozenset(layered.locked),
        profile=layered.profile,
        sources=MappingProxyType(layered.sources),
    )


def _require_one_provider(layered: LayeredSettings) -> None:
    """Refuses a provider's name together with an identifier: Cognito's documentation does not say which one counts."""
    if {"identity_provider", "idp_identifier"} <= layered.found.keys():
        places = " and ".join(
            f"{name} (from {layered.found[name][1]})" for name in ("identity_provider", "idp_identifier")
        )
        raise SettingError(f"{places} are both set.", "Set only one of them: both name the identity provider.")


def _check_domain_region(domain: str, source: str, user_pool_region: str, region: str) -> None:
    """Refuses one of Cognito's own domains that cannot be the user pool's.

    Args:
        domain: The domain.
        source: Where it came from, for the message.
        user_pool_region: The region in the user pool's id.
        region: The region that is set. A replica of the pool has the same id, and a domain in its own region.

    Raises:
        SettingError: The domain is in neither region.
    """
    domain_region = parsers.domain_region(domain)
    if domain_region not in {None, user_pool_region, region}:
        raise SettingError(
            f"domain, from {source}: {domain} is in {domain_region}, and the user pool is in {user_pool_region}.",
            "Check domain and user_pool_id; or remove domain, and it is found from the pool. For a replica of the "
            f"pool, set region to {domain_region}.",
        )


def _require_allowed(domain: str, source: str, allowed: tuple[str, ...]) -> None:
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
