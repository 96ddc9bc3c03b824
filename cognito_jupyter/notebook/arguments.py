"""What stands behind `%cognito_login` and its companions, as values that are checked once."""

from __future__ import annotations

import argparse
import keyword
import math
import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace

from ..errors import SettingError
from .display.ipython import parse_magic_arguments

_MAX_TIMEOUT = 86_400.0


@dataclass(frozen=True)
class LoginArguments:
    """What `%cognito_login` was asked; None where the person left it to the settings.

    Attributes:
        timeout: Seconds.
    """

    role_suffix: str | None
    name: str | None
    manager_name: str | None
    profile: str | None
    paste: bool
    no_browser: bool
    panel: bool
    share: bool
    timeout: float | None
    remember: bool = False
    fresh: bool = False

    @property
    def has_options(self) -> bool:
        """Whether there is more to it than how it is shown."""
        return replace(self, panel=False) != NO_ARGUMENTS


NO_ARGUMENTS = LoginArguments(
    role_suffix=None,
    name=None,
    manager_name=None,
    profile=None,
    paste=False,
    no_browser=False,
    panel=False,
    share=False,
    timeout=None,
)


@dataclass(frozen=True)
class ShareArguments:
    """What `%cognito_share` was asked."""

    role_suffixes: list[str]
    stop: bool
    hide_credentials_file: bool
    default_session: bool


def parse_share_arguments(magic: Callable[..., None], line: str) -> ShareArguments:
    """The arguments in a magic's line.

    Raises:
        SettingError: A quote has no partner, or they contradict each other.
        UsageError: An option is unknown (IPython's error).
    """
    arguments = ShareArguments(**parse_magic_arguments(magic, split_line(line)))
    if arguments.stop and (arguments.role_suffixes or arguments.hide_credentials_file or arguments.default_session):
        raise SettingError("%cognito_share --stop ends all that is shared.", "Leave out the rest of the line.")
    return arguments


def parse_login_arguments(magic: Callable[..., None], line: str) -> LoginArguments:
    """The arguments in a magic's line.

    Raises:
        SettingError: A quote has no partner.
        UsageError: An option is unknown, lacks its value, or has a wrong one (IPython's error).
    """
    return LoginArguments(**parse_magic_arguments(magic, split_line(line)))


@dataclass(frozen=True)
class ProfileArguments:
    """What `%cognito_profile` was asked."""

    profile: str
    role_suffix: str | None
    remove: bool


def parse_profile_arguments(magic: Callable[..., None], line: str) -> ProfileArguments:
    """The arguments in a magic's line.

    Raises:
        SettingError: A quote has no partner.
        UsageError: The name is missing, or an option is unknown (IPython's error).
    """
    return ProfileArguments(**parse_magic_arguments(magic, split_line(line)))


def split_line(line: str) -> list[str]:
    """A magic's line split as a shell would, quotes taken off; IPython's own splitting would leave them on.

    Raises:
        SettingError: A quote has no partner.
    """
    try:
        return shlex.split(line)
    except ValueError:
        raise SettingError("A quotation mark in this line has no partner.", "Close it, or leave it out.") from None


def variable_name(text: str) -> str:
    """A name that can be assigned to.

    Raises:
        argparse.ArgumentTypeError: It is not one.
    """
    if not text.isidentifier() or keyword.iskeyword(text):
        raise argparse.ArgumentTypeError(f"{text!r} cannot be the name of a variable")
    return text


def timeout_seconds(text: str) -> float:
    """A time to wait, in seconds: more than none, at most a day.

    Raises:
        argparse.ArgumentTypeError: It is not one.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= _MAX_TIMEOUT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds between 0 and {_MAX_TIMEOUT:.0f}")
    return value


def role_suffix(text: str) -> str:
    """The end of a role's name; an empty one would fit every role.

    Raises:
        argparse.ArgumentTypeError: It is empty.
    """
    if not text.strip():
        raise argparse.ArgumentTypeError("a role suffix is at least one letter")
    return text
