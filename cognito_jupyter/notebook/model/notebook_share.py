"""The one share of a notebook: for everything in it, and started from it, that is not a boto3 session."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...sharing.endpoint.share import Share, SharedRole
    from .sign_in import SignIn


class NotebookShare:
    """Opens the share, lets it go along with the notebook's session, and ends it."""

    def __init__(self) -> None:
        self._share: Share | None = None
        self._followed_variable: str | None = None

    @property
    def roles(self) -> tuple[SharedRole, ...]:
        """The roles that are shared, as they stand."""
        return self._share.roles if self._share is not None and not self._share.closed else ()

    def share_roles(
        self,
        sign_in: SignIn,
        role_suffixes: Sequence[str | None],
        *,
        follow_variable: str | None = None,
        hide_credentials_file: bool = False,
        default_session: bool = False,
    ) -> None:
        """Shares roles; the environment names the first. What was shared before of this sign-in stays shared.

        Args:
            sign_in: Whose roles.
            role_suffixes: Which; None: the one asked for last, or else the first.
            follow_variable: The variable whose role the environment is to name also when that changes; None: no
                variable's.
            hide_credentials_file: Whether to hide the shared credentials file.
            default_session: Whether to replace boto3's default session too.

        Raises:
            CognitoError: They cannot be shared.
        """
        from ... import sharing

        share = self._share
        if share is None or not share.alive or share.manager is not sign_in.manager:
            self.close()
            region = sign_in.settings.session_region
            share = self._share = sharing.share(sign_in.manager, role_suffixes[:1], region_name=region)
        for suffix in role_suffixes:
            share.add(suffix)
        share.select(role_suffixes[0])
        self._followed_variable = follow_variable
        if hide_credentials_file:
            share.hide_credentials_file()
        if default_session:
            share.replace_default_session()

    def on_session_bound(self, sign_in: SignIn, variable: str, role_arn: str | None) -> None:
        """Goes along with a variable that has got a session, if it is the one that is followed.

        Raises:
            CognitoError: Its role cannot be shared.
        """
        if self.roles and self._followed_variable == variable:
            self.share_roles(sign_in, [role_arn], follow_variable=variable)

    def close(self) -> bool:
        """Ends the share and puts the environment back; whether there was one."""
        share, self._share = self._share, None
        if share is None or share.closed:
            return False
        share.close()
        return True
