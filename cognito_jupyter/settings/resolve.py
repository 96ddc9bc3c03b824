"""CognitoConfiguration, and where its settings come from; no network.

From strongest to weakest: arguments; `c.CognitoMagics.*`; the environment; a cognito.toml in the notebook's folder or
above it, in the user's config folder, in the system's. A named profile of any file comes before the top-level keys of
all files, so that asking for a profile gets that profile.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from ..errors import SettingError
from . import parsers as setting_values
from .layers import LayeredSettings, known_profiles, parse_as
from .toml_file import Scope
from .trust import ConfirmTrust

DEFAULT_REDIRECT_URI = "http://localhost:3000"


@dataclass(frozen=True)
class CognitoConfiguration:
    """What identifies a Cognito: an app client of a user pool, and the identity pool that trusts it.

    Attributes:
        domain: The user pool's domain, "your-app.auth.us-east-1.amazoncognito.com".
        client_id: The app client's id.
        redirect_uri: The registered callback URL; or several, separated by white space, of which the first whose port
            is free is used.
        region: The AWS region, "us-east-1".
        user_pool_id: "us-east-1_AbCdEf123".
        identity_pool_id: "us-east-1:01234567-89ab-cdef-0123-456789abcdef".
    """

    domain: str
    client_id: str
    redirect_uri: str
    region: str
    user_pool_id: str
    identity_pool_id: str


@dataclass(frozen=True)
class Settings:
    """All settings of a login, each in its one form.

    Attributes:
        configuration: What identifies the Cognito; its domain is never empty.
        scopes: What to ask for, separated by spaces.
        logout_uri: Where Cognito's logout page sends the browser.
        session_region: The sessions' region, where it is not Cognito's.
        timeout: Seconds that a login may take.
        wait_for_sign_in: Seconds that work in other threads waits for the person, when the sign-in has ended.
        refresh_token_days: How long the app client's refresh tokens live, so that the panel can say how long a sign-in
            lasts; None: not known, as no token says it.
        remember: Whether to stay signed in on this computer.
        remote_kernel: Whether the browser is on another computer than the kernel; None: signs of it decide.
        allowed_domains: The only domains that may be used; empty: any.
        profile: The profile that was asked for; None: the default one.
        sources: Where each setting came from, for messages.
    """

    configuration: CognitoConfiguration
    scopes: str = "openid email"
    logout_uri: str | None = None
    session_region: str | None = None
    timeout: float = 300.0
    wait_for_sign_in: float = 0.0
    refresh_token_days: float | None = None
    remember: bool = False
    remote_kernel: bool | None = None
    allowed_domains: tuple[str, ...] = ()
    profile: str | None = None
    sources: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def resolve(  # noqa: PLR0913 - each is a place to look, or a way to ask
    overrides: Mapping[str, object],
    *,
    traits: Mapping[str, object] = MappingProxyType({}),
    environment: Mapping[str, str] = os.environ,
    folder: Path | None = None,
    profile: str | None = None,
    discover_domain: Callable[[str, str], str],
    confirm_trust: ConfirmTrust | None = None,
) -> Settings:
    """Finds every setting where it is set most strongly, and checks it.

    Args:
        overrides: The arguments of a magic or a command, by setting name; None and "" count as not given.
        traits: What `c.CognitoMagics` was given, likewise.
        environment: For the variables COGNITO_*.
        folder: Where to start looking for cognito.toml; None: the working folder.
        profile: The profile asked for by an argument.
        discover_domain: Finds a user pool's domain from its id and region; called only where no domain is set.
        confirm_trust: Asks the person, once, about a file of the working folder; None: there is nobody to ask.

    Raises:
        SettingError: A setting is missing or malformed, or a file is not to be trusted; it says where it was looked
            for and what to do.
        CognitoError: What `discover` raises.
    """
    layered = LayeredSettings.from_sources((overrides, traits, environment), folder, profile, confirm_trust)
    layered.require_settings("client_id", "user_pool_id", "identity_pool_id")
    allowed = _allowed_domains(layered)
    return Settings(
        _configuration(layered, discover_domain, allowed),
        scopes=layered.get_parsed("scopes", setting_values.scopes, Settings.scopes),
        logout_uri=layered.get_parsed("logout_uri", setting_values.logout_uri, None),
        session_region=layered.get_parsed("session_region", setting_values.region, None),
        timeout=layered.get_parsed("timeout", setting_values.timeout, Settings.timeout),
        wait_for_sign_in=layered.get_parsed(
            "wait_for_sign_in", setting_values.wait_for_sign_in, Settings.wait_for_sign_in
        ),
        refresh_token_days=layered.get_parsed("refresh_token_days", setting_values.refresh_token_days, None),
        remember=layered.get_parsed("remember", setting_values.boolean, Settings.remember),
        remote_kernel=layered.get_parsed("remote_kernel", setting_values.boolean, None),
        allowed_domains=allowed,
        profile=layered.profile,
        sources=MappingProxyType(layered.sources),
    )


def _configuration(
    layered: LayeredSettings, discover_domain: Callable[[str, str], str], allowed: tuple[str, ...]
) -> CognitoConfiguration:
    user_pool_id = str(layered.get_parsed("user_pool_id", setting_values.user_pool_id, ""))
    identity_pool_id = str(layered.get_parsed("identity_pool_id", setting_values.identity_pool_id, ""))
    client_id = str(layered.get_parsed("client_id", setting_values.client_id, ""))
    redirect_uri = layered.get_parsed("redirect_uri", setting_values.redirect_uris, DEFAULT_REDIRECT_URI)
    region = _region(layered, user_pool_id, identity_pool_id)
    domain = layered.get_parsed("domain", setting_values.domain, None)
    if domain is None:
        found, source = discover_domain(user_pool_id, region), f"the openid-configuration of {user_pool_id}"
        domain = parse_as("domain", source, lambda: setting_values.domain(found))
        layered.sources["domain"] = source
    _check_domain(domain, layered.sources["domain"], region, allowed)
    return CognitoConfiguration(domain, client_id, redirect_uri, region, user_pool_id, identity_pool_id)


def _region(layered: LayeredSettings, user_pool_id: str, identity_pool_id: str) -> str:
    """The one region that everything names."""
    regions = {
        "user_pool_id": setting_values.pool_region(user_pool_id),
        "identity_pool_id": setting_values.pool_region(identity_pool_id),
    }
    region = layered.get_parsed("region", setting_values.region, None)
    if region is not None:
        regions = {"region": region, **regions}
    if len(set(regions.values())) > 1:
        places = ", ".join(f"{name} (from {layered.sources[name]}) is of {each}" for name, each in regions.items())
        raise SettingError(
            f"The settings name more than one region: {places}.",
            "Copy the ids again from the Cognito console; both pools must be of one region.",
        )
    return regions["user_pool_id"]


def _check_domain(domain: str, source: str, region: str, allowed: tuple[str, ...]) -> None:
    domain_region = setting_values.domain_region(domain)
    if domain_region is not None and domain_region != region:
        raise SettingError(
            f"domain, from {source}: {domain} is of {domain_region}, and the pools are of {region}.",
            "Check domain and user_pool_id; or leave domain out, and it is found from the pool.",
        )
    if allowed and domain not in allowed:
        raise SettingError(
            f"domain, from {source}: {domain} is not one of the domains that may be used: {', '.join(allowed)}.",
            "Use one of those, or ask your administrator.",
        )


def _allowed_domains(layered: LayeredSettings) -> tuple[str, ...]:
    """The domains that may be used; a list in a file of the administrator's can be narrowed and never widened."""
    allowed = layered.get_parsed("allowed_domains", setting_values.domains, ())
    for file in layered.files:
        if file.scope is not Scope.SYSTEM:
            continue
        for table in (file.settings, file.profiles.get(layered.profile or "", {})):
            if "allowed_domains" in table:
                raw = table["allowed_domains"]
                limit = parse_as("allowed_domains", str(file.path), lambda: setting_values.domains(raw))  # noqa: B023
                allowed = tuple(domain for domain in allowed if domain in limit)
                if not allowed:
                    raise SettingError(
                        f"allowed_domains leaves no domain: {file.path} allows {', '.join(limit)} alone.",
                        "Ask your administrator.",
                    )
    return allowed


def profiles(folder: Path | None = None) -> list[str]:
    """The names of the profiles in all files, for completion; a file that cannot be read has none."""
    return known_profiles(folder)
