"""The wall clock is set by an hour, ahead or back, at every moment that matters; Cognito's own goes on as it did.

Either it was right and is wrong from then on, or it was wrong and is set right: nobody may notice. What a machine
with a wrong clock signs, AWS refuses anyhow; what is looked at here is whose keys these are, and whether AWS's book
has them for good ones at that moment.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest

from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.errors import UnavailableError
from tests.credentials.kernels import store_in

from .moments import OPERATIONS, GetCredentials, access_key_id_of
from .scene import ANALYST, TIMEOUTS, UPLOADER, FaultScenario, ProcessResources, wait_for

MINUTE, HOUR = 60.0, 3600.0
EXCHANGE, REFRESH = "GetCredentialsForIdentity", "token:refresh_token"


@dataclass(frozen=True)
class ClockStep:
    """How the clock is wrong before and after; in seconds that it is ahead."""

    before: float
    after: float


CLOCK_STEPS = {
    "ahead": ClockStep(0.0, HOUR),
    "back": ClockStep(0.0, -HOUR),
    "back to what is right": ClockStep(HOUR, 0.0),
    "ahead to what is right": ClockStep(-HOUR, 0.0),
}
WRONG, RIGHT = ("ahead", "back"), ("back to what is right", "ahead to what is right")
each_step_to_wrong = pytest.mark.parametrize("step", [CLOCK_STEPS[each] for each in WRONG], ids=WRONG)
each_step_to_right = pytest.mark.parametrize("step", [CLOCK_STEPS[each] for each in RIGHT], ids=RIGHT)
OPERATION_NAMES = ("code exchange", "refresh without grace", "GetId", "GetCredentialsForIdentity", "mid-body")
"""The moments; those that are left out are the same but for a fault."""
each_refresh_mode = pytest.mark.parametrize("ahead_of_time", [True, False], ids=["by the thread", "without a thread"])
"""A forked child has no thread, nor has a kernel whose roles nobody has used for an hour."""


class ClockScenario:
    """A kernel in which somebody works, under rotation without grace, and what it has asked Cognito for.

    Args:
        scene: Where.
        step: How its clock is.
    """

    def __init__(self, scene: FaultScenario, step: ClockStep) -> None:
        self.scene = scene
        self._step = step
        scene.cognito.knobs.rotation, scene.cognito.knobs.grace = True, 0
        scene.clock.set_wall_clock(step.before)
        scene.start_session(TIMEOUTS)
        self._before = scene.cognito.counts.copy()

    def step_clock(self) -> None:
        """Has somebody set the clock."""
        self.scene.clock.set_wall_clock(self._step.after - self._step.before)

    def calls_of(self, endpoint: str) -> int:
        """How often Cognito was asked."""
        return self.scene.cognito.counts[endpoint] - self._before[endpoint]

    def session(self, manager: CognitoCredentialsManager, *, ahead_of_time: bool = True) -> boto3.Session:
        """A session of the manager's, which renews ahead of time or does not."""
        session = manager.make_refreshing_session(ANALYST)
        if not ahead_of_time:
            manager.close()
            wait_for(lambda: not manager._refresher.running, lambda: "the thread goes on")
        return session

    def check_signature(self, session: boto3.Session) -> None:
        """Has it sign: with the right role, by keys that AWS has for good ones."""
        assert self.scene.role_of(access_key_id_of(session)) == ANALYST

    def check_idle(self, *managers: CognitoCredentialsManager) -> None:
        """Nothing more is asked for, however often the thread looks; and the refresh token is good."""
        for manager in managers:
            wait_for_refresh_runs(manager, 2)
        asked = self.scene.cognito.counts.copy()
        for manager in managers:
            wait_for_refresh_runs(manager, 5)
        assert self.scene.cognito.counts == asked
        for _ in range(2):
            managers[0].refresh_user_pool_tokens()


def wait_for_refresh_runs(manager: CognitoCredentialsManager, times: int = 1) -> None:
    """Waits until the thread has looked as often again, or is not there."""
    for _ in range(times):
        seen = manager._refresh_plan._last_seen_clocks
        wait_for(has_run_since(manager, seen), lambda: "the thread is stuck")


def has_run_since(manager: CognitoCredentialsManager, seen: tuple[float, float]) -> Callable[[], bool]:
    return lambda: manager._refresh_plan._last_seen_clocks != seen or not manager._refresher.running


@each_step_to_wrong
@pytest.mark.parametrize("kind", OPERATION_NAMES, ids=OPERATION_NAMES)
def test_setting_the_clock_during_an_operation_has_no_effect(scene: FaultScenario, kind: str, step: ClockStep) -> None:
    """Of a login, of a refresh, of an exchange, of a long read; and what comes after goes well too."""
    before = ProcessResources.current()
    worker = ClockScenario(scene, step)
    moment = OPERATIONS[kind](scene)
    moment.prepare()
    worker.step_clock()
    moment.run()
    moment.check_recovery()
    moment.clean_up()
    worker.check_idle(scene.manager)
    del moment, worker
    scene.release()
    before.check_nothing_leaked()


