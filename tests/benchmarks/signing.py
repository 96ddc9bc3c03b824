"""What signing costs: in the steady state, during a renewal, while renewals fail, and after everything has expired."""

from __future__ import annotations

import time
import timeit
from dataclasses import dataclass
from typing import Any

import boto3

from .crowd import Crowd, Outcome
from .implementations import API, implementations, signed_in, without_renewing_thread
from .stage import Stage
from .table import Figure, Group, Reach, Samples

_THREADS = 32
_ROUNDS = 5
_SLOW_ROUNDS = 3
"""For what takes the reference ten seconds each time."""
_RENEWAL = 0.3
_LIFETIME = 6
"""Seconds that credentials live which are to become due: short, so that they do so while somebody waits."""
_ENDPOINT = "GetCredentialsForIdentity"
_CALLS = 20_000


@dataclass(frozen=True)
class _Crowds:
    """What a crowd met with in each round."""

    outcomes: tuple[Outcome, ...]

    @property
    def slowest(self) -> Samples:
        """Milliseconds of the slowest call."""
        return tuple(outcome.slowest * 1e3 for outcome in self.outcomes)

    @property
    def whole(self) -> Samples:
        """Milliseconds until all were answered."""
        return tuple(outcome.whole * 1e3 for outcome in self.outcomes)

    @property
    def errors(self) -> int:
        """In all rounds."""
        return sum(outcome.errors for outcome in self.outcomes)


def measure_signing(stage: Stage) -> Group:
    """Everything about signing."""
    with stage.environment():
        figures = (_steady(stage), _renewing(stage), _failing(stage), _expired(stage))
    return Group(f"Signing: get_frozen_credentials(), {_THREADS} threads where not said otherwise", figures)


def _steady(stage: Stage) -> Figure:
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


def _renewing(stage: Stage) -> Figure:
    def one(api: API) -> Outcome:
        session, first, _ = _short_lived(signed_in(api, stage), stage, _LIFETIME)
        stage.turn(credentials_seconds=3600, latency={_ENDPOINT: _RENEWAL})
        return Crowd(session, _THREADS).run(_LIFETIME + 2.0, lambda keys: not keys & {first, ""})

    ours, theirs = _rounds(stage, one, _ROUNDS)
    return _slowest_call(f"slowest call during a renewal of {_RENEWAL * 1e3:.0f} ms", ours, theirs)


def _failing(stage: Stage) -> Figure:
    def one(api: API) -> Outcome:
        session, _, end = _short_lived(signed_in(api, stage), stage, _LIFETIME)
        stage.turn(latency={_ENDPOINT: _RENEWAL})
        stage.refuse(_ENDPOINT)
        # They are good to their end, and nobody signs with the last twentieth.
        return Crowd(session, _THREADS).run(end - _LIFETIME * 0.1 - time.time())

    ours, theirs = _rounds(stage, one, _SLOW_ROUNDS)
    return _slowest_call("the same, and the renewal is refused", ours, theirs)


def _slowest_call(name: str, ours: _Crowds, theirs: _Crowds | None) -> Figure:
    floor = _Crowds(tuple(Crowd(static_session(), _THREADS).run(1.0) for _ in range(_ROUNDS)))
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
    def crowd_of(size: int, api: API) -> Outcome:
        # One that renewed ahead of time would have met with the refusal before anybody asked.
        session, _, _ = _short_lived(without_renewing_thread(signed_in(api, stage)), stage, 1)
        stage.turn(latency={_ENDPOINT: _RENEWAL})
        stage.refuse(_ENDPOINT)
        time.sleep(1.2)
        return Crowd(session, size).run(0.0)

    ours, theirs = _rounds(stage, lambda api: crowd_of(_THREADS, api), _SLOW_ROUNDS)
    alone, _ = _rounds(stage, lambda api: crowd_of(1, api), _SLOW_ROUNDS, with_reference=False)
    return Figure(
        "expired, and the renewal is refused: all answered",
        "ms",
        ours.whole,
        alone.whole,
        "one attempt of one thread",
        theirs.whole if theirs else None,
        Reach(1.2, "ratio"),
    )


def _short_lived(manager: Any, stage: Stage, seconds: int) -> tuple[Any, str, float]:
    """A session whose credentials live so many seconds, their access key id, and their end."""
    stage.turn(credentials_seconds=seconds)
    # The identity pool answers whole seconds.
    time.sleep(1.02 - time.time() % 1)
    session = manager.make_refreshing_session()
    return (
        session,
        manager.credentials["access_key_id"],
        manager.creds_response["Credentials"]["Expiration"].timestamp(),
    )


def _rounds(stage: Stage, one: Any, rounds: int, *, with_reference: bool = True) -> tuple[_Crowds, _Crowds | None]:
    """One after the other in each round, so that a slow moment of the machine meets both."""
    own, reference = implementations()
    outcomes: dict[bool, list[Outcome]] = {True: [], False: []}
    for _ in range(rounds):
        for api in (own, reference if with_reference else None):
            if api is not None:
                outcomes[api is own].append(one(api))
                stage.heal()
    return _Crowds(tuple(outcomes[True])), _Crowds(tuple(outcomes[False])) if outcomes[False] else None


def static_session() -> boto3.Session:
    """A session with keys that never change: what botocore itself costs."""
    return boto3.Session("ASIAEXAMPLE", "secret", "token", region_name="us-east-1")
