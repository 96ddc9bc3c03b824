"""How long a person waits after the password: from the redirect to a session, at some distances from Cognito."""

from __future__ import annotations

from collections.abc import Sequence

from cognito_jupyter.notebook.signin import SignIn

from .arrival import Arrival, idle_at, renewal
from .implementations import implementations, signed_in
from .raw import RawClient
from .stage import ROUND_TRIPS, Stage
from .table import Figure, Group, Reach, Samples

_ROUNDS = 5
_FLOOR = "three raw requests on open connections"
_FIRST, _AGAIN, _RENEWAL = "first login", "the same person again", "renewal of both layers"
_REACH = {_FIRST: Reach(1.10, "ratio"), _AGAIN: Reach(0.75, "ratio"), _RENEWAL: Reach(0.75, "ratio")}

_Times = dict[str, list[float]]


def measure_logins(stage: Stage) -> Group:
    """First login, a later one of the same person, and a renewal, at each distance."""
    figures = tuple(figure for round_trip in ROUND_TRIPS for figure in _at(stage, round_trip))
    return Group("Redirect to usable session, the person having taken their time; and renewals", figures)


def _at(stage: Stage, round_trip: int) -> list[Figure]:
    floor: list[float] = []
    ours: _Times = {name: [] for name in _REACH}
    theirs: _Times = {name: [] for name in _REACH}
    with stage.environment(stage.port_at(round_trip)):
        for _ in range(_ROUNDS):
            _one_round(stage, round_trip, floor, ours, theirs)
    has_reference = implementations()[1] is not None
    return [
        Figure(
            f"{name}, {round_trip} ms away",
            "ms",
            _milliseconds(ours[name]),
            _milliseconds(floor),
            _FLOOR,
            _milliseconds(theirs[name]) if has_reference else None,
            reach,
        )
        for name, reach in _REACH.items()
    ]


def _one_round(stage: Stage, round_trip: int, floor: list[float], ours: _Times, theirs: _Times) -> None:
    """Everything once, in turns, so that a slow moment of the machine meets all alike."""
    raw = RawClient(stage, stage.port_at(round_trip))
    floor.append(raw.three_requests(idle_at(round_trip)))
    raw.close()
    arrival = Arrival(stage, round_trip)
    took, sign_in = arrival.here()
    ours[_FIRST].append(took)
    ours[_AGAIN].append(arrival.here(previous=_without_credentials(stage, sign_in))[0])
    ours[_RENEWAL].append(renewal(sign_in.manager))
    reference = implementations()[1]
    if reference is not None:
        # It knows no identity id from before: each of its logins is a first one.
        theirs[_FIRST].append(arrival.reference(reference))
        theirs[_AGAIN].append(arrival.reference(reference))
        manager = signed_in(reference, stage, stage.port_at(round_trip))
        manager.get_credentials()
        theirs[_RENEWAL].append(renewal(manager))


def _without_credentials(stage: Stage, sign_in: SignIn) -> SignIn:
    """A sign-in whose credentials have expired by the time that the person has typed a password."""
    stage.turn(credentials_seconds=1)
    sign_in.manager.get_credentials()
    stage.heal()
    return sign_in


def _milliseconds(seconds: Sequence[float]) -> Samples:
    return tuple(each * 1e3 for each in seconds)
