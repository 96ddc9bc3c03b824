"""The options of the magics, each magic's as one value that is validated when it is made.

`arguments.parse_line` makes them from a line. Those of a login are in `model.login_requests`, because a panel and
`cognito_jupyter.login()` have them, too.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import SettingError


@dataclass(frozen=True)
class DoctorArguments:
    """The options of `%cognito_doctor`.

    Attributes:
        profile: The profile of cognito.toml whose settings are checked; None: the configured one.
        sign_in: Whether to try each role of the current sign-in.
        json: Whether to print JSON.
    """

    profile: str | None
    sign_in: bool
    json: bool


@dataclass(frozen=True)
class ShareArguments:
    """The options of `%cognito_share`.

    Attributes:
        role_suffixes: The roles to share; empty: the role of the session.
        stop: Whether to stop sharing.
        hide_credentials_file: Whether to hide ~/.aws/credentials from programs.
        default_session: Whether to replace boto3's default session.
    """

    role_suffixes: list[str]
    stop: bool
    hide_credentials_file: bool
    default_session: bool

    def __post_init__(self) -> None:
        """Refuses an empty role suffix, and options that contradict each other.

        Raises:
            SettingError: There is one.
        """
        from ..settings import parsers

        for role_suffix in self.role_suffixes:
            parsers.role_suffix(role_suffix)
        if self.stop and (self.role_suffixes or self.hide_credentials_file or self.default_session):
            raise SettingError("%cognito_share --stop stops sharing all roles.", "Leave out the rest of the line.")


@dataclass(frozen=True)
class ProfileArguments:
    """The options of `%cognito_profile`.

    Attributes:
        profile: The name of the profile.
        role_suffix: The role of the profile; None: the role of the session.
        remove: Whether to remove the profile.
    """

    profile: str
    role_suffix: str | None
    remove: bool

    def __post_init__(self) -> None:
        """Refuses an empty role suffix.

        Raises:
            SettingError: It is empty.
        """
        from ..settings import parsers

        if self.role_suffix is not None:
            parsers.role_suffix(self.role_suffix)
