"""The user pool without its HTTP: who may sign in, codes, tokens, rotation, revocation.

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

from .model import REGION, AppClient, Group, Knobs, User
from .signing import Signer


class OAuthError(Exception):
    """An OAuth error answer (RFC 6749, section 5.2)."""

    def __init__(self, error: str, description: str | None = None, status: int = 400) -> None:
        super().__init__(error)
        self.error = error
        self.description = description
        self.status = status


@dataclass(frozen=True, repr=False)
class Session:
    """One sign-in at the login page."""

    username: str
    auth_time: int


@dataclass(frozen=True, repr=False)
class Grant:
    """What a code or a refresh token stands for."""

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
        expires: Absolute, for the whole family: rotation does not move it.
        rotated_at: When it was rotated out; None while it is the newest.
    """

    grant: Grant
    expires: float
    rotated_at: float | None = None


class UserPool:
    """A user pool with its clients, users and groups; new keys at every start."""

    def __init__(self, knobs: Knobs, region: str = REGION) -> None:
        self.knobs = knobs
        self.region = region
        self.pool_id = f"{region}_{secrets.token_hex(5)[:9]}"
        self.issuer = f"https://cognito-idp.{region}.amazonaws.com/{self.pool_id}"
        self.signer = Signer()
        self.clients: dict[str, AppClient] = {}
        self.users: dict[str, User] = {}
        self.groups: dict[str, Group] = {}
        self._sessions: dict[str, tuple[Session, float]] = {}
        self._codes: dict[str, tuple[Grant, float]] = {}
        self._refresh_tokens: dict[str, RefreshToken] = {}
        self._lock = threading.Lock()

    # -- signing in

    def create_session(self, username: str, password: str) -> tuple[str, Session] | None:
        """A new login cookie and its session; None for a wrong name or password."""
        user = self.users.get(username)
        if not hmac.compare_digest((user.password if user else "").encode(), password.encode()) or user is None:
            return None
        cookie, session = secrets.token_urlsafe(32), Session(username, int(self.knobs.now()))
        self._sessions[cookie] = session, self.knobs.now() + self.knobs.cookie_seconds
        return cookie, session

    def find_session(self, cookie: str | None) -> Session | None:
        """The session of a login cookie that is still good."""
        session, expires = self._sessions.get(cookie or "", (None, 0.0))
        return session if expires > self.knobs.now() else None

    def end_session(self, cookie: str | None) -> None:
        """Forgets a login cookie."""
        self._sessions.pop(cookie or "", None)

    # -- codes

    def issue_code(self, grant: Grant) -> str:
        """A code for a grant: good for five minutes, once."""
        code = str(uuid.uuid4())
        self._codes[code] = grant, self.knobs.now() + self.knobs.code_seconds
        return code

    def redeem_code(self, client: AppClient, code: str, redirect_uri: str, verifier: str) -> dict[str, Any]:
        """Tokens for a code. Raises Refused."""
        with self._lock:
            grant, expires = self._codes.pop(code, (None, 0.0))
        if grant is None or expires <= self.knobs.now() or grant.client_id != client.client_id:
            raise OAuthError("invalid_grant")
        if grant.redirect_uri != redirect_uri:
            raise OAuthError("unauthorized_client", "invalid_redirect")
        if grant.code_challenge is not None and not hmac.compare_digest(_s256(verifier), grant.code_challenge):
            raise OAuthError("invalid_grant")
        refresh_token = self._new_refresh_token(grant, self.knobs.now() + self.knobs.refresh_token_seconds)
        return self._sign_tokens(grant, with_nonce=True) | {"refresh_token": refresh_token}

    # -- refreshing

    def redeem_refresh_token(self, client: AppClient, token: str) -> dict[str, Any]:
        """New tokens for a refresh token; under rotation with a new one, whose lifetime is what remains.

        Within the grace a replay forks, and only the newest child survives. Raises Refused.
        """
        now = self.knobs.now()
        with self._lock:
            stored = self._refresh_tokens.get(token)
            if stored is None or stored.expires <= now or stored.grant.client_id != client.client_id:
                raise OAuthError("invalid_grant")
            if stored.rotated_at is not None and now - stored.rotated_at > self.knobs.grace:
                raise OAuthError("invalid_grant")
            response = self._sign_tokens(stored.grant, with_nonce=False)
            if self.knobs.rotation:
                self._delete_siblings(stored.grant, token)
                self._refresh_tokens[token] = replace(stored, rotated_at=stored.rotated_at or now)
                response["refresh_token"] = self._new_refresh_token(stored.grant, stored.expires)
        return response

    def _delete_siblings(self, grant: Grant, kept_token: str) -> None:
        family = [token for token, held in self._refresh_tokens.items() if held.grant.origin_jti == grant.origin_jti]
        for token in family:
            if token != kept_token and self._refresh_tokens[token].rotated_at is None:
                del self._refresh_tokens[token]

    def _new_refresh_token(self, grant: Grant, expires: float) -> str:
        token = secrets.token_urlsafe(96)
        self._refresh_tokens[token] = RefreshToken(grant, expires)
        return token

    def revoke_family(self, token: str) -> None:
        """Ends a refresh token's whole family; an unknown token is no error (RFC 7009, section 2.2)."""
        with self._lock:
            stored = self._refresh_tokens.get(token)
            if stored is None:
                return
            jti = stored.grant.origin_jti
            self._refresh_tokens = {t: r for t, r in self._refresh_tokens.items() if r.grant.origin_jti != jti}

    # -- tokens

    def issue_tokens(self, username: str, client_id: str, **changes: Any) -> dict[str, Any]:
        """Tokens without a login, for tests below the browser; the changes go into the id token's claims."""
        grant = Grant(Session(username, int(self.knobs.now())), client_id, "openid email")
        refresh_token = self._new_refresh_token(grant, self.knobs.now() + self.knobs.refresh_token_seconds)
        return self._sign_tokens(grant, with_nonce=False, **changes) | {"refresh_token": refresh_token}

    def _sign_tokens(self, grant: Grant, *, with_nonce: bool, **changes: Any) -> dict[str, Any]:
        user, now = self.users[grant.session.username], int(self.knobs.now())
        common = {
            "sub": user.sub,
            "iss": self.issuer,
            "origin_jti": grant.origin_jti,
            "event_id": str(uuid.uuid4()),
            "auth_time": grant.session.auth_time,
            "iat": now,
        } | ({"cognito:groups": list(user.groups)} if user.groups else {})
        access_token = self.signer.sign_token(
            "access",
            common
            | {
                "jti": str(uuid.uuid4()),
                "token_use": "access",
                "client_id": grant.client_id,
                "username": user.username,
                "scope": grant.scope,
                "version": 2,
                "exp": now + int(self.knobs.access_token_seconds),
            },
        )
        id_claims = (
            common
            | self._identity_claims(user)
            | {
                "jti": str(uuid.uuid4()),
                "token_use": "id",
                "aud": grant.client_id,
                "at_hash": _at_hash(access_token),
                "exp": now + int(self.knobs.id_token_seconds),
            }
        )
        if with_nonce and grant.nonce:
            id_claims["nonce"] = grant.nonce
        return {
            "id_token": self.signer.sign_token("id", {k: v for k, v in (id_claims | changes).items() if v is not None}),
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
        best = {group.role_arn for group in groups if group.precedence == groups[0].precedence}
        if len(best) == 1:
            claims["cognito:preferred_role"] = best.pop()
        return claims


def _s256(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode("utf-8", "replace")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _at_hash(token: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()[:16]).rstrip(b"=").decode()
