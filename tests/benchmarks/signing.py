"""What signing costs: in the steady state, during a renewal, while renewals fail, and after everything has expired."""

from __future__ import annotations

import time
import timeit
from dataclasses import dataclass
from typing import Any

import boto3

from tests.support.signing_threads import SigningResult, SigningThreads

from .implementations import API, implementations, signed_in, without_background_refresh
from .stage import Stage
from .table import Figure, Group, Reach, Samples

_THREADS = 32
_ROUNDS = 5
_SLOW_ROUNDS = 3
"""For what takes the reference ten seconds each time."""
_REFRESH_SECONDS = 0.3
_LIFETIME = 6
"""Seconds that credentials live which are to become due: short, so that they do so while somebody waits."""
_ENDPOINT = "GetCredentialsForIdentity"
_CALLS = 20_000


@dataclass(frozen=True)
class _CrowdResults:
    """What a crowd met with in each round."""

    results: tuple[SigningResult, ...]

    @property
    def slowest(self) -> Samples:
        """Milliseconds of the slowest call."""
        return tuple(outcome.slowest * 1e3 for outcome in self.results)

    @property
    def total(self) -> Samples:
        """Milliseconds until all were answered."""
        return tuple(outcome.total * 1e3 for outcome in self.results)

    @property
    def errors(self) -> int:
        """In all rounds."""
        return sum(outcome.errors for outcome in self.results)


def measure_signing(stage: Stage) -> Group:
    """Everything about signing."""
    with stage.environment():
        figures = (_steady_state(stage), _during_refresh(stage), _during_failing_refresh(stage), _expired(stage))
    return Group(f"Signing: get_frozen_credentials(), {_THREADS} threads where not said otherwise", figures)


def _steady_state(stage: Stage) -> Figure:
    own, reference = implementations()
    ours = [_cost(signed_in(own, stage).make_refreshing_session()) for _ in range(_ROUNDS)]
    theirs = [_cost(signed_in(reference, stage).make_refreshing_session()) for _ in range(_ROUNDS if reference else 0)]
    return Figure(
        "steady state, one thread",
        "us",
        tuple(ours),
        tuple(_cost(static_session()) for _ in range(_ROUNDS)),
        "static botocore credentials",
        tuple(theirs) if reference else None,
        Reach(4, "ratio"),
    )


def _cost(session: Any) -> float:
    credentials = session.get_credentials()
    credentials.get_frozen_credentials()
    return min(timeit.repeat(credentials.get_frozen_credentials, number=_CALLS, repeat=3)) / _CALLS * 1e6


def _during_refresh(stage: Stage) -> Figure:
    def one(api: API) -> SigningResult:
        session, first, _ = _short_lived(signed_in(api, stage), stage, _LIFETIME)
        stage.set_knobs(credentials_seconds=3600, latency={_ENDPOINT: _REFRESH_SECONDS})
        return SigningThreads(session, _THREADS).run(_LIFETIME + 2.0, lambda keys: not keys & {first, ""})

    ours, theirs = _run_rounds(stage, one, _ROUNDS)
    return _slowest_call(f"slowest call during a renewal of {_REFRESH_SECONDS * 1e3:.0f} ms", ours, theirs)


def _during_failing_refresh(stage: Stage) -> Figure:
    def one(api: API) -> SigningResult:
        session, _, end = _short_lived(signed_in(api, stage), stage, _LIFETIME)
        stage.set_knobs(latency={_ENDPOINT: _REFRESH_SECONDS})
        stage.refuse_calls(_ENDPOINT)
        # They are good to their end, and nobody signs with the last twentieth.
        return SigningThreads(session, _THREADS).run(end - _LIFETIME * 0.1 - time.time())

    ours, theirs = _run_rounds(stage, one, _SLOW_ROUNDS)
    return _slowest_call("the same, and the renewal is refused", ours, theirs)


def _slowest_call(name: str, ours: _CrowdResults, theirs: _CrowdResults | None) -> Figure:
    floor = _CrowdResults(tuple(SigningThreads(static_session(), _THREADS).run(1.0) for _ in range(_ROUNDS)))
    return Figure(
        name,
        "ms",
        ours.slowest,
        floor.slowest,
        "the same threads with static credentials",
        theirs.slowest if theirs else None,
        Reach(2.0),
        (ours.errors, theirs.errors if theirs else 0),
    )


def _expired(stage: Stage) -> Figure:
    def crowd_of(size: int, api: API) -> SigningResult:
        # One that renewed ahead of time would have met with the refusal before anybody asked.
        session, _, _ = _short_lived(without_background_refresh(signed_in(api, stage)), stage, 1)
        stage.set_knobs(latency={_ENDPOINT: _REFRESH_SECONDS})
        stage.refuse_calls(_ENDPOINT)
        time.sleep(1.2)
        return SigningThreads(session, size).run(0.0)

    ours, theirs = _run_rounds(stage, lambda api: crowd_of(_THREADS, api), _SLOW_ROUNDS)
    one_thread, _ = _run_rounds(stage, lambda api: crowd_of(1, api), _SLOW_ROUNDS, with_reference=False)
    return Figure(
        "expired, and the renewal is refused: all answered",
        "ms",
        ours.total,
        one_thread.total,
        "one attempt of one thread",
        theirs.total if theirs else None,
        Reach(1.2, "ratio"),
    )


def _short_lived(manager: Any, stage: Stage, seconds: int) -> tuple[Any, str, float]:
    """A session whose credentials live so many seconds, their access key id, and their end."""
    stage.set_knobs(credentials_seconds=seconds)
    # The identity pool answers whole seconds.
    time.sleep(1.02 - time.time() % 1)
    session = manager.make_refreshing_session()
    return (
        session,
        manager.credentials["access_key_id"],
        manager.creds_response["Credentials"]["Expiration"].timestamp(),
    )


def _run_rounds(
    stage: Stage, one: Any, rounds: int, *, with_reference: bool = True
) -> tuple[_CrowdResults, _CrowdResults | None]:
    """One after the other in each round, so that a slow moment of the machine meets both."""
    package, reference = implementations()
    results: dict[bool, list[SigningResult]] = {True: [], False: []}
    for _ in range(rounds):
        for api in (package, reference if with_reference else None):
            if api is not None:
                results[api is package].append(one(api))
                stage.reset_knobs()
    return _CrowdResults(tuple(results[True])), _CrowdResults(tuple(results[False])) if results[False] else None


def static_session() -> boto3.Session:
    """A session with keys that never change: what botocore itself costs."""
    return boto3.Session("ASIAEXAMPLE", "secret", "token", region_name="us-east-1")
