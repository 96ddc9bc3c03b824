"""The wall clock is set ahead or back by an hour during each operation; Cognito's clock is not.

Either the clock was right and becomes wrong, or it was wrong and is set right: neither may have an effect. AWS refuses
whatever a machine with a wrong clock signs. So these tests look at whose credentials would sign, and whether AWS has
issued them and they are valid at that moment.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest

from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.errors import UnavailableError
from cognito_jupyter.local import LocalCognito
from tests.support.polling import wait_until
from tests.support.shared_kernels import store_in

from .operations import OPERATIONS, GetCredentials, access_key_id_of
from .scenario import ANALYST, UPLOADER, FaultScenario, ProcessResources

MINUTE, HOUR = 60.0, 3600.0
EXCHANGE, REFRESH = LocalCognito.EXCHANGE, LocalCognito.REFRESH


@dataclass(frozen=True)
class ClockStep:
    """A change of the wall clock.

    Attributes:
        before: Seconds that the clock is ahead before the change.
        after: Seconds that it is ahead after the change.
    """

    before: float
    after: float


CLOCK_STEPS = {
    "ahead": ClockStep(0.0, HOUR),
    "back": ClockStep(0.0, -HOUR),
    "back to the right time": ClockStep(HOUR, 0.0),
    "ahead to the right time": ClockStep(-HOUR, 0.0),
}
WRONG, RIGHT = ("ahead", "back"), ("back to the right time", "ahead to the right time")
each_step_to_wrong = pytest.mark.parametrize("step", [CLOCK_STEPS[each] for each in WRONG], ids=WRONG)
each_step_to_right = pytest.mark.parametrize("step", [CLOCK_STEPS[each] for each in RIGHT], ids=RIGHT)
OPERATION_NAMES = ("code exchange", "refresh without grace", "GetId", "GetCredentialsForIdentity", "download")
"""The others would run the same without a fault."""
each_refresh_mode = pytest.mark.parametrize("ahead_of_time", [True, False], ids=["by the thread", "without a thread"])
"""A forked child has no thread, nor has a kernel whose roles were not used for an hour."""


class WorkingKernel:
    """A kernel that uses AWS, under rotation without grace, and the calls to Cognito since its start.

    Args:
        scenario: The scenario.
        step: How its clock changes.
    """

    def __init__(self, scenario: FaultScenario, step: ClockStep) -> None:
        self.scenario = scenario
        self._step = step
        scenario.cognito.knobs.rotation, scenario.cognito.knobs.grace = True, 0
        scenario.clock.step(step.before)
        scenario.start_session()
        self._before = scenario.cognito.counts.copy()

    def step_clock(self) -> None:
        """Sets the clock."""
        self.scenario.clock.step(self._step.after - self._step.before)

    def calls_of(self, endpoint: str) -> int:
        """Returns how often an endpoint was called."""
        return self.scenario.cognito.counts[endpoint] - self._before[endpoint]

    def session(self, manager: CognitoCredentialsManager, *, ahead_of_time: bool = True) -> boto3.Session:
        """Returns a session of a manager, with or without the background refresh."""
        session = manager.make_refreshing_session(ANALYST)
        if not ahead_of_time:
            manager.close()
            wait_until(lambda: not manager._refresher.loop.running, "the thread has not ended")
        return session

    def check_signature(self, session: boto3.Session) -> None:
        """Checks that a session signs with valid credentials of the right role."""
        assert self.scenario.role_of(access_key_id_of(session)) == ANALYST

    def check_idle(self, *managers: CognitoCredentialsManager) -> None:
        """Checks that further runs of the refresh thread call nothing, and that the refresh token is valid."""
        for manager in managers:
            wait_for_refresh_runs(manager, 2)
        counts = self.scenario.cognito.counts.copy()
        for manager in managers:
            wait_for_refresh_runs(manager, 5)
        assert self.scenario.cognito.counts == counts
        for _ in range(2):
            managers[0].refresh_user_pool_tokens()


def wait_for_refresh_runs(manager: CognitoCredentialsManager, times: int = 1) -> None:
    """Waits until the refresh thread has run so many times more, or has ended."""
    for _ in range(times):
        seen = manager._refresher._last_seen_clocks
        wait_until(has_run_since(manager, seen), "the thread is stuck")


def has_run_since(manager: CognitoCredentialsManager, seen: tuple[float, float]) -> Callable[[], bool]:
    return lambda: manager._refresher._last_seen_clocks != seen or not manager._refresher.loop.running


@each_step_to_wrong
@pytest.mark.parametrize("name", OPERATION_NAMES, ids=OPERATION_NAMES)
def test_setting_the_clock_during_an_operation_has_no_effect(
    scenario: FaultScenario, name: str, step: ClockStep
) -> None:
    """During a login, a refresh, an exchange, a long download; and everything works afterwards."""
    before = ProcessResources.current()
    kernel = WorkingKernel(scenario, step)
    operation = OPERATIONS[name](scenario)
    operation.prepare()
    kernel.step_clock()
    operation.run()
    operation.check_recovery()
    operation.clean_up()
    kernel.check_idle(scenario.manager)
    del operation, kernel
    scenario.release()
    before.check_nothing_leaked()


@each_refresh_mode
@each_step_to_wrong
def test_credentials_in_use_never_expire_when_the_clock_is_set(
    scenario: FaultScenario, step: ClockStep, ahead_of_time: bool
) -> None:
    """The clock is set in the middle of three hours; Cognito is called no more often than the credentials need."""
    kernel = WorkingKernel(scenario, step)
    session = kernel.session(scenario.manager, ahead_of_time=ahead_of_time)
    for turn in range(12):
        scenario.advance(15 * MINUTE)
        if turn == 5:
            kernel.step_clock()
        kernel.check_signature(session)
        wait_for_refresh_runs(scenario.manager)
    assert kernel.calls_of(EXCHANGE) <= 12 / 2 + 2
    assert kernel.calls_of(REFRESH) <= 12 / 2 + 2
    kernel.check_idle(scenario.manager)


@each_refresh_mode
@each_step_to_right
def test_credentials_that_expired_during_suspend_are_not_used_whatever_the_clock_says(
    scenario: FaultScenario, step: ClockStep, ahead_of_time: bool
) -> None:
    """After an hour of suspend, a clock that was set back by an hour shows that no time has passed."""
    kernel = WorkingKernel(scenario, step)
    session = kernel.session(scenario.manager, ahead_of_time=ahead_of_time)
    scenario.suspend(HOUR)
    kernel.step_clock()
    kernel.check_signature(session)
    wait_for_refresh_runs(scenario.manager, 2)
    kernel.check_signature(session)
    assert kernel.calls_of(EXCHANGE) <= 4
    assert kernel.calls_of(REFRESH) <= 3
    kernel.check_idle(scenario.manager)


@each_refresh_mode
def test_expired_credentials_that_cannot_be_refreshed_raise_an_error(
    scenario: FaultScenario, ahead_of_time: bool
) -> None:
    """The network fails, then the clock is set back: the error says what to do. With the network back, all works."""
    kernel = WorkingKernel(scenario, CLOCK_STEPS["back"])
    session = kernel.session(scenario.manager, ahead_of_time=ahead_of_time)
    scenario.inject(GetCredentials.fault_point, "refused")
    kernel.step_clock()
    scenario.advance(61 * MINUTE)
    with pytest.raises(UnavailableError) as caught:
        access_key_id_of(session)
    scenario.check_message(caught.value)
    assert not str(scenario.manager.warning).startswith("Your AWS credentials are still valid")
    scenario.clear_fault(GetCredentials.fault_point)
    scenario.advance(MINUTE)
    kernel.check_signature(session)
    kernel.check_idle(scenario.manager)


@each_step_to_wrong
def test_kernels_that_share_a_sign_in_refresh_once_after_a_clock_change(
    scenario: FaultScenario, tmp_path: Path, step: ClockStep
) -> None:
    """A kernel that starts later uses the result."""
    kernel = WorkingKernel(scenario, step)
    tokens = scenario.manager.auth_tokens
    assert tokens is not None
    scenario.manager.adopt_tokens(tokens, store_in(tmp_path / "sign-ins"))
    managers = [scenario.manager, *(scenario.new_manager(tokens) for _ in range(2))]
    for manager in managers[1:]:
        manager.authenticator = scenario.new_authenticator()
        assert manager.restore_from_store(store_in(tmp_path / "sign-ins"))
    sessions = [kernel.session(manager) for manager in managers]
    for manager in managers:
        wait_for_refresh_runs(manager, 2)
    assert kernel.calls_of(EXCHANGE) == 1
    refreshed = kernel.calls_of(REFRESH)
    scenario.advance(10 * MINUTE)
    kernel.step_clock()
    for manager in managers:
        wait_for_refresh_runs(manager, 2)
    assert kernel.calls_of(EXCHANGE) <= 2
    # With the clock ahead, stored tokens look expired to each kernel until it has refreshed them itself.
    assert kernel.calls_of(REFRESH) - refreshed <= (1 if step.after < step.before else len(managers))
    started = scenario.new_manager(tokens)
    assert started.restore_from_store(store_in(tmp_path / "sign-ins"))
    for session in (*sessions, kernel.session(started)):
        kernel.check_signature(session)
    assert kernel.calls_of(EXCHANGE) <= 2
    kernel.check_idle(*managers, started)


@each_step_to_right
def test_a_kernel_started_after_a_clock_change_uses_no_expired_credentials(
    scenario: FaultScenario, tmp_path: Path, step: ClockStep
) -> None:
    """No process saw the change of the clock: only the stored times can show it."""
    kernel = WorkingKernel(scenario, step)
    tokens = scenario.manager.auth_tokens
    assert tokens is not None
    scenario.manager.adopt_tokens(tokens, store_in(tmp_path / "sign-ins"))
    scenario.manager.ensure_credentials(ANALYST)
    scenario.advance(50 * MINUTE)
    kernel.step_clock()
    scenario.manager = scenario.new_manager(tokens)
    assert scenario.manager.restore_from_store(store_in(tmp_path / "sign-ins"))
    for _ in range(3):
        kernel.check_signature(kernel.session(scenario.manager))
        scenario.advance(20 * MINUTE)
    assert scenario.manager.ensure_credentials(UPLOADER)
    kernel.check_idle(scenario.manager)
