"""`cognito-jupyter login`: one sign-in in a terminal, which then stays on this computer."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING

from ..credentials.remembered import default_store, load_manager, remembered_domain
from ..errors import PastedUrlError, SignedOutError, UnavailableError
from .stdin_lines import StdinLines, open_stdin_lines

if TYPE_CHECKING:
    import argparse

    from ..credentials.manager import CognitoCredentialsManager
    from ..oauth.authenticator import CognitoOAuthAuthenticator
    from ..oauth.login import Login
    from ..oauth.tokens import CognitoTokens
    from ..settings import Settings

_POLL_INTERVAL = 0.2
"""Seconds between two looks at what was typed and at the listener."""


def login(arguments: argparse.Namespace) -> int:
    """Signs in, unless somebody stays signed in, and says what that gives.

    Returns:
        The exit code: 0.

    Raises:
        CognitoError: Nobody is signed in, or the role cannot be had.
    """
    from .arguments import setting_overrides
    from .status import describe

    settings = resolve_settings(
        setting_overrides(arguments), arguments.profile, use_remembered_domain=not arguments.fresh
    )
    authenticator = authenticator_of(settings)
    manager = None if arguments.fresh else _restore(settings, authenticator, arguments.role_suffix)
    if manager is None:
        manager = _log_in(settings, authenticator, arguments)
        manager.ensure_credentials(arguments.role_suffix, timedelta(0))
    print(describe(default_store(settings)), flush=True)
    return 0


def resolve_settings(
    overrides: dict[str, object], profile: str | None, *, use_remembered_domain: bool = True
) -> Settings:
    """The settings as a notebook finds them; a person at the terminal is asked about a file of the working folder.

    Args:
        overrides: The arguments that are settings.
        profile: The profile asked for.
        use_remembered_domain: Whether the domain of a kept sign-in saves asking the user pool for it.

    Raises:
        SettingError: One is missing or malformed.
        UnavailableError: The domain could not be found.
    """
    from ..settings.resolve import resolve

    def discover(user_pool_id: str, region: str) -> str:
        from ..oauth.discovery import discover_domain

        known = remembered_domain(user_pool_id) if use_remembered_domain else None
        return known or discover_domain(user_pool_id, region)

    confirm_trust = _confirm_trust if sys.stdin is not None and sys.stdin.isatty() else None
    # Whoever uses this command wants to stay signed in.
    return resolve(
        {**overrides, "remember": True}, profile=profile, discover_domain=discover, confirm_trust=confirm_trust
    )


def _confirm_trust(text: str) -> bool:
    print(text, file=sys.stderr, flush=True)
    print("Use these settings? [yes/no] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def authenticator_of(settings: Settings) -> CognitoOAuthAuthenticator:
    """Where these settings sign in."""
    from ..oauth.authenticator import CognitoOAuthAuthenticator

    return CognitoOAuthAuthenticator.from_settings(settings)


def _restore(
    settings: Settings, authenticator: CognitoOAuthAuthenticator, role_suffix: str | None
) -> CognitoCredentialsManager | None:
    """The kept sign-in with good credentials; None: the person has to sign in."""
    manager = load_manager(settings, authenticator)
    if manager is None:
        return None
    try:
        manager.ensure_credentials(role_suffix, timedelta(0))
    except SignedOutError:
        return None
    return manager


def _log_in(
    settings: Settings, authenticator: CognitoOAuthAuthenticator, arguments: argparse.Namespace
) -> CognitoCredentialsManager:
    from ..credentials.manager import CognitoCredentialsManager

    tokens = _get_tokens(authenticator, arguments)
    pools = settings.configuration
    manager = CognitoCredentialsManager(
        pools.identity_pool_id, pools.user_pool_id, pools.region, authenticator=authenticator
    )
    manager.adopt_tokens(tokens, default_store(settings))
    if manager.shared_sign_in.path is None:
        problem = manager.shared_sign_in.warning
        manager.sign_out()
        raise UnavailableError(f"The sign-in could not be kept, and was ended again. {problem}")
    return manager


def _get_tokens(authenticator: CognitoOAuthAuthenticator, arguments: argparse.Namespace) -> CognitoTokens:
    from ..oauth.browser import open_in_browser

    with authenticator.begin_login() as login, open_stdin_lines(force=arguments.paste) as typed:
        if login.listener_error is not None and typed is None:
            raise login.listener_error
        _show_link(login, typed)
        page = None if arguments.no_browser else open_in_browser(login.authorization_url)
        with page or nullcontext():
            while not login.wait(_POLL_INTERVAL):
                _handle_input(login, typed)
        return login.tokens()


def _show_link(login: Login, typed: StdinLines | None) -> None:
    """On standard error, so that standard output holds what came of it alone."""
    _print_error(f"To sign in, open this address in your browser:\n\n    {login.authorization_url}\n")
    if login.listener_error is not None:
        _print_error(login.listener_error.what)
    if typed is not None:
        _print_error("Is the browser on another computer? Paste the address that it ends at here, and press Enter.")
    _print_error(f"Waiting for your sign-in for {login.seconds_left:.0f} seconds. Ctrl-C gives up.")


def _handle_input(login: Login, typed: StdinLines | None) -> None:
    line = typed.poll_line() if typed is not None else None
    if not line or login.finished.is_set():
        return
    try:
        login.handle_pasted_url(line)
    except PastedUrlError as mistake:
        _print_error(str(mistake))


def _print_error(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
