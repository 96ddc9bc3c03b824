"""`cognito-jupyter login`: signs in at a terminal, and stays signed in on this computer.

`LoginService` does the work; this module shows the login and reads what the user pastes.
"""

from __future__ import annotations

import argparse
import sys

from .._util.redaction import SecretText
from ..credentials.remembered import default_store
from ..errors import PastedUrlError, UnavailableError, suggest_doctor
from ..oauth.login import Login
from ..settings import Settings
from ..settings.layers import require_not_forbidden
from ..settings.trust import ConfirmTrust
from ..signin.request import SignInRequest, domain_finder
from ..signin.service import LoginService
from .arguments import setting_overrides
from .stdin_lines import open_stdin_lines

_POLL_INTERVAL = 0.2
"""Seconds between two checks for a typed line and for the response."""


def login(arguments: argparse.Namespace) -> int:
    """Signs in, unless the user is signed in on this computer, and prints the sign-in's status.

    Returns:
        The exit code: 0.

    Raises:
        CognitoError: The user is not signed in, or the role is not allowed.
    """
    from ..oauth.authenticator import CognitoOAuthAuthenticator
    from .status import describe

    fresh = arguments.fresh or arguments.switch_account
    require_not_forbidden(
        "remember",
        "stay signed in on it, and this command does nothing else",
        "Sign in within a notebook: %cognito_login.",
    )
    # A user of this command wants to stay signed in.
    settings = resolve_settings({**setting_overrides(arguments), "remember": True}, fresh=fresh)
    default_store(settings).require_home()
    request = SignInRequest(settings, arguments.role_suffix, fresh, arguments.switch_account)
    service = LoginService(request, CognitoOAuthAuthenticator.from_settings(settings))
    with service.sign_in(lambda login: wait_for_user(login, arguments)) as result:
        manager = result.sign_in.manager
        if manager.shared_sign_in.path is None:
            warning = manager.shared_sign_in.warning
            manager.sign_out()
            raise UnavailableError(f"The sign-in could not be stored on this computer, and was revoked. {warning}")
        if result.warning is not None:
            _print_error(str(result.warning))
        if result.role_error is not None:
            raise result.role_error
    print(describe(default_store(settings)), flush=True)
    return 0


def resolve_settings(overrides: dict[str, object], *, fresh: bool = False) -> Settings:
    """Resolves the settings as a notebook does; at a terminal the user may be asked to trust a settings file.

    Args:
        overrides: The arguments that are settings, and the profile.
        fresh: Whether to ignore the domain of a remembered sign-in, which would save a request.

    Raises:
        SettingError: A setting is missing or malformed.
        UnavailableError: The domain could not be found.
    """
    from ..settings.resolve import resolve

    with suggest_doctor():
        return resolve(overrides, discover_domain=domain_finder(fresh=fresh), confirm_trust=trust_at_terminal())


def trust_at_terminal() -> ConfirmTrust | None:
    """Returns what asks the user about a settings file of the working folder; None: no user is at a terminal."""
    return _confirm_trust if sys.stdin is not None and sys.stdin.isatty() else None


def _confirm_trust(text: str) -> bool:
    _print_error(text)
    print("Use these settings? [yes/no] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def wait_for_user(login: Login, arguments: argparse.Namespace) -> None:
    """Shows the login on standard error, and polls standard input and the listener until it has finished.

    Args:
        login: The login.
        arguments: The options `paste` and `no_browser`.

    Raises:
        ListenerError: There is neither a listener nor a terminal to paste into.
    """
    from ..oauth.browser import open_sign_in

    with open_stdin_lines(force=arguments.paste) as lines:
        if login.listener_error is not None and lines is None:
            raise login.listener_error
        _print_error(f"To sign in, open this address in your browser:\n\n    {login.authorization_url}\n")
        if login.listener_error is not None:
            _print_error(login.listener_error.what)
        if lines is not None:
            _print_error("Is the browser on another computer? Paste the address that it ends at here, and press Enter.")
        _print_error(f"Waiting for your sign-in for {login.seconds_left:.0f} seconds. Ctrl-C cancels.")
        if not arguments.no_browser:
            open_sign_in(login)
        while not login.wait(_POLL_INTERVAL):
            line = lines.poll_line() if lines is not None else None
            if line and not login.finished.is_set():
                try:
                    login.handle_pasted_url(SecretText(line))
                except PastedUrlError as error:
                    _print_error(str(error))


def _print_error(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
