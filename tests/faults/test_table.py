"""Every transport fault at every moment: nothing is lost, nothing is left, and the message says what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from _pytest.mark import ParameterSet

from cognito_jupyter.errors import CognitoError, SignedOutError, UnavailableError
from cognito_jupyter.local.model import Fault

from .front import ProxyState
from .moments import OPERATIONS, GetCredentials, JwksFetch, Operation, TokenRefresh, TokenRefreshWithoutGrace
from .scene import SHORT_TIMEOUTS, TIMEOUTS, FaultScenario, ProcessResources

FAULTS: dict[str, Fault | ProxyState] = {
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
HARMLESS_FAULTS = {"wrong content type"}
"""What comes is what was asked for: to throw it away would lose a refresh token that was rotated."""
SLOW_FAULTS = {"stall", "stall midway", "slow drip"}
RESPONSE_LOST = {"reset midway", "stall midway", "slow drip", "truncated"}
"""The server has done what was asked, and nobody knows."""


RETRIED: dict[type[Operation], tuple[str, ...]] = {
    JwksFetch: ("reset", "stall midway", "slow drip", "429", "503"),
    TokenRefresh: ("reset", "reset midway", "stall", "truncated", "500"),
    TokenRefreshWithoutGrace: ("reset", "stall", "429", "503"),
    GetCredentials: ("reset midway", "stall", "503"),
}
"""What is asked for again at once, and where."""


def table_cells(faults: Callable[[type[Operation]], Iterable[str]]) -> list[ParameterSet]:
    """A cell is called by its fault and its moment."""
    return [
        pytest.param(moment, fault, id=f"{fault} x {name}")
        for name, moment in OPERATIONS.items()
        for fault in faults(moment)
    ]


@pytest.mark.parametrize(("kind", "fault"), table_cells(lambda _: FAULTS))
def test_nothing_is_lost_and_the_message_says_what_to_do(
    scene: FaultScenario, kind: type[Operation], fault: str
) -> None:
    """The fault lasts while somebody asks, and is over when they ask again."""
    before = ProcessResources.current()
    scene.start_session(SHORT_TIMEOUTS if fault in SLOW_FAULTS else TIMEOUTS)
    moment = kind(scene)
    moment.prepare()
    scene.inject(moment.fault_point, FAULTS[fault])
    error = run_and_catch(moment)
    assert (error is None) == (moment.transparent or fault in HARMLESS_FAULTS)
    if error is not None:
        # Where the first answer is lost, the repetition is told that the sign-in is over, if it is told anything.
        assert isinstance(error, UnavailableError) or (
            is_refresh_token_lost(kind, fault) and isinstance(error, SignedOutError)
        )
        scene.check_message(error)
        moment.check_during_fault()
    scene.clear_fault(moment.fault_point)
    if is_refresh_token_lost(kind, fault):
        check_signed_out(scene, moment)
    else:
        moment.check_recovery()
    moment.clean_up()
    del moment, error
    scene.release()
    before.check_nothing_leaked()


@pytest.mark.parametrize(("kind", "fault"), table_cells(lambda moment: RETRIED.get(moment, ())))
def test_a_transient_fault_is_retried(
    scene: FaultScenario, monkeypatch: pytest.MonkeyPatch, kind: type[Operation], fault: str
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    scene.start_session(SHORT_TIMEOUTS if fault in SLOW_FAULTS else TIMEOUTS)
    moment = kind(scene)
    moment.prepare()
    scene.inject(moment.fault_point, FAULTS[fault], times=1)
    moment.run()
    moment.check_recovery()


@pytest.mark.parametrize("fault", sorted(RESPONSE_LOST))
def test_a_lost_rotation_response_ends_the_sign_in_at_once_without_grace(scene: FaultScenario, fault: str) -> None:
    """The repetition hears that the refresh token is worth nothing any more."""
    scene.start_session(SHORT_TIMEOUTS if fault in SLOW_FAULTS else TIMEOUTS)
    moment = TokenRefreshWithoutGrace(scene)
    moment.prepare()
    scene.inject(moment.fault_point, FAULTS[fault], times=1)
    check_signed_out(scene, moment)


def is_refresh_token_lost(kind: type[Operation], fault: str) -> bool:
    """Whether a rotated refresh token never arrived, and the one before is worth nothing: nobody can help that."""
    return kind is TokenRefreshWithoutGrace and fault in RESPONSE_LOST


def run_and_catch(moment: Operation) -> CognitoError | None:
    try:
        moment.run()
    except CognitoError as error:
        return error
    return None


def check_signed_out(scene: FaultScenario, moment: Operation) -> None:
    """It is said in one sentence, and once it is known Cognito is not asked again."""
    for _ in range(2):
        error = run_and_catch(moment)
        assert isinstance(error, SignedOutError)
        scene.check_message(error)
        assert scene.manager.ended
        asked = scene.cognito.counts[moment.fault_point.endpoint]
    run_and_catch(moment)
    assert scene.cognito.counts[moment.fault_point.endpoint] == asked
