"""What the server holds: groups, users, app clients, issued keys, and the knobs that a test turns while it runs."""

from __future__ import annotations

import copy
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from .aws_responses import AWS_RESPONSES

REGION = "us-east-1"
ACCOUNT = "123456789012"
ALL_AUTH_FLOWS = ("ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_PASSWORD_AUTH")
"""The flows of InitiateAuth and AdminInitiateAuth that there are here."""
DEFAULT_AUTH_FLOWS = ("ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH", "ALLOW_CUSTOM_AUTH")
"""What AWS allows an app client that is made without ExplicitAuthFlows."""

IssuerType = Literal["ORIGINAL", "UPDATED", "LOCAL"]
LoginsKeys = Literal["issuer", "original", "updated", "both"]
UserStatus = Literal["CONFIRMED", "FORCE_CHANGE_PASSWORD", "EXTERNAL_PROVIDER"]
FaultKind = Literal["status", "label", "drop", "reset", "stall", "drip", "truncate"]


@dataclass(frozen=True)
class Group:
    """A user pool group.

    Attributes:
        name: The group's name.
        role_arn: The role that its members may use.
        precedence: The lowest wins; None loses to every number.
        description: What the group is for.
        created: When it was made, in seconds since the epoch.
    """

    name: str
    role_arn: str | None = None
    precedence: int | None = None
    description: str | None = None
    created: float = field(default_factory=time.time, compare=False)


@dataclass(frozen=True)
class IdentityProvider:
    """An external identity provider, such as an organisation's.

    Attributes:
        name: The provider's name in the user pool.
        provider_type: "SAML", "OIDC", or a social provider's name.
        identifiers: Its identifiers, such as the domains of e-mail addresses.
    """

    name: str
    provider_type: str = "SAML"
    identifiers: tuple[str, ...] = ()


@dataclass(frozen=True, repr=False)
class User:
    """A user of the pool.

    Attributes:
        username: The name in the user pool; for a user of an external provider, "PROVIDER_" before the name there.
        password: The password that the user types.
        email: The address in the id token; empty if there is none.
        groups: The names of the user's groups.
        sub: The user's id in every token.
        phone_number: The phone number; None if there is none.
        attributes: Further attributes, such as `name`.
        provider: Where the user signs in; None: at the user pool itself.
        enabled: Whether the user may sign in.
        must_change_password: Whether the password is a temporary one (FORCE_CHANGE_PASSWORD), in place of which the
            login page wants a new one.
        totp_secret: The secret, in base32, of the user's authenticator app, whose code the login page wants too; None:
            the user has none.
        email_verified: Whether the address is verified; None: unless an external provider says it.
        phone_number_verified: The same for the phone number.
        created: When the user was added, in seconds since the epoch.
        modified: When the user was changed last.
    """

    username: str
    password: str
    email: str
    groups: tuple[str, ...] = ()
    sub: str = field(default_factory=lambda: str(uuid.uuid4()))
    phone_number: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    provider: IdentityProvider | None = None
    enabled: bool = True
    must_change_password: bool = False
    totp_secret: str | None = None
    email_verified: bool | None = None
    phone_number_verified: bool | None = None
    created: float = field(default_factory=time.time, compare=False)
    modified: float = field(default_factory=time.time, compare=False)

    @property
    def status(self) -> UserStatus:
        """The user's status in the API of the user pool."""
        if self.provider is not None:
            return "EXTERNAL_PROVIDER"
        return "FORCE_CHANGE_PASSWORD" if self.must_change_password else "CONFIRMED"

    @property
    def login_name(self) -> str:
        """The name that the user types: at an external provider, without the provider's name."""
        return self.username if self.provider is None else self.username.removeprefix(f"{self.provider.name}_")


