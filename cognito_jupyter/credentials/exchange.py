"""From a person's tokens to a role's credentials: by way of the store, where it is shared, and of the identity pool."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from ..errors import CredentialsError, IdTokenExpiredError, SignedOutError
from .keeper import Keeper
from .slot import signed_out
from .snapshot import Snapshot

if TYPE_CHECKING:
    from .identity_pool import IdentityPool, IdentityPoolCredentialsResponse
    from .user_pool import Subject, UserPoolTokens


class Exchange:
    """Exchanges the tokens held for credentials.

    Args:
        tokens: The user pool's.
        pool: Where they are exchanged.
        now: Seconds since the epoch.
        took: Told when credentials have come, before anybody else sees them.

    Attributes:
        keeper: Shares the sign-in with other kernels; to be set at any time.
        identity_ids: The identity id of each person, once it is known.
    """

    def __init__(
        self, tokens: UserPoolTokens, pool: IdentityPool, now: Callable[[], float], took: Callable[[], None]
    ) -> None:
        self.keeper = Keeper(None, now)
        self.identity_ids: dict[Subject, str] = {}
        self._tokens = tokens
        self._pool = pool
        self._now = now
        self._took = took

    def renewed(self, subject: Subject, role_arn: str | None, own: Snapshot | None) -> Snapshot:
        """New credentials of a role, bought with the tokens of the person who is signed in.

        Args:
            subject: Whose credentials: nobody else's tokens are used for them.
            role_arn: The role; None: the identity pool's default.
            own: What is held of them.

        Raises:
            SignedOutError: Somebody else is signed in, or nobody, or the sign-in is over (a PermissionError).
            RefusedError: Cognito refused to refresh the tokens (a PermissionError).
            UnavailableError: AWS refused or could not be reached (a ConnectionError).
        """
        if self._tokens.subject != subject:
            raise signed_out()
        try:
            snapshot = self._shared(subject, role_arn, own)
        except IdTokenExpiredError:
            # By AWS's clock; ours has been set wrong since it was last compared.
            self._tokens.refreshed()
            snapshot = self._shared(subject, role_arn, own)
        if self._tokens.subject != subject:
            # Signed out in the meantime: what was asked for before must not outlive that.
            raise signed_out()
        return snapshot

    def _shared(self, subject: Subject, role_arn: str | None, own: Snapshot | None) -> Snapshot:
        """Credentials from the store, where another kernel has renewed them, else by an exchange."""
        keeper, tokens = self.keeper, self._tokens.held
        if tokens is None:
            raise signed_out()
        try:
            found = keeper.found(role_arn, tokens, own)
            if found is None:
                tokens = self._tokens.fresh()
                id_token = tokens["id_token"]
                found = keeper.exchanged(
                    role_arn, tokens, own, lambda known: self.exchanged(subject, id_token, role_arn, known)
                )
        except SignedOutError as error:
            if tokens is self._tokens.held:
                self._tokens.end(tokens, error)
            raise
        self._took()
        return found

    def exchanged(
        self, subject: Subject, id_token: str, role_arn: str | None, identity_id: str | None = None
    ) -> Snapshot:
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
                return self._bought(subject, known, id_token, role_arn)
        return self._bought(subject, self._pool.identity_id(id_token), id_token, role_arn)

    def _bought(self, subject: Subject, identity_id: str, id_token: str, role_arn: str | None) -> Snapshot:
        response = self._pool.credentials(identity_id, id_token, role_arn)
        self.identity_ids[subject] = identity_id
        return self._taken(response)

    def _taken(self, response: IdentityPoolCredentialsResponse) -> Snapshot:
        self._took()
        return Snapshot.taken(response, self._now(), self._pool.skew)
