"""From a person's tokens to a role's credentials: by way of the store, where it is shared, and of the identity pool."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from ..errors import CredentialsError, IdTokenExpiredError, SignedOutError
from .role_credentials import CachedCredentials, signed_out_error
from .shared_sign_in import SharedSignIn

if TYPE_CHECKING:
    from ..oauth.tokens import Subject
    from .identity_pool.client import IdentityPool, IdentityPoolCredentialsResponse
    from .user_pool_tokens import UserPoolTokens


class CredentialsExchange:
    """Exchanges the tokens held for credentials.

    Args:
        tokens: The user pool's.
        identity_pool: Where they are exchanged.
        now: Seconds since the epoch.
        on_credentials: Told when credentials have come, before anybody else sees them.

    Attributes:
        shared_sign_in: Shares the sign-in with other kernels; to be set at any time.
        identity_ids: The identity id of each person, once it is known.
    """

    def __init__(
        self,
        tokens: UserPoolTokens,
        identity_pool: IdentityPool,
        now: Callable[[], float],
        on_credentials: Callable[[], None],
    ) -> None:
        self.shared_sign_in = SharedSignIn(None, now)
        self.identity_ids: dict[Subject, str] = {}
        self._tokens = tokens
        self._identity_pool = identity_pool
        self._now = now
        self._on_credentials = on_credentials

    def fetch(self, subject: Subject, role_arn: str | None, current: CachedCredentials | None) -> CachedCredentials:
        """New credentials of a role, bought with the tokens of the person who is signed in.

        Args:
            subject: Whose credentials: nobody else's tokens are used for them.
            role_arn: The role; None: the identity pool's default.
            current: What is held of them.

        Raises:
            SignedOutError: Somebody else is signed in, or nobody, or the sign-in is over (a PermissionError).
            RefusedError: Cognito refused to refresh the tokens (a PermissionError).
            UnavailableError: AWS refused or could not be reached (a ConnectionError).
        """
        if self._tokens.subject != subject:
            raise signed_out_error()
        try:
            cached = self._from_store_or_aws(subject, role_arn, current)
        except IdTokenExpiredError:
            # By AWS's clock; ours has been set wrong since it was last compared.
            self._tokens.refresh()
            cached = self._from_store_or_aws(subject, role_arn, current)
        if self._tokens.subject != subject:
            # Signed out in the meantime: what was asked for before must not outlive that.
            raise signed_out_error()
        return cached

    def _from_store_or_aws(
        self, subject: Subject, role_arn: str | None, current: CachedCredentials | None
    ) -> CachedCredentials:
        """Credentials from the store, where another kernel has renewed them, else by an exchange."""
        shared_sign_in, tokens = self.shared_sign_in, self._tokens.current
        if tokens is None:
            raise signed_out_error()
        try:
            found = shared_sign_in.lookup_credentials(role_arn, tokens, current)
            if found is None:
                tokens = self._tokens.get_valid()
                id_token = tokens["id_token"]
                found = shared_sign_in.get_or_fetch_credentials(
                    role_arn, tokens, current, lambda known: self.from_identity_pool(subject, id_token, role_arn, known)
                )
        except SignedOutError as error:
            if tokens is self._tokens.current:
                self._tokens.mark_ended(tokens, error)
            raise
        self._on_credentials()
        return found

    def from_identity_pool(
        self, subject: Subject, id_token: str, role_arn: str | None, identity_id: str | None = None
    ) -> CachedCredentials:
        """What an id token buys, straight from the identity pool.

        Args:
            subject: The person.
            id_token: Of that person.
            role_arn: The role; None: the identity pool's default.
            identity_id: The person's, if another kernel has asked for it already.

        Raises:
            UnavailableError: AWS refused or could not be reached (a ConnectionError).
        """
        known = self.identity_ids.get(subject, identity_id)
        if known is not None:
            # An identity that was deleted since is found anew; every other error comes again.
            with suppress(CredentialsError):
                return self._request_credentials(subject, known, id_token, role_arn)
        return self._request_credentials(subject, self._identity_pool.fetch_identity_id(id_token), id_token, role_arn)

    def _request_credentials(
        self, subject: Subject, identity_id: str, id_token: str, role_arn: str | None
    ) -> CachedCredentials:
        response = self._identity_pool.fetch_credentials(identity_id, id_token, role_arn)
        self.identity_ids[subject] = identity_id
        return self._cached(response)

    def _cached(self, response: IdentityPoolCredentialsResponse) -> CachedCredentials:
        self._on_credentials()
        return CachedCredentials.from_response(response, self._now(), self._identity_pool.clock_skew)
