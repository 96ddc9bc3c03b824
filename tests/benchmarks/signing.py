"""What signing costs: in the steady state, during a refresh, while refreshes fail, and after everything has expired."""

from __future__ import annotations

import time
import timeit
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import boto3

from cognito_jupyter.local import LocalCognito
from tests.support.signing_threads import SigningResult, SigningThreads

from .implementations import API, implementations, signed_in, without_background_refresh
from .stage import Stage
from .table import Figure, Group, Reach, Samples

_THREADS = 32
_ROUNDS = 5
_SLOW_ROUNDS = 2
"""Fewer rounds where the reference takes ten seconds for each."""
_STALL_ROUNDS = 10
"""More rounds where one stall in several runs would matter."""
_STALL_LIMIT = 1.0
"""Milliseconds."""
_REFRESH_SECONDS = 0.3
_LIFETIME = 5
"""Lifetime in seconds of credentials that must become due during the benchmark."""
_CALLS = 20_000


@dataclass(frozen=True)
class _RoundResults:
    """What the threads experienced in each round.

    Attributes:
        results: One result for each round.
    """

    results: tuple[SigningResult, ...]

    @property
    def slowest(self) -> Samples:
        """Milliseconds of the slowest call in each round."""
        return tuple(result.slowest * 1e3 for result in self.results)

    @property
    def total(self) -> Samples:
        """Milliseconds until all calls returned, in each round."""
        return tuple(result.total * 1e3 for result in self.results)

    @property
    def errors(self) -> int:
        """The failed calls of all rounds."""
        return sum(result.errors for result in self.results)


def measure_signing(stage: Stage) -> Group:
    """Measures signing in all four situations."""
    with stage.environment():
        figures = (_steady_state(stage), *_during_refresh(stage), *_during_failing_refresh(stage), _expired(stage))
    return Group(f"Signing: get_frozen_credentials(), {_THREADS} threads if not stated otherwise", figures)


def _steady_state(stage: Stage) -> Figure:
    package, reference = implementations()
    costs = [_cost(signed_in(package, stage).make_refreshing_session()) for _ in range(_ROUNDS)]
    reference_costs = [
        _cost(signed_in(reference, stage).make_refreshing_session()) for _ in range(_ROUNDS if reference else 0)
    ]
    return Figure(
        "steady state, one thread",
        "us",
        tuple(costs),
        tuple(_cost(static_session()) for _ in range(_ROUNDS)),
        "static botocore credentials",
        tuple(reference_costs) if reference else None,
        Reach(4, "ratio"),
    )


def _cost(session: Any) -> float:
    credentials = session.get_credentials()
    credentials.get_frozen_credentials()
    return min(timeit.repeat(credentials.get_frozen_credentials, number=_CALLS, repeat=3)) / _CALLS * 1e6


def _during_refresh(stage: Stage) -> tuple[Figure, ...]:
    def run_once(api: API) -> SigningResult:
        session, first, _ = _short_lived(signed_in(api, stage), stage, _LIFETIME)
        stage.set_knobs(credentials_seconds=3600, latency={LocalCognito.EXCHANGE: _REFRESH_SECONDS})
        return SigningThreads(session, _THREADS).run(_LIFETIME + 2.0, lambda keys: not keys & {first, ""})

    results, reference_results = _run_rounds(stage, run_once, _ROUNDS)
    return (
        _slowest_call(f"slowest call during a refresh of {_REFRESH_SECONDS * 1e3:.0f} ms", results, reference_results),
    )


def _during_failing_refresh(stage: Stage) -> tuple[Figure, ...]:
    def run_once(api: API) -> SigningResult:
        session, _, end = _short_lived(signed_in(api, stage), stage, _LIFETIME)
        stage.set_knobs(latency={LocalCognito.EXCHANGE: _REFRESH_SECONDS})
        stage.refuse_calls(LocalCognito.EXCHANGE)
        # The credentials are valid until they expire, and no session uses their last twentieth.
        return SigningThreads(session, _THREADS).run(end - _LIFETIME * 0.1 - time.time())

    results, reference_results = _run_rounds(stage, run_once, _STALL_ROUNDS, reference_rounds=_SLOW_ROUNDS)
    slowest = _slowest_call("the same, and the refresh is refused", results, reference_results)
    worst = replace(
        slowest,
        name=f"the worst of {_STALL_ROUNDS} such runs",
        samples=(max(slowest.samples),),
        floor=(max(slowest.floor),),
        reference=(max(slowest.reference),) if slowest.reference else slowest.reference,
        reach=Reach(_STALL_LIMIT),
    )
    return slowest, worst


def _slowest_call(name: str, results: _RoundResults, reference_results: _RoundResults | None) -> Figure:
    # As long as the round beside it: the longer, the more of the machine's own delays.
    rounds = [SigningThreads(static_session(), _THREADS).run(each.total) for each in results.results]
    floor = _RoundResults(tuple(rounds))
    return Figure(
        name,
        "ms",
        results.slowest,
        floor.slowest,
        "the same threads with static credentials",
        reference_results.slowest if reference_results else None,
        Reach(_STALL_LIMIT),
        (results.errors, reference_results.errors if reference_results else 0),
    )


def _expired(stage: Stage) -> Figure:
    def run_threads(size: int, api: API) -> SigningResult:
        # A background refresh would meet the refusal before the first call.
        session, _, _ = _short_lived(without_background_refresh(signed_in(api, stage)), stage, 1)
        stage.set_knobs(latency={LocalCognito.EXCHANGE: _REFRESH_SECONDS})
        stage.refuse_calls(LocalCognito.EXCHANGE)
        time.sleep(1.2)
        return SigningThreads(session, size).run(0.0)

    results, reference_results = _run_rounds(stage, lambda api: run_threads(_THREADS, api), _SLOW_ROUNDS)
    one_thread, _ = _run_rounds(stage, lambda api: run_threads(1, api), _SLOW_ROUNDS, reference_rounds=0)
    return Figure(
        "expired, and the refresh is refused: all calls returned",
        "ms",
        results.total,
        one_thread.total,
        "one attempt of one thread",
        reference_results.total if reference_results else None,
        Reach(1.2, "ratio"),
    )


def _short_lived(manager: Any, stage: Stage, seconds: int) -> tuple[Any, str, float]:
    """Returns a session whose credentials have a short lifetime, their access key id, and their expiry."""
    stage.set_knobs(credentials_seconds=seconds)
    # The identity pool rounds the expiry to whole seconds.
    time.sleep(1.02 - time.time() % 1)
    session = manager.make_refreshing_session()
    return (
        session,
        manager.credentials["access_key_id"],
        manager.creds_response["Credentials"]["Expiration"].timestamp(),
    )


def _run_rounds(
    stage: Stage, run_once: Callable[[API], SigningResult], rounds: int, *, reference_rounds: int | None = None
) -> tuple[_RoundResults, _RoundResults | None]:
    """Runs both implementations in each round, so that a slow moment of the machine affects both."""
    package, reference = implementations()
    results: dict[bool, list[SigningResult]] = {True: [], False: []}
    for number in range(rounds):
        for api in (
            package,
            reference if number < (rounds if reference_rounds is None else reference_rounds) else None,
        ):
            if api is not None:
                results[api is package].append(run_once(api))
                stage.reset_knobs()
    return _RoundResults(tuple(results[True])), _RoundResults(tuple(results[False])) if results[False] else None


def static_session() -> boto3.Session:
    """Returns a session with static keys, to measure what botocore itself costs."""
    return boto3.Session("ASIAEXAMPLE", "secret", "token", region_name="us-east-1")
