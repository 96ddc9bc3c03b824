"""The user pool without its HTTP: logins, authorization codes, tokens, rotation and revocation.

Source: https://docs.aws.amazon.com/cognito/latest/developerguide/federation-endpoints.html
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..model import REGION, AppClient, Group, IdentityProvider, Knobs, User
from .responses import OAuthError
from .tokens.grants import Grant, RefreshToken, Session
from .tokens.issuer import issuer_url
from .tokens.pre_token import PreTokenHandler, TriggerSource, run_pre_token
from .tokens.signing import Signer, base64url, new_refresh_token
from .tokens.token_issuer import TokenIssuer

API_SCOPE = "aws.cognito.signin.user.admin"
"""The scope of access tokens with which users read and change their own attributes by the API."""
_ATTRIBUTES_BY_SCOPE = {
    "email": ("email", "email_verified"),
    "phone": ("phone_number", "phone_number_verified"),
    "profile": ("name", "given_name", "family_name", "preferred_username", "locale", "zoneinfo", "updated_at"),
}
"""The user attributes that come with a scope (developer guide, "Scopes, M2M, and resource servers")."""


class RefreshTokenError(OAuthError):
    """A refresh token is refused: `invalid_grant` at the token endpoint.

    Args:
        reason: The message in the API of the user pool.
        reused: Whether the token was rotated, and its grace period is over.
    """

    def __init__(self, reason: str, *, reused: bool = False) -> None:
        super().__init__("invalid_grant")
        self.reason = reason
        self.reused = reused


class UserPool:
    """A user pool with its clients, users and groups; its keys are new at every start.

    Args:
        knobs: Lifetimes, rotation, the form of the issuer, and the clock.
        region: The Region of the pool, which its id names.
        replica_regions: The Regions of its replicas, which have the same id, users and keys.
        pool_id: Its id; None makes one up.

    Attributes:
        pool_id: The pool's id.
        regions: The pool's Region, and those of its replicas.
        local_url: The URL of this server, once started.
        signer: Its signing keys.
        pre_token: The function of the pre token generation trigger; None if there is none.
        clients: App clients by id.
        users: Users by name.
        providers: External identity providers by name.
        groups: Groups by name.
        created: When it was made, in seconds since the epoch.
        refresh_tokens: The refresh tokens that were issued.
        revoked_families: The `origin_jti` of tokens that were revoked.
    """

    def __init__(
        self, knobs: Knobs, region: str = REGION, replica_regions: Sequence[str] = (), pool_id: str | None = None
    ) -> None:
        self.knobs = knobs
        self.pool_id = pool_id or f"{region}_{secrets.token_hex(5)[:9]}"
        self.regions = (region, *replica_regions)
        self.local_url = ""
        self.signer = Signer()
        self._token_issuer = TokenIssuer(knobs, self.signer)
        self.pre_token: PreTokenHandler | None = None
        self.clients: dict[str, AppClient] = {}
        self.users: dict[str, User] = {}
        self.providers: dict[str, IdentityProvider] = {}
        self.groups: dict[str, Group] = {}
        self.created = knobs.now()
        self._sessions: dict[str, tuple[Session, float]] = {}
        self._codes: dict[str, tuple[Grant, float]] = {}
        self.refresh_tokens: dict[str, RefreshToken] = {}
        self.revoked_families: set[str] = set()
        self._lock = threading.Lock()

    @property
    def issuer(self) -> str:
        """The `iss` claim of the tokens that are issued now."""
        return self.issuer_in(self.knobs.issuing_region)

    def issuer_in(self, region: str | None) -> str:
        """Returns the issuer that the pool, or its replica in a Region, has now; None is the pool's own Region."""
        if self.knobs.issuer_type == "LOCAL":
            return f"{self.local_url}/{self.pool_id}"
        if self.knobs.issuer_type == "UPDATED":
            region = None
        return issuer_url(self.knobs.issuer_type, region or self.regions[0], self.pool_id)

    @property
    def issuers(self) -> set[str]:
        """Every `iss` that a token of this pool may have: it may have been issued before a switch, or by a replica."""
        originals = {issuer_url("ORIGINAL", region, self.pool_id) for region in self.regions}
        updated = issuer_url("UPDATED", self.regions[0], self.pool_id)
        return {*originals, updated, f"{self.local_url}/{self.pool_id}"}

    def current_user(self, claims: Mapping[str, Any]) -> User | None:
        """Returns the user of a token of this pool; None if it has expired or was revoked, or the user is gone."""
        if claims["exp"] <= self.knobs.now() or self.is_revoked(claims["origin_jti"]):
            return None
        # Not by the name in the token, which may be the sub.
        return next((user for user in list(self.users.values()) if user.sub == claims["sub"] and user.enabled), None)

    def is_enabled(self, username: str) -> bool:
        """Returns whether there is such a user, who may sign in."""
        user = self.users.get(username)
        return user is not None and user.enabled

    # -- login sessions

    def find_provider(self, name: str | None, identifier: str | None) -> IdentityProvider | None:
        """Finds an external identity provider.

        Args:
            name: Its name (`identity_provider`).
            identifier: One of its identifiers (`idp_identifier`).

        Returns:
            The provider; None: users sign in at the user pool itself.
        """
        by_identifier = (each for each in list(self.providers.values()) if identifier in each.identifiers)
        return self.providers.get(name or "") or next(by_identifier, None)

    def check_password(self, username: str, password: str, provider: IdentityProvider | None = None) -> User | None:
        """Checks the password of a user who may sign in.

        Args:
            username: The name that was typed.
            password: The password that was typed.
            provider: Where it was typed; None: at the user pool itself.

        Returns:
            The user; None for a wrong name or password.
        """
        username = username if provider is None else f"{provider.name}_{username}"
        user = self.users.get(username)
        if user is not None and (user.provider != provider or not user.enabled):
            user = None
        if not hmac.compare_digest((user.password if user else "").encode(), password.encode()):
            return None
        return user

    def create_session(self, user: User) -> tuple[str, Session]:
        """Logs a user in, and returns a new login cookie and its session."""
        provider = user.provider.name if user.provider is not None else None
        cookie, session = secrets.token_urlsafe(32), Session(user.username, int(self.knobs.now()), provider)
        self._sessions[cookie] = session, self.knobs.now() + self.knobs.cookie_seconds
        return cookie, session

    def find_session(self, cookie: str | None) -> Session | None:
        """Returns the session of a login cookie; None if it is unknown or has expired."""
        session, expires = self._sessions.get(cookie or "", (None, 0.0))
        if session is None or expires <= self.knobs.now() or not self.is_enabled(session.username):
            return None
        return session

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
        if not self.is_enabled(grant.session.username):
            raise OAuthError("invalid_grant")
        if grant.redirect_uri != redirect_uri:
            raise OAuthError("unauthorized_client", "invalid_redirect")
        challenge = base64url(hashlib.sha256(verifier.encode("utf-8", "replace")).digest())
        if grant.code_challenge is not None and not hmac.compare_digest(challenge, grant.code_challenge):
            raise OAuthError("invalid_request")
        needed = {name for scope in grant.scope.split() for name in _ATTRIBUTES_BY_SCOPE.get(scope, ())}
        if needed & set(self.knobs.unreadable_attributes):
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
            RefreshTokenError: The refresh token is invalid.
        """
        now = self.knobs.now()
        with self._lock:
            stored = self._valid_refresh_token(client, token, now)
            grant = stored.grant
            if self.knobs.rotation and self.knobs.rotation_moves_auth_time:
                grant = replace(grant, session=replace(grant.session, auth_time=int(now)))
            response = self._sign_tokens(grant, "TokenGeneration_RefreshTokens")
            if self.knobs.rotation:
                for sibling in self._family(stored.grant.origin_jti):
                    if sibling != token and self.refresh_tokens[sibling].rotated_at is None:
                        del self.refresh_tokens[sibling]
                self.refresh_tokens[token] = replace(stored, rotated_at=stored.rotated_at or now)
                response["refresh_token"] = self._new_refresh_token(stored.grant, stored.expires)
        return response

    def _valid_refresh_token(self, client: AppClient, token: str, now: float) -> RefreshToken:
        stored = self.refresh_tokens.get(token)
        if stored is None or stored.grant.client_id != client.client_id:
            raise RefreshTokenError("Invalid Refresh Token")
        if self.is_revoked(stored.grant.origin_jti):
            raise RefreshTokenError("Refresh Token has been revoked")
        if stored.expires <= now:
            raise RefreshTokenError("Refresh Token has expired")
        if not self.is_enabled(stored.grant.session.username):
            raise RefreshTokenError("User is disabled.")
        # >=: without a grace period, a token that was rotated within this tick of the clock is refused, too.
        if stored.rotated_at is not None and now - stored.rotated_at >= self.knobs.grace:
            raise RefreshTokenError("Refresh token reuse detected", reused=True)
        return stored

    def revoke_family(self, token: str) -> None:
        """Revokes a refresh token and its whole family; an unknown token is no error (RFC 7009, section 2.2)."""
        with self._lock:
            stored = self.refresh_tokens.get(token)
            if stored is not None:
                self.revoked_families.add(stored.grant.origin_jti)

    def sign_out_everywhere(self, username: str) -> None:
        """Revokes every token of a user; the login cookie remains (developer guide, "Logout endpoint")."""
        with self._lock:
            grants = [stored.grant for stored in self.refresh_tokens.values()]
            self.revoked_families.update(each.origin_jti for each in grants if each.session.username == username)

    def is_revoked(self, origin_jti: str) -> bool:
        """Returns whether the family of a token has been revoked, which ends its access tokens at Cognito too."""
        return origin_jti in self.revoked_families

    def user_of_refresh_token(self, token: str) -> User | None:
        """Returns the user of a refresh token; None if the token is unknown or the user is gone."""
        stored = self.refresh_tokens.get(token)
        return self.users.get(stored.grant.session.username) if stored is not None else None

    def _family(self, origin_jti: str) -> list[str]:
        return [token for token, stored in self.refresh_tokens.items() if stored.grant.origin_jti == origin_jti]

    def _new_refresh_token(self, grant: Grant, expires: float) -> str:
        token = new_refresh_token()
        self.refresh_tokens[token] = RefreshToken(grant, expires)
        return token

    # -- id and access tokens

    def issue_tokens(self, username: str, client_id: str, **claims: Any) -> dict[str, Any]:
        """Returns tokens without a login, for tests that need no browser.

        Args:
            username: The user.
            client_id: The app client, whose scopes are all granted.
            **claims: Claims that replace those of the id token; None removes one.
        """
        scope = " ".join(self.clients[client_id].scopes)
        return self._start_family(Grant(Session(username, int(self.knobs.now())), client_id, scope), **claims)

    def sign_in_by_api(self, username: str, client_id: str) -> dict[str, Any]:
        """Returns the tokens of a sign-in without the login page, which have one scope (boto/boto3#1734).

        Args:
            username: The user, whose password has been checked.
            client_id: The app client.
        """
        session = Session(username, int(self.knobs.now()))
        return self._start_family(Grant(session, client_id, API_SCOPE, from_api=True))

    def _start_family(self, grant: Grant, **changes: Any) -> dict[str, Any]:
        source: TriggerSource = "TokenGeneration_Authentication" if grant.from_api else "TokenGeneration_HostedAuth"
        # First, since a trigger may fail.
        response = self._sign_tokens(grant, source, **changes)
        # The id tokens of a refresh have no nonce.
        expires = self.knobs.now() + self.knobs.refresh_token_seconds
        refresh_token = self._new_refresh_token(replace(grant, nonce=None), expires)
        return response | {"refresh_token": refresh_token}

    def _sign_tokens(self, grant: Grant, source: TriggerSource, **changes: Any) -> dict[str, Any]:
        user = self.users[grant.session.username]
        groups = [self.groups[name] for name in user.groups]
        trigger = run_pre_token(self.pre_token, source, pool_id=self.pool_id, grant=grant, user=user, groups=groups)
        return self._token_issuer.issue(grant, user, groups, self.issuer, trigger, **changes)