@dataclass(frozen=True, repr=False)
class AppClient:
    """An app client.

    Attributes:
        client_id: The client's id.
        redirect_uris: The registered redirect URIs, which are compared character by character.
        logout_uris: The registered sign-out URLs.
        scopes: The scopes that it may request.
        secret: The client secret; None for a public client.
        code_grant: Whether it may use the authorization code grant.
        revocation: Whether its tokens can be revoked.
        name: Its name.
        auth_flows: What InitiateAuth and AdminInitiateAuth allow it (ExplicitAuthFlows).
        hides_unknown_users: Whether a sign-in by the API reports an unknown name as it does a wrong password
            (PreventUserExistenceErrors).
        further: Further attributes by their name in the API, which have no effect here.
        created: When it was made, in seconds since the epoch.
        modified: When it was changed last.
    """

    client_id: str
    redirect_uris: tuple[str, ...]
    logout_uris: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ("openid", "email", "phone", "profile")
    secret: str | None = None
    code_grant: bool = True
    revocation: bool = True
    name: str = "local"
    auth_flows: tuple[str, ...] = ALL_AUTH_FLOWS
    hides_unknown_users: bool = True
    further: Mapping[str, Any] = field(default_factory=dict)
    created: float = field(default_factory=time.time, compare=False)
    modified: float = field(default_factory=time.time, compare=False)


@dataclass
class Fault:
    """A failure at an endpoint.

    Attributes:
        kind: "status" responds with `status`, `body` and `headers`; "label" gives the real response another
            `content_type`; "drop" closes the connection without a response, "reset" by a TCP reset; "stall" delays the
            response by `seconds`, and drops the request if the client closes the connection before; "drip" sends the
            real response byte by byte, `seconds` apart; "truncate" drops the connection in the middle of the body.
        status: The HTTP status of a "status" fault.
        body: The body of a "status" fault.
        content_type: The Content-Type of a "status" or a "label" fault.
        headers: Further headers of a "status" fault.
        seconds: The delay of a "stall" or a "drip".
        midway: Whether a drop, a reset or a stall comes in the middle of the real response's body. If not, the request
            has had no effect yet.
        times: How often the fault occurs; None: until it is removed.
    """

    kind: FaultKind = "status"
    status: int = 500
    body: str = ""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 5.0
    midway: bool = False
    times: int | None = 1


