"""The one share of a notebook, for everything in it and everything started from it that uses no boto3 session.

The magics open and end it; it follows the notebook's session where the user named no role.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...sharing.endpoint.share import Share, SharedRole
    from ...signin.service import SignIn


UNCHANGED_OBJECTS = (
    "What exists already keeps the credentials that it found: boto3 clients, file systems of s3fs and pyarrow, stores "
    "of obstore, tables of delta-rs, secrets of DuckDB, and polars for each bucket that it has read."
)
"""What to know after a change of the role."""


def in_place_of(machine_role: str) -> str:
    """Returns what to know while a share takes the place of a machine's role.

    Args:
        machine_role: Whose role, in words that follow "the role of".
    """
    return (
        "While you share, programs and libraries here use your role in place of "
        f"the role of {machine_role}. %cognito_share --stop and signing out give it back."
    )


class NotebookShare:
    """Opens the share, has it follow the notebook's session, and ends it.

    Attributes:
        role_changed: Whether the environment named another role before, which some objects in the notebook may keep.
        on_change: Called, from any thread, when something is shared, or no longer.
    """

    def __init__(self) -> None:
        self.role_changed = False
        self.on_change: Callable[[], None] = lambda: None
        self._share: Share | None = None
        self._followed_variable: str | None = None
        self._shown_machine_role: str | None = None

    @property
    def roles(self) -> tuple[SharedRole, ...]:
        """The roles that are shared, with their current status."""
        return self._share.roles if self._share is not None and not self._share.closed else ()

    @property
    def machine_role(self) -> str | None:
        """Whose role the share takes the place of, in words that follow "the role of"; None: no machine's."""
        return self._share.machine_role if self._share is not None and self.roles else None

    def news_about_machine_role(self) -> tuple[str, ...]:
        """Returns a sentence about the role that the share takes the place of, but only once in a notebook."""
        machine_role = self.machine_role
        if machine_role is None or machine_role == self._shown_machine_role:
            return ()
        self._shown_machine_role = machine_role
        return (in_place_of(machine_role),)

    def share_roles(
        self,
        sign_in: SignIn,
        role_arns: Sequence[str | None],
        *,
        follow_variable: str | None = None,
        hide_credentials_file: bool = False,
        default_session: bool = False,
    ) -> None:
        """Shares roles; the environment names the first. Roles of this sign-in that are shared already stay shared.

        Args:
            sign_in: The sign-in.
            role_arns: The roles; None: the identity pool's default role.
            follow_variable: The variable whose role the environment names, also when that changes; None: none.
            hide_credentials_file: Whether to hide the shared credentials file from programs.
            default_session: Whether to replace boto3's default session, too.

        Raises:
            CognitoError: The roles cannot be shared.
        """
        from ...sharing.endpoint.share import Share

        share = previous = self._share
        if share is None or not share.alive or share.manager is not sign_in.manager:
            share = Share(sign_in.manager, region_name=sign_in.settings.session_region)
        earlier = [role.role_arn for role in share.roles if role.in_environment]
        try:
            for role_arn in role_arns:
                share.add_role(role_arn)
            share.select_role(role_arns[0])
        except BaseException:
            if share is not previous:
                share.close()
                # Programs must not go on as the user of the earlier sign-in, while the session is of this one.
                self.close()
            raise
        self._share = share
        self.role_changed = self.role_changed or earlier not in ([], [role_arns[0]])
        self._followed_variable = follow_variable
        if previous is not None and previous is not share:
            # Only now, so that a program of the same user in the same role is served all the time.
            previous.close()
        if hide_credentials_file:
            share.hide_credentials_file()
        if default_session:
            share.replace_default_session()
        self.on_change()

    def on_session_bound(self, sign_in: SignIn, variable: str, role_arn: str | None) -> None:
        """Shares the role of a session that was bound to the followed variable.

        Args:
            sign_in: The sign-in.
            variable: The variable.
            role_arn: The session's role.

        Raises:
            CognitoError: The role cannot be shared.
        """
        if self.roles and self._followed_variable == variable:
            self.share_roles(sign_in, [role_arn], follow_variable=variable)

    def close(self) -> bool:
        """Ends the share and restores the environment.

        Returns:
            Whether there was a share.
        """
        share, self._share = self._share, None
        self.role_changed = False
        if share is None or share.closed:
            return False
        share.close()
        self.on_change()
        return True
