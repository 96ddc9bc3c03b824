"""Parses and validates the lines of the magics; `magics` and `cognito_jupyter.login` call it."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass

from ..errors import SettingError
from ..settings import parsers
from .display.ipython import parse_magic_arguments
from .model.login_requests import LoginArguments


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


def parse_login_arguments(magic: Callable[..., None], line: str) -> LoginArguments:
    """Parses the line of `%cognito_login`.

    Args:
        magic: The magic.
        line: Its line.

    Raises:
        SettingError: A quotation mark has no partner, or a value is malformed.
        UsageError: An option is unknown or lacks its value (IPython's error).
    """
    return LoginArguments(**parse_magic_arguments(magic, split_line(line)))


def parse_share_arguments(magic: Callable[..., None], line: str) -> ShareArguments:
    """Parses the line of `%cognito_share`.

    Args:
        magic: The magic.
        line: Its line.

    Raises:
        SettingError: A quotation mark has no partner, a role suffix is empty, or options contradict each other.
        UsageError: An option is unknown (IPython's error).
    """
    arguments = ShareArguments(**parse_magic_arguments(magic, split_line(line)))
    for role_suffix in arguments.role_suffixes:
        parsers.role_suffix(role_suffix)
    if arguments.stop and (arguments.role_suffixes or arguments.hide_credentials_file or arguments.default_session):
        raise SettingError("%cognito_share --stop stops sharing all roles.", "Leave out the rest of the line.")
    return arguments


def parse_profile_arguments(magic: Callable[..., None], line: str) -> ProfileArguments:
    """Parses the line of `%cognito_profile`.

    Args:
        magic: The magic.
        line: Its line.

    Raises:
        SettingError: A quotation mark has no partner, or the role suffix is empty.
        UsageError: The name is missing, or an option is unknown (IPython's error).
    """
    arguments = ProfileArguments(**parse_magic_arguments(magic, split_line(line)))
    if arguments.role_suffix is not None:
        parsers.role_suffix(arguments.role_suffix)
    return arguments


def split_line(line: str) -> list[str]:
    """Splits a magic's line as a shell would and removes quotation marks, which IPython's own splitting leaves.

    Raises:
        SettingError: A quotation mark has no partner.
    """
    try:
        return shlex.split(line)
    except ValueError:
        raise SettingError("A quotation mark in this line has no partner.", "Close it, or leave it out.") from None