@dataclass
class Knobs:
    """Settings that can be changed while the server runs; all times are in seconds.

    Attributes:
        id_token_seconds: The lifetime of an id token.
        access_token_seconds: The lifetime of an access token.
        refresh_token_seconds: The lifetime of a refresh token and of those that replace it.
        code_seconds: The lifetime of an authorization code.
        cookie_seconds: The lifetime of the login cookie.
        credentials_seconds: The lifetime of AWS credentials.
        rotation: Whether a refresh returns a new refresh token.
        grace: How long a refresh token remains valid after it was rotated.
        logins_keys: The key of the user pool in `Logins` that the identity pool accepts: that of the token's "issuer",
            always the "original" one, always the "updated" one, or "both". Which one AWS wants for a pool with the
            UPDATED issuer is not known.
        unreadable_attributes: Attributes that no app client may read. A code whose scopes need one is refused.
        rotation_moves_auth_time: Whether a refresh with rotation sets `auth_time` anew, a fault that Cognito has.
        clock_offset: The server's clock minus this machine's.
        issuer_type: The form of the issuer: "ORIGINAL" names the Region that issues a token, "UPDATED" the pool's own.
            "LOCAL" is a URL of this server, which AWS does not have: all URLs can be followed on this machine then.
        has_domain: Whether the documents of the user pool name a domain.
        issuing_region: The Region whose replica of the pool issues tokens; None for the pool's own.
        acr: The authentication context class in the tokens; None: there is none.
        amr: The authentication methods in the tokens; empty: there are none.
        preferred_role: Whether the id token names a preferred role.
        guests: Whether the identity pool gives an identity to a request without `Logins`.
        login_style: Whether the app client has a style, without which managed login shows no login page.
        login_error: What the redirect URI gets in place of a code after a sign-in: `server_error` with this
            description, and without the state, as AWS documents it; empty: a code.
        username_is_sub: Whether the tokens name each user by `sub`, as in pools that users sign in to by e-mail
            address or phone number.
        latency: Delays by endpoint name, as in the call counts; "*" for every other endpoint.
        quotas: Requests per second by endpoint name, such as `quotas.AWS_QUOTAS`; requests beyond it are throttled.
        throttled_like: The response to a throttled request, by its name in `aws_responses.AWS_RESPONSES`. What the
            token endpoint of AWS sends is not known.
        faults: Faults by endpoint name; "*" for every other endpoint.
    """

    id_token_seconds: float = 3600
    access_token_seconds: float = 3600
    refresh_token_seconds: float = 30 * 86_400
    code_seconds: float = 300
    cookie_seconds: float = 3600
    credentials_seconds: float = 3600
    rotation: bool = False
    grace: float = 0
    logins_keys: LoginsKeys = "issuer"
    unreadable_attributes: tuple[str, ...] = ()
    rotation_moves_auth_time: bool = False
    clock_offset: float = 0
    issuer_type: IssuerType = "ORIGINAL"
    has_domain: bool = True
    issuing_region: str | None = None
    acr: str | None = None
    amr: tuple[str, ...] = ()
    preferred_role: bool = True
    guests: bool = False
    login_style: bool = True
    login_error: str = ""
    username_is_sub: bool = False
    latency: dict[str, float] = field(default_factory=dict)
    quotas: dict[str, float] = field(default_factory=dict)
    throttled_like: str = "throttled"
    faults: dict[str, list[Fault]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._initial = self.values()

    def values(self) -> dict[str, Any]:
        """Returns a copy of every knob by its name."""
        return copy.deepcopy({each.name: getattr(self, each.name) for each in fields(self)})

    def reset(self) -> None:
        """Sets every knob to the value with which this object was made, and removes faults that were added since."""
        with self._lock:
            for name, value in copy.deepcopy(self._initial).items():
                setattr(self, name, value)

    def now(self) -> float:
        """Returns the time of the server's clock, in seconds since the epoch."""
        return time.time() + self.clock_offset

    def next_fault(self, endpoint: str) -> Fault | None:
        """Returns the next fault of an endpoint and counts it down; None if there is none."""
        with self._lock:
            pending = self.faults.get(endpoint) or self.faults.get("*") or []
            if not pending:
                return None
            fault = pending[0]
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    pending.pop(0)
            return fault

    def latency_of(self, endpoint: str) -> float:
        """Returns the delay of an endpoint."""
        return self.latency.get(endpoint, self.latency.get("*", 0.0))

    def fail(self, endpoint: str, like: str | None = None, **fields: Any) -> Fault:
        """Adds a fault to an endpoint.

        Args:
            endpoint: The endpoint's name, as in the call counts.
            like: A response of AWS by its name in `aws_responses.AWS_RESPONSES`, such as "throttled".
            **fields: The fields of `Fault`; they replace those of the response.

        Raises:
            ValueError: No response has this name.
        """
        if like is not None and like not in AWS_RESPONSES:
            raise ValueError(f"There is no response {like}; there are {', '.join(AWS_RESPONSES)}.")
        fault = Fault(**(dict(AWS_RESPONSES[like]) if like is not None else {}) | fields)
        with self._lock:
            self.faults.setdefault(endpoint, []).append(fault)
        return fault


@dataclass(frozen=True, repr=False)
class IssuedKey:
    """AWS credentials that the identity pool has issued, with their role and expiry, which moto does not know.

    Attributes:
        access_key_id: The access key.
        secret_key: The secret key.
        session_token: The session token.
        role_arn: The role that they are for.
        expires: When they expire, in seconds since the epoch by the server's clock.
    """

    access_key_id: str
    secret_key: str
    session_token: str
    role_arn: str
    expires: float
