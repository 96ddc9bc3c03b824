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

from . import setting_values
from .agreement import Agree
from .errors import SettingError
from .settings_file import Place
from .settings_search import Search, checked, known_profiles

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
    discover: Callable[[str, str], str],
    agree: Agree | None = None,
) -> Settings:
    """Finds every setting where it is set most strongly, and checks it.

    Args:
        overrides: The arguments of a magic or a command, by setting name; None and "" count as not given.
        traits: What `c.CognitoMagics` was given, likewise.
        environment: For the variables COGNITO_*.
        folder: Where to start looking for cognito.toml; None: the working folder.
        profile: The profile asked for by an argument.
        discover: Finds a user pool's domain from its id and region; called only where no domain is set.
        agree: Asks the person, once, about a file of the working folder; None: there is nobody to ask.

    Raises:
        SettingError: A setting is missing or malformed, or a file is not to be trusted; it says where it was looked
            for and what to do.
        CognitoError: What `discover` raises.
    """
    search = Search.over((overrides, traits, environment), folder, profile, agree)
    search.require("client_id", "user_pool_id", "identity_pool_id")
    allowed = _allowed(search)
    return Settings(
        _configuration(search, discover, allowed),
        scopes=search.value("scopes", setting_values.scopes, Settings.scopes),
        logout_uri=search.value("logout_uri", setting_values.logout_uri, None),
        session_region=search.value("session_region", setting_values.region, None),
        timeout=search.value("timeout", setting_values.timeout, Settings.timeout),
        wait_for_sign_in=search.value("wait_for_sign_in", setting_values.wait_for_sign_in, Settings.wait_for_sign_in),
        refresh_token_days=search.value("refresh_token_days", setting_values.refresh_token_days, None),
        remember=search.value("remember", setting_values.yes_or_no, Settings.remember),
        remote_kernel=search.value("remote_kernel", setting_values.yes_or_no, None),
        allowed_domains=allowed,
        profile=search.profile,
        sources=MappingProxyType(search.sources),
    )


def _configuration(
    search: Search, discover: Callable[[str, str], str], allowed: tuple[str, ...]
) -> CognitoConfiguration:
    user_pool_id = str(search.value("user_pool_id", setting_values.user_pool_id, ""))
    identity_pool_id = str(search.value("identity_pool_id", setting_values.identity_pool_id, ""))
    client_id = str(search.value("client_id", setting_values.client_id, ""))
    redirect_uri = search.value("redirect_uri", setting_values.redirect_uris, DEFAULT_REDIRECT_URI)
    region = _region(search, user_pool_id, identity_pool_id)
    domain = search.value("domain", setting_values.domain, None)
    if domain is None:
        found, source = discover(user_pool_id, region), f"the openid-configuration of {user_pool_id}"
        domain = checked("domain", source, lambda: setting_values.domain(found))
        search.sources["domain"] = source
    _check_domain(domain, search.sources["domain"], region, allowed)
    return CognitoConfiguration(domain, client_id, redirect_uri, region, user_pool_id, identity_pool_id)


def _region(search: Search, user_pool_id: str, identity_pool_id: str) -> str:
    """The one region that everything names."""
    named = {
        "user_pool_id": setting_values.pool_region(user_pool_id),
        "identity_pool_id": setting_values.pool_region(identity_pool_id),
    }
    region = search.value("region", setting_values.region, None)
    if region is not None:
        named = {"region": region, **named}
    if len(set(named.values())) > 1:
        places = ", ".join(f"{name} (from {search.sources[name]}) is of {each}" for name, each in named.items())
        raise SettingError(
            f"The settings name more than one region: {places}.",
            "Copy the ids again from the Cognito console; both pools must be of one region.",
        )
    return named["user_pool_id"]


def _check_domain(domain: str, source: str, region: str, allowed: tuple[str, ...]) -> None:
    named = setting_values.domain_region(domain)
    if named is not None and named != region:
        raise SettingError(
            f"domain, from {source}: {domain} is of {named}, and the pools are of {region}.",
            "Check domain and user_pool_id; or leave domain out, and it is found from the pool.",
        )
    if allowed and domain not in allowed:
        raise SettingError(
            f"domain, from {source}: {domain} is not one of the domains that may be used: {', '.join(allowed)}.",
            "Use one of those, or ask your administrator.",
        )


def _allowed(search: Search) -> tuple[str, ...]:
    """The domains that may be used; a list in a file of the administrator's can be narrowed and never widened."""
    chosen = search.value("allowed_domains", setting_values.domains, ())
    for file in search.files:
        if file.place is not Place.SYSTEM:
            continue
        for table in (file.settings, file.profiles.get(search.profile or "", {})):
            if "allowed_domains" in table:
                raw = table["allowed_domains"]
                limit = checked("allowed_domains", str(file.path), lambda: setting_values.domains(raw))  # noqa: B023
                chosen = tuple(domain for domain in chosen if domain in limit)
                if not chosen:
                    raise SettingError(
                        f"allowed_domains leaves no domain: {file.path} allows {', '.join(limit)} alone.",
                        "Ask your administrator.",
                    )
    return chosen


def profiles(folder: Path | None = None) -> list[str]:
    """The names of the profiles in all files, for completion; a file that cannot be read has none."""
    return known_profiles(folder)
