"""The arguments of `cognito-jupyter login`, `logout` and `status`, and their help.

`main` adds them to the parsers; the commands read the settings among them. Nothing here looks for a setting elsewhere.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NoReturn, TypeVar

from .._printable import printable
from .._util.store_once import StoreOnce
from ..errors import SettingError
from ..settings import parsers

_Value = TypeVar("_Value")

_SETTINGS = {
    "user_pool_id": "the user pool's id",
    "client_id": "the app client's id",
    "identity_pool_id": "the identity pool's id",
    "domain": "the Cognito domain; by default found from the user pool",
    "redirect_uri": "the registered redirect URIs, separated by spaces",
}
_LOGIN_SETTINGS = {
    "identity_provider": "the user pool's identity provider that signs you in, such as Google",
    "login_hint": "your user name or e-mail address, for the sign-in page to show",
}
_LOGIN_DESCRIPTION = """\
Signs you in at Amazon Cognito, for notebooks and for other programs. You stay signed in on this computer, by a file
that only your user can read, until you run `cognito-jupyter logout`. If you are signed in already, it asks for nothing.
The settings are found as %cognito_login finds them: in options, COGNITO_* variables and cognito.toml."""
_LOGOUT_DESCRIPTION = """\
Signs you out: revokes the sign-in at Cognito and removes its file. Notebooks that share it are signed out at their next
refresh. AWS credentials that were already handed out remain valid until they expire, within an hour."""
_DOCTOR_DESCRIPTION = """\
Checks a set-up from this computer: settings, user pool, app client, redirect URIs, identity pool, network, ports,
stored sign-ins. It needs no AWS credentials, sends a dozen requests at most and changes nothing; what it prints is not
secret, so that a bug report can hold it. The exit code is 1 if a check failed."""
_STATUS_DESCRIPTION = """\
Shows who is signed in on this computer, since when, and the roles. It makes no request. The exit code is 1 if you are
not signed in."""


class PrintableParser(argparse.ArgumentParser):
    """A parser whose errors, which repeat what was typed, are one printable line."""

    def error(self, message: str) -> NoReturn:
        """Ends the process with the usage and an error."""
        super().error(printable(message))


def add_login_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `login`."""
    parser.description = _LOGIN_DESCRIPTION
    role_suffix, timeout = _argument_type(parsers.role_suffix), _argument_type(parsers.timeout)
    parser.add_argument(
        "role_suffix",
        metavar="ROLE",
        nargs="?",
        action=StoreOnce,
        default=argparse.SUPPRESS,
        type=role_suffix,
        help="the role to use: the end of its name",
    )
    parser.add_argument(
        "-r", "--role-suffix", metavar="ROLE", action=StoreOnce, type=role_suffix, help="the same as ROLE"
    )
    parser.add_argument("--paste", action="store_true", help="read the browser's final URL from standard input")
    parser.add_argument("--no-browser", action="store_true", help="print the link without opening a browser")
    parser.add_argument("--fresh", action="store_true", help="sign in again, even if you are signed in")
    parser.add_argument(
        "--switch-account", action="store_true", help="sign in as another user than the browser's last one"
    )
    parser.add_argument("--timeout", metavar="SECONDS", type=timeout, help="how long to wait for you; default: 300")
    _add_settings_arguments(parser, _LOGIN_SETTINGS)


def add_logout_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `logout`."""
    parser.description = _LOGOUT_DESCRIPTION
    parser.add_argument("--all", action="store_true", help="end every sign-in on this computer")
    _add_settings_arguments(parser)


def add_status_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `status`."""
    parser.description = _STATUS_DESCRIPTION
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")


def add_doctor_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `doctor`."""
    parser.description = _DOCTOR_DESCRIPTION
    parser.add_argument(
        "--sign-in", action="store_true", help="also sign in, try each role, and sign out; nothing is stored"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    parser.add_argument("--paste", action="store_true", help="read the browser's final URL from standard input")
    parser.add_argument("--no-browser", action="store_true", help="print the link without opening a browser")
    _add_settings_arguments(parser, _LOGIN_SETTINGS)


def _add_settings_arguments(parser: argparse.ArgumentParser, further: Mapping[str, str] = MappingProxyType({})) -> None:
    settings = parser.add_argument_group("settings")
    settings.add_argument("--profile", help="the profile of cognito.toml whose settings are used")
    for name, description in {**_SETTINGS, **further}.items():
        settings.add_argument(f"--{name.replace('_', '-')}", metavar="TEXT", help=description)


def setting_overrides(arguments: argparse.Namespace) -> dict[str, object]:
    """Returns the settings among the arguments, by name, and the profile."""
    given = vars(arguments)
    return {name: given[name] for name in (*_SETTINGS, *_LOGIN_SETTINGS, "profile", "timeout") if given.get(name)}


def _argument_type(parser: Callable[[object], _Value]) -> Callable[[str], _Value]:
    """Makes a parser of a setting the type of an argument, so that argparse reports what is wrong with a value."""

    def parse(text: str) -> _Value:
        try:
            return parser(text)
        except SettingError as error:
            raise argparse.ArgumentTypeError(error.what) from None

    return parse
