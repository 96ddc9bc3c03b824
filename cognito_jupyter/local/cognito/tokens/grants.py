"""What a login at the login page leads to: a session, and the grants that codes and refresh tokens are good for."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field


@dataclass(frozen=True, repr=False)
class Session:
    """A login at the login page.

    Attributes:
        username: The user's name.
        auth_time: When the user logged in, in seconds since the epoch.
        provider: The name of the external provider where the user logged in; None: at the user pool itself.
    """

    username: str
    auth_time: int
    provider: str | None = None


@dataclass(frozen=True, repr=False)
class Grant:
    """What an authorization code or a refresh token is good for.

    Attributes:
        session: The login that it comes from.
        client_id: The app client that it was issued to.
        scope: The scopes, separated by spaces.
        redirect_uri: The redirect URI of the authorization request.
        code_challenge: The PKCE challenge of the authorization request.
        nonce: The nonce of the authorization request.
        resource: The audience that the access token was requested for (RFC 8707).
        from_api: Whether the user signed in by InitiateAuth or AdminInitiateAuth, without the login page.
        origin_jti: The id of the token family; revocation ends the whole family.
    """

    session: Session
    client_id: str
    scope: str
    redirect_uri: str = ""
    code_challenge: str | None = None
    nonce: str | None = None
    resource: str | None = None
    from_api: bool = False
    origin_jti: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(frozen=True, repr=False)
class RefreshToken:
    """A refresh token of a family.

    Attributes:
        grant: What it is good for.
        expires: When the whole family expires; rotation does not change it.
        rotated_at: When it was replaced by another one; None for the newest.
    """

    grant: Grant
    expires: float
    rotated_at: float | None = None
