"""The settings of a login: their names, their types and their defaults.

Light: it reads no file and no environment. `settings.resolve` finds the values, `settings.parsers` validates each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Literal, TypeAlias

from .._util.redaction import Secret

RoleSelection: TypeAlias = Literal["token", "identity_pool"]
"""Who chooses a role: this package, among the roles of the id token; or the identity pool, by its own rules."""


@dataclass(frozen=True)
class CognitoConfiguration:
    """What identifies a Cognito: an app client of a user pool, and the identity pool that trusts it.

    Attributes:
        domain: The user pool's domain, "your-app.auth.us-east-1.amazoncognito.com".
        client_id: The app client's id.
        redirect_uri: The registered callback URL; or several, separated by white space, of which the first whose port
            is free is used.
        region: The sessions' default region, "us-east-1". Each pool's own region is the one that its id names.
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
    """All settings of a login, validated.

    Attributes:
        configuration: What identifies the Cognito; its domain is never empty.
        scopes: The OAuth scopes to request, separated by spaces.
        client_secret: The app client's secret; None: the app client has none, or it is not known here.
        identity_provider: The user pool's identity provider that signs the user in; None: the sign-in page offers all.
        idp_identifier: An identifier of that provider, in place of its name.
        login_hint: The user name or e-mail address that the sign-in page shows already filled in.
        role_selection: "token": a role of the id token is requested from the identity pool; "identity_pool": none is
            requested, so that the identity pool's rules or its default role decide.
        logout_uri: Where Cognito's logout page sends the browser.
        session_region: The sessions' region, where it is not Cognito's.
        timeout: Seconds that a login may take.
        wait_for_sign_in: Seconds that work in other threads waits for a new sign-in after the current one has ended.
        refresh_token_days: How many days the app client's refresh tokens are valid, so that the panel can show how long
            a sign-in lasts; None: unknown, since no token tells.
        remember: Whether to stay signed in on this computer.
        remote_kernel: Whether the browser runs on another computer than the kernel; None: detected.
        allowed_domains: The only domains that may be used; empty: any.
        share: Whether a notebook shares each sign-in's role with everything else in it.
        locked: The settings that the system's file decides alone.
        profile: The selected profile; None: the default one.
        sources: Where each setting came from, for messages.
    """

    configuration: CognitoConfiguration
    scopes: str = "openid email"
    client_secret: Secret | None = None
    identity_provider: str | None = None
    idp_identifier: str | None = None
    login_hint: str | None = None
    role_selection: RoleSelection = "token"
    logout_uri: str | None = None
    session_region: str | None = None
    timeout: float = 300.0
    wait_for_sign_in: float = 0.0
    refresh_token_days: float | None = None
    remember: bool = False
    remote_kernel: bool | None = None
    allowed_domains: tuple[str, ...] = ()
    share: bool = False
    locked: frozenset[str] = frozenset()
    profile: str | None = None
    sources: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


SETTING_NAMES = tuple(
    each.name
    for each in (*fields(CognitoConfiguration), *fields(Settings))
    if each.name not in {"configuration", "locked", "profile", "sources"}
)
"""Every setting that a file, a trait or an argument may set."""
