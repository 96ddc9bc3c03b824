"""Exchanges a user's tokens for a role's AWS credentials.

A manager's `RoleCredentials` call `CredentialsExchange.fetch` to refresh themselves. It looks into the store first, as
another kernel may have stored newer credentials, and calls the identity pool only if there are none. It caches no
credentials itself.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from ..errors import CredentialsError, IdTokenExpiredError, SignedOutError
from ..oauth.tokens import CognitoTokens, Subject
from .role_credentials import CachedCredentials, signed_out_error
from .user_pool_tokens import UserPoolTokens

if TYPE_CHECKING:
    from .identity_pool.client import IdentityPool


class CredentialsExchange:
    """Exchanges the current tokens for credentials.

    Args:
        tokens: The user pool's tokens, and the sign-in that shares them with other kernels.
        get_identity_pool: Returns the client of where they are exchanged.
        now: Returns the seconds since the epoch.
        on_credentials: Called when credentials have arrived, before anything else sees them.

    Attributes:
        identity_ids: The identity id of each user, once it is known.
    """

    def __init__(
        self,
        tokens: UserPoolTokens,
        get_identity_pool: Callable[[], IdentityPool],
        now: Callable[[], float],
        on_credentials: Callable[[], None],
    ) -> None:
        self.identity_ids: dict[Subject, str] = {}
        self._tokens = tokens
        self._get_identity_pool = get_identity_pool
        self._now = now
        self._on_credentials = on_credentials

    def fetch(self, subject: Subject, role_arn: str | None, current: CachedCredentials | None) -> CachedCredentials:
        """Returns new credentials of a role, for the tokens of the user who is signed in.

        Args:
            subject: The user whose credentials they are: another user's tokens are never used for them.
            role_arn: The role; None: the identity pool's default role.
            current: The role's current credentials, which are to be replaced.

        Raises:
            SignedOutError: Another user or none is signed in, or the sign-in has ended (a PermissionError).
            RefusedError: Cognito refused to refresh the tokens (a PermissionError).
            CredentialsError: AWS refused (a ConnectionError).
            UnavailableError: Cognito or AWS could not be reached (a ConnectionError).
        """
        if self._tokens.subject != subject:
            raise signed_out_error()
        cached = self._from_store_or_aws(subject, role_arn, current)
        if self._tokens.subject != subject:
            # The user has signed out in the meantime: these credentials must not outlive that.
            raise signed_out_error()
        return cached

    def _from_store_or_aws(
        self, subject: Subject, role_arn: str | None, current: CachedCredentials | None
    ) -> CachedCredentials:
        shared_sign_in, tokens = self._tokens.shared_sign_in, self._tokens.current
        if tokens is None:
            raise signed_out_error()

        def exchange(tokens: CognitoTokens) -> CachedCredentials:
            def fetch(identity_id: str | None) -> CachedCredentials:
                return self.from_identity_pool(subject, tokens["id_token"], role_arn, identity_id)

            return shared_sign_in.get_or_fetch_credentials(role_arn, tokens, current, fetch)

        try:
            cached = shared_sign_in.lookup_credentials(role_arn, tokens, current)
            if cached is None:
                # The role's own attempt, in which this is, notifies the callbacks when it has ended.
                tokens = self._tokens.get_valid(notify=False)
                try:
                    cached = exchange(tokens)
                except IdTokenExpiredError:
                    # By AWS's clock; this machine's clock has been set since the two were compared. Another role may
                    # have been refused the same token, and has replaced it.
                    tokens = self._tokens.refresh(unless_replaced=tokens, notify=False)
                    cached = exchange(tokens)
        except SignedOutError as error:
            if tokens is self._tokens.current:
                self._tokens.mark_ended(tokens, error)
            raise
        self._on_credentials()
        return cached

    def from_identity_pool(
        self, subject: Subject, id_token: str, role_arn: str | None, identity_id: str | None = None
    ) -> CachedCredentials:
        """Exchanges an id token at the identity pool.

        Args:
            subject: The user.
            id_token: The user's id token.
            role_arn: The role; None: the identity pool's default role.
            identity_id: The user's identity id, if another kernel has fetched it already.

        Raises:
            CredentialsError: AWS refused (a ConnectionError).
            UnavailableError: AWS could not be reached (a ConnectionError).
        """
        identity_pool = self._get_identity_pool()

        def exchange(identity_id: str) -> CachedCredentials:
            response = identity_pool.fetch_credentials(identity_id, id_token, role_arn)
            self.identity_ids[subject] = identity_id
            self._on_credentials()
            return CachedCredentials.from_response(response, self._now(), identity_pool.clock_skew)

        known = self.identity_ids.get(subject, identity_id)
        if known is not None:
            # If the identity has been deleted, its id is fetched again; any other error comes again below.
            with suppress(CredentialsError):
                return exchange(known)
        return exchange(identity_pool.fetch_identity_id(id_token))
