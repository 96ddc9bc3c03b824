"""Which role a user means, by the id token that is there or by a newer one.

The manager asks it wherever a role suffix comes in. An administrator may have given the user a role since the sign-in,
so a suffix that fits no role has the tokens refreshed once; `roles` then compares the words, and makes no request.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import CognitoError, RoleError, SignedOutError
from ..settings import RoleSelection
from .roles import choose_role, default_role, matching_roles, roles_in
from .user_pool_tokens import UserPoolTokens

BY_IDENTITY_POOL: RoleSelection = "identity_pool"
"""The value of `role_selection` for pools whose own rules choose the role: none is requested."""

_ADMINISTRATOR_HINT = " For another role, an administrator may still have to add you to its group."
_RECENT_HINT = " New roles were looked for less than a minute ago: if one was granted just now, try again in a minute."


class RoleLookup:
    """Finds the role that a suffix means.

    Args:
        tokens: The user pool's tokens; they are refreshed if a suffix fits no role.

    Attributes:
        selection: Who chooses the role, "token" or "identity_pool", as the setting `role_selection` says.
        last_role: The role that the last suffix selected.
    """

    def __init__(self, tokens: UserPoolTokens) -> None:
        self.selection: RoleSelection = "token"
        self.last_role: str | None = None
        self._tokens = tokens

    @property
    def roles(self) -> tuple[str, ...]:
        """The ARNs that the user can choose from, in the token's order; none if the identity pool chooses."""
        return () if self.selection == BY_IDENTITY_POOL else self._tokens.roles

    def find(
        self, suffix: str | None, last_suffix: str | None, claims: Mapping[str, object] | None = None
    ) -> str | None:
        """Returns the role that a suffix means, after a refresh of the tokens if it fits none of their roles.

        Args:
            suffix: The end of the role's ARN; None: the user named no role.
            last_suffix: The suffix that counts then; None: the token's default role does.
            claims: Of another id token than the user's current one, which is not refreshed; None: of the current one.

        Returns:
            The ARN; None if the identity pool chooses the role.

        Raises:
            RoleError: The suffix fits no role, or several (a PermissionError).
            SignedOutError: The refresh showed that the sign-in has ended (a PermissionError).
        """
        if self.selection == BY_IDENTITY_POOL:
            if not suffix:
                return None
            raise RoleError(
                "The identity pool chooses the role of this sign-in, so that none can be named.",
                'Leave the role out, or set role_selection to "token".',
            )
        roles = self._tokens.roles if claims is None else roles_in(claims)
        if not suffix and last_suffix and self.last_role in matching_roles(roles, last_suffix):
            # Even if the suffix fits several roles by now, because one was granted since.
            return self.last_role
        suffix = suffix or last_suffix
        if not suffix:
            return default_role(self._tokens.claims if claims is None else claims)
        if claims is not None or matching_roles(roles, suffix):
            return choose_role(roles, suffix)
        hint = self._look_for_new_roles()
        return choose_role(self.roles, suffix, hint)

    def _look_for_new_roles(self) -> str:
        """Refreshes the tokens if that is possible and due; returns what to tell a user whose role is still missing."""
        if not self._tokens.can_refresh:
            return _ADMINISTRATOR_HINT
        try:
            looked = self._tokens.refresh_claims()
        except SignedOutError:
            raise
        except CognitoError as error:
            return f" New roles could not be looked for. {error.what}"
        return _ADMINISTRATOR_HINT if looked else _RECENT_HINT
