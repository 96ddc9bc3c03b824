"""A class of fifty that signs in at the same moment, against AWS's quotas: how long the slowest waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.quotas import AWS_QUOTAS
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator
from cognito_jupyter.settings import Settings

from .implementations import API, implementations, make_authenticator
from .stage import Stage
from .table import Figure, Group, Reach

STUDENTS = 50
_ROUNDS = 3
_ROUND_TRIP = 40
_MAX_SECONDS = 6.0
_QUOTA_SECONDS = (STUDENTS - AWS_QUOTAS["GetId"]) / AWS_QUOTAS["GetId"]
"""Seconds until GetId's quota has admitted one request of each student."""

Finish = Callable[[], object]
"""Takes a student from the redirect to AWS credentials."""


def measure_classroom(stage: Stage) -> Group:
    """Measures the slowest of fifty sign-ins that come back from the browser at the same moment.

    The floor is the slowest without quotas, and the time that GetId's quota takes.
    """
    reference = implementations()[1]
    slowest: list[float] = []
    requests: list[float] = []
    floor: list[float] = []
    reference_slowest: list[float] = []
    errors, reference_errors = 0, 0
    with stage.environment(stage.port_at(_ROUND_TRIP)):
        for _ in range(_ROUNDS):
            unlimited, _ = sign_in_together(_class_of(lambda: student(stage)))
            floor.append(max(unlimited) + _QUOTA_SECONDS)
            stage.reset_counts()
            seconds, failed = _with_quotas(stage, _class_of(lambda: student(stage)))
            slowest += [max(seconds)] if seconds else []
            requests.append(stage.count(LocalCognito.GET_ID))
            errors += failed
            if reference is not None:
                seconds, failed = _with_quotas(stage, _class_of(lambda: _reference_student(reference, stage)))
                reference_slowest += [max(seconds)] if seconds else []
                reference_errors += failed
    return Group(
        f"{STUDENTS} sign-ins at the same moment, {_ROUND_TRIP} ms away, with AWS's quotas",
        (
            Figure(
                "the slowest, from the redirect to credentials",
                "s",
                tuple(slowest),
                tuple(floor),
                "the same without quotas, and a second by GetId's",
                tuple(reference_slowest) if reference is not None else None,
                Reach(_MAX_SECONDS),
                (errors, reference_errors),
            ),
            Figure("calls of GetId", "calls", tuple(requests), (float(STUDENTS),), "one for each"),
        ),
    )


def _class_of(make: Callable[[], Finish]) -> list[Finish]:
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda _: make(), range(STUDENTS)))


def student(stage: Stage) -> Finish:
    """Returns the rest of a login whose user has typed the password; its connections are open, as in a notebook."""
    settings = Settings(stage.configuration(stage.port_at(_ROUND_TRIP)))
    authenticator = CognitoOAuthAuthenticator.from_settings(settings)
    manager = CognitoCredentialsManager.from_settings(settings, authenticator)
    login = authenticator.begin_login(listen=False)
    redirect_url = stage.sign_in(login.authorization_url)
    authenticator.prewarm()
    manager.prewarm()

    def finish() -> object:
        with login:
            login.handle_pasted_url(redirect_url)
            manager.auth_tokens = login.tokens()
        return manager.get_credentials()

    return finish


def _reference_student(api: API, stage: Stage) -> Finish:
    port = stage.port_at(_ROUND_TRIP)
    settings, authenticator = stage.configuration(port), make_authenticator(api, stage, port)
    verifier, challenge = authenticator.generate_pkce_pair()
    redirect_url = stage.sign_in(authenticator.get_authorization_url(challenge, "state"))
    code = parse_qs(urlsplit(redirect_url).query)["code"][0]

    def finish() -> object:
        tokens = authenticator.exchange_code_for_tokens(code, verifier)
        manager: Any = api.CognitoCredentialsManager(
            settings.identity_pool_id, settings.user_pool_id, settings.region, tokens, authenticator
        )
        return manager.get_credentials()

    return finish


def _with_quotas(stage: Stage, students: Sequence[Finish]) -> tuple[list[float], int]:
    stage.set_knobs(quotas=dict(AWS_QUOTAS))
    try:
        return sign_in_together(students)
    finally:
        stage.set_knobs(quotas={})


def sign_in_together(students: Sequence[Finish]) -> tuple[list[float], int]:
    """Lets all students finish at the same moment; returns the seconds of each who succeeded, and how many failed.

    Args:
        students: What each of them does.
    """
    seconds: list[float] = []
    start = threading.Barrier(len(students))

    def run(finish: Finish) -> None:
        start.wait()
        began = time.perf_counter()
        try:
            finish()
        except ConnectionError:
            return
        seconds.append(time.perf_counter() - began)

    threads = [threading.Thread(target=run, args=(finish,), daemon=True) for finish in students]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seconds, len(students) - len(seconds)
