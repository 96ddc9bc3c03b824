"""Logins, refreshes and sessions again and again in one process: `nox -s soak -- --repetitions`.

Each kind runs alone, and the process is measured again and again while it does. `tests/soak/test_repetitions.py` runs a
small part of it with the other tests.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.local.login_page_client import submit_login
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator

from .growth import ProcessSize, find_growth, median_thirds
from .soak_server import SoakServer

COUNTS = {"logins": 200, "refreshes": 2000, "sessions": 1000}
_MEASUREMENTS = 30
"""At most."""
_WARM_UP = 0.1
"""The share of the repetitions that is not measured: caches, imports and the allocator's arenas come with the first."""


def repeat(server: SoakServer, what: str, count: int) -> tuple[ProcessSize, ProcessSize]:
    """Repeats one kind of work, and returns the medians of the first third of the measurements and of the last.

    Args:
        server: The Cognito.
        what: The kind, of COUNTS.
        count: How often.
    """
    sizes = []
    # Otherwise most of the time would go into exchanges: a static session wants credentials that last.
    server.use_credentials_of_an_hour()
    with _work(server)[what]() as work:
        for _ in range(int(count * _WARM_UP)):
            work()
        measurements = min(_MEASUREMENTS, count)
        for _ in range(measurements):
            for _ in range(count // measurements):
                work()
            gc.collect()
            sizes.append(ProcessSize.measure())
    return median_thirds(sizes)


def run_repetitions(server: SoakServer) -> list[str]:
    """Runs all kinds, prints a line of figures for each, and returns what has grown.

    Args:
        server: The Cognito.
    """
    growing = []
    for what, count in COUNTS.items():
        first, last = repeat(server, what, count)
        print(
            f"soak: {count:,} {what}: threads {first.threads:.0f} -> {last.threads:.0f}, "
            f"sockets {first.sockets:.0f} -> {last.sockets:.0f}, memory {first.memory:.1f} -> {last.memory:.1f} MiB",
            flush=True,
        )
        growing += [f"{each} over {what}" for each in find_growth(first, last)]
    return growing


def _work(server: SoakServer) -> dict[str, Callable[[], Any]]:
    environment = server.facts["environment"]

    def new_authenticator() -> CognitoOAuthAuthenticator:
        uri = environment["COGNITO_REDIRECT_URI"]
        return CognitoOAuthAuthenticator(
            environment["COGNITO_DOMAIN"], environment["COGNITO_CLIENT_ID"], uri, environment["COGNITO_REGION"],
            open_browser=False,
        )  # fmt: skip

    def new_manager(tokens: Any) -> CognitoCredentialsManager:
        pools = environment["COGNITO_IDENTITY_POOL_ID"], environment["COGNITO_USER_POOL_ID"]
        return CognitoCredentialsManager(*pools, environment["COGNITO_REGION"], tokens, new_authenticator())

    def sign_in() -> CognitoCredentialsManager:
        with new_authenticator().begin_login() as login:
            submit_login(login.authorization_url, server.facts["username"], server.facts["password"])
            return new_manager(login.tokens())

    @contextmanager
    def logins() -> Iterator[Callable[[], object]]:
        """By a listener, each with a manager of its own, which gets credentials, and a sign-out."""

        def log_in_and_out() -> None:
            manager = sign_in()
            manager.get_credentials()
            manager.sign_out()

        yield log_in_and_out

    @contextmanager
    def refreshes() -> Iterator[Callable[[], object]]:
        """Of one manager, both layers in turn."""
        manager = sign_in()
        calls: list[Callable[[], object]] = [manager.refresh_user_pool_tokens, manager.get_credentials]

        def refresh() -> None:
            calls.append(calls.pop(0))
            calls[0]()

        yield refresh
        manager.sign_out()

    @contextmanager
    def sessions() -> Iterator[Callable[[], object]]:
        """Of both kinds in turn, with a client that signs a URL."""
        manager = sign_in()
        makers = [manager.make_refreshing_session, manager.make_session]

        def session() -> None:
            makers.append(makers.pop(0))
            # STS: the rules of S3's endpoints take most of the time that a client of S3 takes to make.
            client: Any = makers[0]("Analyst").client("sts")
            client.generate_presigned_url("get_caller_identity")

        yield session
        manager.sign_out()

    return {"logins": logins, "refreshes": refreshes, "sessions": sessions}