@each_refresh_mode
@each_step_to_wrong
def test_credentials_in_use_never_expire_when_the_clock_is_set(
    scene: FaultScenario, step: ClockStep, ahead_of_time: bool
) -> None:
    """For three hours, in the middle of which the clock is set; and Cognito is asked as often as they need."""
    worker = ClockScenario(scene, step)
    session = worker.session(scene.manager, ahead_of_time=ahead_of_time)
    for turn in range(12):
        scene.advance(15 * MINUTE)
        if turn == 5:
            worker.step_clock()
        worker.check_signature(session)
        wait_for_refresh_runs(scene.manager)
    assert worker.calls_of(EXCHANGE) <= 12 / 2 + 2
    assert worker.calls_of(REFRESH) <= 12 / 2 + 2
    worker.check_idle(scene.manager)


@each_refresh_mode
@each_step_to_right
def test_credentials_that_expired_during_suspend_are_not_used_whatever_the_clock_says(
    scene: FaultScenario, step: ClockStep, ahead_of_time: bool
) -> None:
    """After an hour's sleep a clock that is set back by an hour says that no time has passed."""
    worker = ClockScenario(scene, step)
    session = worker.session(scene.manager, ahead_of_time=ahead_of_time)
    scene.suspend(HOUR)
    worker.step_clock()
    worker.check_signature(session)
    wait_for_refresh_runs(scene.manager, 2)
    worker.check_signature(session)
    assert worker.calls_of(EXCHANGE) <= 4
    assert worker.calls_of(REFRESH) <= 3
    worker.check_idle(scene.manager)


@each_refresh_mode
def test_expired_credentials_that_cannot_be_refreshed_raise_an_error(scene: FaultScenario, ahead_of_time: bool) -> None:
    """The network goes, then the clock is set back; the error says what to do, and once it is there all is well."""
    worker = ClockScenario(scene, CLOCK_STEPS["back"])
    session = worker.session(scene.manager, ahead_of_time=ahead_of_time)
    scene.inject(GetCredentials.fault_point, "refused")
    worker.step_clock()
    scene.advance(61 * MINUTE)
    with pytest.raises(UnavailableError) as caught:
        access_key_id_of(session)
    scene.check_message(caught.value)
    assert not str(scene.manager.warning).startswith("Your AWS keys are still good")
    scene.clear_fault(GetCredentials.fault_point)
    scene.advance(MINUTE)
    worker.check_signature(session)
    worker.check_idle(scene.manager)


@each_step_to_wrong
def test_kernels_that_share_a_sign_in_refresh_once_after_a_clock_change(
    scene: FaultScenario, tmp_path: Path, step: ClockStep
) -> None:
    """And a kernel that starts after that takes what they have got."""
    worker = ClockScenario(scene, step)
    tokens = scene.manager.auth_tokens
    assert tokens is not None
    scene.manager.adopt_tokens(tokens, store_in(tmp_path / "sign-ins"))
    managers = [scene.manager, *(scene.new_manager(tokens) for _ in range(2))]
    for manager in managers[1:]:
        manager.authenticator = scene.new_authenticator()
        assert manager.restore_from_store(store_in(tmp_path / "sign-ins"))
    sessions = [worker.session(manager) for manager in managers]
    for manager in managers:
        wait_for_refresh_runs(manager, 2)
    assert worker.calls_of(EXCHANGE) == 1
    refreshed = worker.calls_of(REFRESH)
    scene.advance(10 * MINUTE)
    worker.step_clock()
    for manager in managers:
        wait_for_refresh_runs(manager, 2)
    assert worker.calls_of(EXCHANGE) <= 2
    # Where their clock is ahead of what they know of it, all tokens seem to be over until they have asked themselves.
    assert worker.calls_of(REFRESH) - refreshed <= (1 if step.after < step.before else len(managers))
    started = scene.new_manager(tokens)
    assert started.restore_from_store(store_in(tmp_path / "sign-ins"))
    for session in (*sessions, worker.session(started)):
        worker.check_signature(session)
    assert worker.calls_of(EXCHANGE) <= 2
    worker.check_idle(*managers, started)


@each_step_to_right
def test_a_kernel_started_after_a_clock_change_uses_no_expired_credentials(
    scene: FaultScenario, tmp_path: Path, step: ClockStep
) -> None:
    """Nobody has seen the clock being set: what is kept has only its own times to go by."""
    worker = ClockScenario(scene, step)
    tokens = scene.manager.auth_tokens
    assert tokens is not None
    scene.manager.adopt_tokens(tokens, store_in(tmp_path / "sign-ins"))
    scene.manager.ensure_credentials(ANALYST)
    scene.advance(50 * MINUTE)
    worker.step_clock()
    scene.manager = scene.new_manager(tokens)
    assert scene.manager.restore_from_store(store_in(tmp_path / "sign-ins"))
    for _ in range(3):
        worker.check_signature(worker.session(scene.manager))
        scene.advance(20 * MINUTE)
    assert scene.manager.ensure_credentials(UPLOADER)
    worker.check_idle(scene.manager)
