"""What the commands of a terminal take."""

from __future__ import annotations

import argparse

from ..errors import SettingError

_SETTINGS = {
    "user_pool_id": "the user pool's id",
    "client_id": "the app client's id",
    "identity_pool_id": "the identity pool's id",
    "domain": "the Cognito domain; found from the user pool otherwise",
    "redirect_uri": "the registered redirect URIs, separated by spaces",
}
_LOGIN_DESCRIPTION = """\
Signs you in at Amazon Cognito, for programs outside of notebooks and for notebooks too: the sign-in stays on this
computer, in a file for your user alone, until `cognito-jupyter logout`. Run again, it asks nobody while that lasts.
The settings come from where %cognito_login has them: options, COGNITO_* variables, cognito.toml."""
_LOGOUT_DESCRIPTION = """\
Signs you out: revokes the sign-in at Cognito and removes its file. Notebooks that share it are signed out at their next
renewal. AWS keys already handed out stay good until they expire, within an hour."""
_STATUS_DESCRIPTION = """\
Shows who stays signed in on this computer, since when, and the roles. Nobody is asked, neither the person nor Cognito.
The exit code is 1 where nobody is signed in."""


def add_login_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `login`."""
    parser.description = _LOGIN_DESCRIPTION
    parser.add_argument(
        "-r", "--role-suffix", metavar="SUFFIX", type=_role_suffix, help="the role to take: its name's end"
    )
    parser.add_argument("--paste", action="store_true", help="take the browser's last address from standard input")
    parser.add_argument("--no-browser", action="store_true", help="print the link, and do not open a browser")
    parser.add_argument("--fresh", action="store_true", help="sign in anew, whoever stays signed in")
    parser.add_argument("--timeout", metavar="SECONDS", type=_timeout, help="how long to wait for you; otherwise 300")
    _add_settings_arguments(parser)


def add_logout_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `logout`."""
    parser.description = _LOGOUT_DESCRIPTION
    parser.add_argument("--all", action="store_true", help="end every sign-in that is kept on this computer")
    _add_settings_arguments(parser)


def add_status_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `status`."""
    parser.description = _STATUS_DESCRIPTION
    parser.add_argument("--json", action="store_true", help="as JSON, for programs")


def _add_settings_arguments(parser: argparse.ArgumentParser) -> None:
    settings = parser.add_argument_group("settings")
    settings.add_argument("--profile", help="the profile of cognito.toml whose settings are used")
    for name, description in _SETTINGS.items():
        settings.add_argument(f"--{name.replace('_', '-')}", metavar="TEXT", help=description)


def setting_overrides(arguments: argparse.Namespace) -> dict[str, object]:
    """The settings among the arguments."""
    given = vars(arguments)
    return {name: given[name] for name in (*_SETTINGS, "timeout") if given.get(name)}


def _role_suffix(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("a role suffix is at least one letter")
    return text


def _timeout(text: str) -> float:
    from ..settings.parsers import timeout

    try:
        return timeout(text)
    except SettingError as error:
        raise argparse.ArgumentTypeError(error.what) from None
