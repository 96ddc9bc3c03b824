"""`cognito-jupyter login`: one sign-in in a terminal, which then stays on this computer."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING

from ..credentials.kept import kept_domain, restored, usual_store
from ..errors import PastedAnswerError, SignedOutError, UnavailableError
from .paste import Typed, typed_lines

if TYPE_CHECKING:
    import argparse

    from ..config import Settings
    from ..credentials.manager import CognitoCredentialsManager
    from ..oauth.authenticator import CognitoOAuthAuthenticator
    from ..oauth.login import Login
    from ..oauth.tokens import CognitoTokens

_GLANCE = 0.2
"""Seconds between two looks at what was typed and at the listener."""


def login(arguments: argparse.Namespace) -> int:
    """Signs in, unless somebody stays signed in, and says what that gives.

    Returns:
        The exit code: 0.

    Raises:
        CognitoError: Nobody is signed in, or the role cannot be had.
    """
    from .arguments import overrides
    from .report import said_of

    settings = settings_of(overrides(arguments), arguments.profile, known_domain=not arguments.fresh)
    authenticator = authenticator_of(settings)
    manager = None if arguments.fresh else _kept(settings, authenticator, arguments.role_suffix)
    if manager is None:
        manager = _signed_in(settings, authenticator, arguments)
        manager.ensure_credentials(arguments.role_suffix, timedelta(0))
    print(said_of(usual_store(settings)), flush=True)
    return 0


def settings_of(overrides: dict[str, object], profile: str | None, *, known_domain: bool = True) -> Settings:
    """The settings as a notebook finds them; a person at the terminal is asked about a file of the working folder.

    Args:
        overrides: The arguments that are settings.
        profile: The profile asked for.
        known_domain: Whether the domain of a kept sign-in saves asking the user pool for it.

    Raises:
        SettingError: One is missing or malformed.
        UnavailableError: The domain could not be found.
    """
    from ..config import resolve

    def discover(user_pool_id: str, region: str) -> str:
        from ..oauth.discovery import discover_domain

        known = kept_domain(user_pool_id) if known_domain else None
        return known or discover_domain(user_pool_id, region)

    asks = _agree if sys.stdin is not None and sys.stdin.isatty() else None
    # Whoever uses this command wants to stay signed in.
    return resolve({**overrides, "remember": True}, profile=profile, discover=discover, agree=asks)


def _agree(text: str) -> bool:
    print(text, file=sys.stderr, flush=True)
    print("Use these settings? [yes/no] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def authenticator_of(settings: Settings) -> CognitoOAuthAuthenticator:
    """Where these settings sign in."""
    from ..oauth.authenticator import CognitoOAuthAuthenticator

    pools = settings.configuration
    return CognitoOAuthAuthenticator(
        pools.domain, pools.client_id, pools.redirect_uri, pools.region,
        scopes=settings.scopes, user_pool_id=pools.user_pool_id, timeout=settings.timeout,
    )  # fmt: skip


def _kept(
    settings: Settings, authenticator: CognitoOAuthAuthenticator, role_suffix: str | None
) -> CognitoCredentialsManager | None:
    """The kept sign-in with good credentials; None: the person has to sign in."""
    manager = restored(settings, authenticator)
    if manager is None:
        return None
    try:
        manager.ensure_credentials(role_suffix, timedelta(0))
    except SignedOutError:
        return None
    return manager


def _signed_in(
    settings: Settings, authenticator: CognitoOAuthAuthenticator, arguments: argparse.Namespace
) -> CognitoCredentialsManager:
    from ..credentials.manager import CognitoCredentialsManager

    tokens = _tokens(authenticator, arguments)
    pools = settings.configuration
    manager = CognitoCredentialsManager(
        pools.identity_pool_id, pools.user_pool_id, pools.region, authenticator=authenticator
    )
    manager.sign_in(tokens, usual_store(settings))
    if manager.keeper.path is None:
        problem = manager.keeper.problem
        manager.sign_out()
        raise UnavailableError(f"The sign-in could not be kept, and was ended again. {problem}")
    return manager


def _tokens(authenticator: CognitoOAuthAuthenticator, arguments: argparse.Namespace) -> CognitoTokens:
    from ..oauth.browser import open_in_browser

    with authenticator.begin_login() as login, typed_lines(asked=arguments.paste) as typed:
        if login.listener_problem is not None and typed is None:
            raise login.listener_problem
        _invite(login, typed)
        page = None if arguments.no_browser else open_in_browser(login.authorization_url)
        with page or nullcontext():
            while not login.wait(_GLANCE):
                _take(login, typed)
        return login.tokens()


def _invite(login: Login, typed: Typed | None) -> None:
    """On standard error, so that standard output holds what came of it alone."""
    _tell(f"To sign in, open this address in your browser:\n\n    {login.authorization_url}\n")
    if login.listener_problem is not None:
        _tell(login.listener_problem.what)
    if typed is not None:
        _tell("Is the browser on another computer? Paste the address that it ends at here, and press Enter.")
    _tell(f"Waiting for your sign-in for {login.seconds_left:.0f} seconds. Ctrl-C gives up.")


def _take(login: Login, typed: Typed | None) -> None:
    line = typed.poll() if typed is not None else None
    if not line or login.finished.is_set():
        return
    try:
        login.paste(line)
    except PastedAnswerError as mistake:
        _tell(str(mistake))


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
