"""The user pool without its HTTP: logins, authorization codes, tokens, rotation and revocation.

Source: https://docs.aws.amazon.com/cognito/latest/developerguide/federation-endpoints.html
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import threading
import uuid
from dataclasses import dataclass, field, replace
from typing import Any

from ..model import REGION, AppClient, Group, Knobs, User
from .signing import Signer


class OAuthError(Exception):
    """An OAuth error response (RFC 6749, section 5.2).

    Args:
        error: The error code.
        description: The error description, if any.
        status: The HTTP status.
    """

    def __init__(self, error: str, description: str | None = None, status: int = 400) -> None:
        super().__init__(error)
        self.error = error
        self.description = description
        self.status = status


@dataclass(frozen=True, repr=False)
class Session:
    """A login at the login page.

    Attributes:
        username: The user's name.
        auth_time: When the user logged in, in seconds since the epoch.
    """

    username: str
    auth_time: int


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
        origin_jti: The id of the token family; revocation ends the whole family.
    """

    session: Session
    client_id: str
    scope: str
    redirect_uri: str = ""
    code_challenge: str | None = None
    nonce: str | None = None
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


class UserPool:
    """A user pool with its clients, users and groups; its keys are new at every start.

    Args:
        knobs: Lifetimes, rotation and the clock.

    Attributes:
        pool_id: The pool's id.
        issuer: The `iss` claim of its tokens.
        signer: Its signing keys.
        clients: App clients by id.
        users: Users by name.
        groups: Groups by name.
    """

    def __init__(self, knobs: Knobs) -> None:
        self.knobs = knobs
        self.pool_id = f"{REGION}_{secrets.token_hex(5)[:9]}"
        self.issuer = f"https://cognito-idp.{REGION}.amazonaws.com/{self.pool_id}"
        self.signer = Signer()
        self.clients: dict[str, AppClient] = {}
        self.users: dict[str, User] = {}
        self.groups: dict[str, Group] = {}
        self._sessions: dict[str, tuple[Session, float]] = {}
        self._codes: dict[str, tuple[Grant, float]] = {}
        self._refresh_tokens: dict[str, RefreshToken] = {}
        self._lock = threading.Lock()

    # -- login sessions

    def create_session(self, username: str, password: str) -> tuple[str, Session] | None:
        """Logs a user in.

        Args:
            username: The name that was typed.
            password: The password that was typed.

        Returns:
            A new login cookie and its session; None for a wrong name or password.
        """
        user = self.users.get(username)
        if not hmac.compare_digest((user.password if user else "").encode(), password.encode()) or user is None:
            return None
        cookie, session = secrets.token_urlsafe(32), Session(username, int(self.knobs.now()))
        self._sessions[cookie] = session, self.knobs.now() + self.knobs.cookie_seconds
        return cookie, session

    def find_session(self, cookie: str | None) -> Session | None:
        """Returns the session of a login cookie; None if it is unknown or has expired."""
        session, expires = self._sessions.get(cookie or "", (None, 0.0))
        return session if expires > self.knobs.now() else None

    def end_session(self, cookie: str | None) -> None:
        """Deletes a login cookie."""
        self._sessions.pop(cookie or "", None)

    # -- authorization codes

    def issue_code(self, grant: Grant) -> str:
        """Returns a code for a grant; it can be redeemed once, within five minutes by default."""
        code = str(uuid.uuid4())
        self._codes[code] = grant, self.knobs.now() + self.knobs.code_seconds
        return code

    def redeem_code(self, client: AppClient, code: str, redirect_uri: str, verifier: str) -> dict[str, Any]:
        """Exchanges a code for tokens.

        Args:
            client: The client that presents the code.
            code: The code.
            redirect_uri: The redirect URI that the client sends with it.
            verifier: The PKCE verifier.

        Raises:
            OAuthError: The code is invalid, or one of the others does not match it.
        """
        with self._lock:
            grant, expires = self._codes.pop(code, (None, 0.0))
        if grant is None or expires <= self.knobs.now() or grant.client_id != client.client_id:
            raise OAuthError("invalid_grant")
        if grant.redirect_uri != redirect_uri:
            raise OAuthError("unauthorized_client", "invalid_redirect")
        challenge = _base64url(hashlib.sha256(verifier.encode("utf-8", "replace")).digest())
        if grant.code_challenge is not None and not hmac.compare_digest(challenge, grant.code_challenge):
            raise OAuthError("invalid_grant")
        return self._start_family(grant)

    # -- refresh tokens

    def redeem_refresh_token(self, client: AppClient, token: str) -> dict[str, Any]:
        """Returns new tokens; under rotation with a new refresh token, which expires when the old one would have.

        During the grace period a token that was rotated can be used again. Only the newest of its replacements
        remains valid then.

        Args:
            client: The client that presents the refresh token.
            token: The refresh token.

        Raises:
            OAuthError: The refresh token is invalid.
        """
        now = self.knobs.now()
        with self._lock:
            stored = self._refresh_tokens.get(token)
            if stored is None or stored.expires <= now or stored.grant.client_id != client.client_id:
                raise OAuthError("invalid_grant")
            if stored.rotated_at is not None and now - stored.rotated_at > self.knobs.grace:
                raise OAuthError("invalid_grant")
            response = self._sign_tokens(stored.grant)
            if self.knobs.rotation:
                for sibling in self._family(stored.grant.origin_jti):
                    if sibling != token and self._refresh_tokens[sibling].rotated_at is None:
                        del self._refresh_tokens[sibling]
                self._refresh_tokens[token] = replace(stored, rotated_at=stored.rotated_at or now)
                response["refresh_token"] = self._new_refresh_token(stored.grant, stored.expires)
        return response

    def revoke_family(self, token: str) -> None:
        """Revokes a refresh token and its whole family; an unknown token is no error (RFC 7009, section 2.2)."""
        with self._lock:
            stored = self._refresh_tokens.get(token)
            if stored is not None:
                for each in self._family(stored.grant.origin_jti):
                    del self._refresh_tokens[each]

    def _family(self, origin_jti: str) -> list[str]:
        return [token for token, stored in self._refresh_tokens.items() if stored.grant.origin_jti == origin_jti]

    def _new_refresh_token(self, grant: Grant, expires: float) -> str:
        token = secrets.token_urlsafe(96)
        self._refresh_tokens[token] = RefreshToken(grant, expires)
        return token

    # -- id and access tokens

    def issue_tokens(self, username: str, client_id: str, **claims: Any) -> dict[str, Any]:
        """Returns tokens without a login, for tests that need no browser.

        Args:
            username: The user.
            client_id: The app client.
            **claims: Claims that replace those of the id token; None removes one.
        """
        return self._start_family(Grant(Session(username, int(self.knobs.now())), client_id, "openid email"), **claims)

    def _start_family(self, grant: Grant, **changes: Any) -> dict[str, Any]:
        # The id tokens of a refresh have no nonce.
        expires = self.knobs.now() + self.knobs.refresh_token_seconds
        refresh_token = self._new_refresh_token(replace(grant, nonce=None), expires)
        return self._sign_tokens(grant, **changes) | {"refresh_token": refresh_token}

    def _sign_tokens(self, grant: Grant, **changes: Any) -> dict[str, Any]:
        user, now = self.users[grant.session.username], int(self.knobs.now())
        common: dict[str, Any] = {
            "sub": user.sub,
            "iss": self.issuer,
            "origin_jti": grant.origin_jti,
            "event_id": str(uuid.uuid4()),
            "auth_time": grant.session.auth_time,
            "iat": now,
        }
        if user.groups:
            common["cognito:groups"] = list(user.groups)
        access_claims = common | {
            "jti": str(uuid.uuid4()),
            "token_use": "access",
            "client_id": grant.client_id,
            "username": user.username,
            "scope": grant.scope,
            "version": 2,
            "exp": now + int(self.knobs.access_token_seconds),
        }
        access_token = self.signer.sign_token("access", access_claims)
        id_claims = common | self._identity_claims(user)
        id_claims |= {
            "jti": str(uuid.uuid4()),
            "token_use": "id",
            "aud": grant.client_id,
            "at_hash": _base64url(hashlib.sha256(access_token.encode()).digest()[:16]),
            "exp": now + int(self.knobs.id_token_seconds),
            "nonce": grant.nonce or None,
        }
        id_claims = {name: value for name, value in (id_claims | changes).items() if value is not None}
        return {
            "id_token": self.signer.sign_token("id", id_claims),
            "access_token": access_token,
            "expires_in": int(self.knobs.access_token_seconds),
            "token_type": "Bearer",
        }

    def _identity_claims(self, user: User) -> dict[str, Any]:
        groups = sorted(
            (self.groups[name] for name in user.groups if self.groups[name].role_arn),
            key=lambda group: (group.precedence is None, group.precedence or 0),
        )
        roles = list(dict.fromkeys(str(group.role_arn) for group in groups))
        claims: dict[str, Any] = {"email": user.email, "email_verified": True, "cognito:username": user.username}
        if roles:
            claims["cognito:roles"] = roles
        preferred = {group.role_arn for group in groups if group.precedence == groups[0].precedence}
        if len(preferred) == 1:
            claims["cognito:preferred_role"] = preferred.pop()
        return claims


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
