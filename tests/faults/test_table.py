"""Every transport fault at every moment: nothing is lost, nothing is left, and the message says what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from _pytest.mark import ParameterSet

from cognito_jupyter.errors import CognitoError, SignedOutError, UnavailableError
from cognito_jupyter.local.model import Fault

from .front import State
from .moments import MOMENTS, GetCredentials, Keys, Moment, Refresh, StrictRefresh
from .scene import ENOUGH, LITTLE, Scene, Traces

FAULTS: dict[str, Fault | State] = {
    "refused": "refused",
    "reset": Fault("reset"),
    "reset midway": Fault("reset", midway=True),
    "stall": Fault("stall", seconds=60),
    "stall midway": Fault("stall", seconds=60, midway=True),
    "slow drip": Fault("drip", seconds=0.05),
    "truncated": Fault("truncate"),
    "429": Fault(status=429, body="{}"),
    "429 with Retry-After": Fault(status=429, body="{}", headers={"Retry-After": "1"}),
    "500": Fault(status=500, body="oops", content_type="text/plain"),
    "503": Fault(status=503, body='{"message": "Service Unavailable"}'),
    "HTML": Fault(status=200, body="<html>Welcome to the hotel's network</html>", content_type="text/html"),
    "invalid JSON": Fault(status=200, body='{"id_token": "aaa'),
    "wrong content type": Fault("label", content_type="text/plain"),
    "untrusted CA": "untrusted",
    "expired certificate": "expired",
    "wrong name": "misnamed",
}
HARMLESS = {"wrong content type"}
"""What comes is what was asked for: to throw it away would lose a refresh token that was rotated."""
SLOW = {"stall", "stall midway", "slow drip"}
ANSWER_LOST = {"reset midway", "stall midway", "slow drip", "truncated"}
"""The server has done what was asked, and nobody knows."""


ONCE: dict[type[Moment], tuple[str, ...]] = {
    Keys: ("reset", "stall midway", "slow drip", "429", "503"),
    Refresh: ("reset", "reset midway", "stall", "truncated", "500"),
    StrictRefresh: ("reset", "stall", "429", "503"),
    GetCredentials: ("reset midway", "stall", "503"),
}
"""What is asked for again at once, and where."""


def cells(faults: Callable[[type[Moment]], Iterable[str]]) -> list[ParameterSet]:
    """A cell is called by its fault and its moment."""
    return [
        pytest.param(moment, fault, id=f"{fault} x {name}")
        for name, moment in MOMENTS.items()
        for fault in faults(moment)
    ]


@pytest.mark.parametrize(("kind", "fault"), cells(lambda _: FAULTS))
def test_nothing_is_lost_and_the_message_says_what_to_do(scene: Scene, kind: type[Moment], fault: str) -> None:
    """The fault lasts while somebody asks, and is over when they ask again."""
    before = Traces.of_now()
    scene.sign_in(LITTLE if fault in SLOW else ENOUGH)
    moment = kind(scene)
    moment.begin()
    scene.strike(moment.spot, FAULTS[fault])
    error = met(moment)
    assert (error is None) == (moment.hidden or fault in HARMLESS)
    if error is not None:
        # Where the first answer is lost, the repetition is told that the sign-in is over, if it is told anything.
        assert isinstance(error, UnavailableError) or (lost(kind, fault) and isinstance(error, SignedOutError))
        scene.check_words(error)
        moment.check_held()
    scene.mend(moment.spot)
    if lost(kind, fault):
        check_signed_out(scene, moment)
    else:
        moment.go_on()
    moment.end()
    del moment, error
    scene.let_go()
    before.check_nothing_is_left()


@pytest.mark.parametrize(("kind", "fault"), cells(lambda moment: ONCE.get(moment, ())))
def test_a_fault_that_passes_is_not_noticed(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, kind: type[Moment], fault: str
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    scene.sign_in(LITTLE if fault in SLOW else ENOUGH)
    moment = kind(scene)
    moment.begin()
    scene.strike(moment.spot, FAULTS[fault], times=1)
    moment.act()
    moment.go_on()


@pytest.mark.parametrize("fault", sorted(ANSWER_LOST))
def test_a_rotated_answer_that_never_arrived_is_said_at_once_where_there_is_no_grace(scene: Scene, fault: str) -> None:
    """The repetition hears that the refresh token is worth nothing any more."""
    scene.sign_in(LITTLE if fault in SLOW else ENOUGH)
    moment = StrictRefresh(scene)
    moment.begin()
    scene.strike(moment.spot, FAULTS[fault], times=1)
    check_signed_out(scene, moment)


def lost(kind: type[Moment], fault: str) -> bool:
    """Whether a rotated refresh token never arrived, and the one before is worth nothing: nobody can help that."""
    return kind is StrictRefresh and fault in ANSWER_LOST


def met(moment: Moment) -> CognitoError | None:
    try:
        moment.act()
    except CognitoError as error:
        return error
    return None


def check_signed_out(scene: Scene, moment: Moment) -> None:
    """It is said in one sentence, and once it is known Cognito is not asked again."""
    for _ in range(2):
        error = met(moment)
        assert isinstance(error, SignedOutError)
        scene.check_words(error)
        assert scene.manager.ended
        asked = scene.cognito.counts[moment.spot.endpoint]
    met(moment)
    assert scene.cognito.counts[moment.spot.endpoint] == asked
