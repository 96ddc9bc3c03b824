"""How long a user waits after the password: from the redirect to a session, at several round-trip times."""

from __future__ import annotations

from collections.abc import Sequence

from cognito_jupyter.signin.service import SignIn

from .arrival import RedirectBenchmark, idle_seconds, time_refresh
from .implementations import implementations, signed_in
from .raw import RawClient
from .stage import ROUND_TRIPS, Stage
from .table import Figure, Group, Reach, Samples

_ROUNDS = 5
_FLOOR = "three raw requests on open connections"
_FIRST, _SECOND, _REFRESH = "first login", "the same user again", "refresh of both layers"
_REACH = {_FIRST: Reach(1.10, "ratio"), _SECOND: Reach(0.75, "ratio"), _REFRESH: Reach(0.75, "ratio")}
_NEARBY_REACH = {**_REACH, _FIRST: Reach(1.4, "ratio")}
"""Without a distance: the same work of the processor counts for more."""

_Times = dict[str, list[float]]


def measure_logins(stage: Stage) -> Group:
    """Measures a first login, a later one of the same user, and a refresh, at each round-trip time."""
    figures = tuple(figure for round_trip in ROUND_TRIPS for figure in _measure_at(stage, round_trip))
    return Group("Redirect to usable session, after the user has typed a password; and refreshes", figures)


def _measure_at(stage: Stage, round_trip: int) -> list[Figure]:
    floor: list[float] = []
    times: _Times = {name: [] for name in _REACH}
    reference_times: _Times = {name: [] for name in _REACH}
    with stage.environment(stage.port_at(round_trip)):
        for _ in range(_ROUNDS):
            _measure_once(stage, round_trip, floor, times, reference_times)
    has_reference = implementations()[1] is not None
    return [
        Figure(
            f"{name}, {round_trip} ms away",
            "ms",
            _milliseconds(times[name]),
            _milliseconds(floor),
            _FLOOR,
            _milliseconds(reference_times[name]) if has_reference else None,
            reach,
        )
        for name, reach in (_REACH if round_trip else _NEARBY_REACH).items()
    ]


def _measure_once(stage: Stage, round_trip: int, floor: list[float], times: _Times, reference_times: _Times) -> None:
    """Measures everything once in alternation, so that a slow moment of the machine affects all of it."""
    raw = RawClient(stage, stage.port_at(round_trip))
    floor.append(raw.time_three_requests(idle_seconds(round_trip)))
    raw.close()
    benchmark = RedirectBenchmark(stage, round_trip)
    elapsed, sign_in = benchmark.time_login()
    times[_FIRST].append(elapsed)
    times[_SECOND].append(benchmark.time_login(previous=_without_credentials(stage, sign_in))[0])
    times[_REFRESH].append(time_refresh(sign_in.manager))
    reference = implementations()[1]
    if reference is not None:
        reference_times[_FIRST].append(benchmark.time_reference_login(reference))
        # The reference does not remember the identity id: each of its logins is a first one.
        reference_times[_SECOND].append(reference_times[_FIRST][-1])
        manager = signed_in(reference, stage, stage.port_at(round_trip))
        manager.get_credentials()
        reference_times[_REFRESH].append(time_refresh(manager))


def _without_credentials(stage: Stage, sign_in: SignIn) -> SignIn:
    """Lets the credentials of a sign-in expire while the user types the password."""
    stage.set_knobs(credentials_seconds=1)
    sign_in.manager.get_credentials()
    stage.reset_knobs()
    return sign_in


def _milliseconds(seconds: Sequence[float]) -> Samples:
    return tuple(each * 1e3 for each in seconds)
