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

from .moments import MOMENTS, GetCredentials, key_of
from .scene import ANALYST, ENOUGH, UPLOADER, Scene, Traces, wait_for

MINUTE, HOUR = 60.0, 3600.0
EXCHANGE, REFRESH = "GetCredentialsForIdentity", "token:refresh_token"


@dataclass(frozen=True)
class Step:
    """How the clock is wrong before and after; in seconds that it is ahead."""

    before: float
    after: float


STEPS = {
    "ahead": Step(0.0, HOUR),
    "back": Step(0.0, -HOUR),
    "back to what is right": Step(HOUR, 0.0),
    "ahead to what is right": Step(-HOUR, 0.0),
}
WRONG, RIGHT = ("ahead", "back"), ("back to what is right", "ahead to what is right")
goes_wrong = pytest.mark.parametrize("step", [STEPS[each] for each in WRONG], ids=WRONG)
is_set_right = pytest.mark.parametrize("step", [STEPS[each] for each in RIGHT], ids=RIGHT)
KINDS = ("code exchange", "refresh without grace", "GetId", "GetCredentialsForIdentity", "mid-body")
"""The moments; those that are left out are the same but for a fault."""
each_way = pytest.mark.parametrize("ahead_of_time", [True, False], ids=["by the thread", "without a thread"])
"""A forked child has no thread, nor has a kernel whose roles nobody has used for an hour."""


class Worker:
    """A kernel in which somebody works, under rotation without grace, and what it has asked Cognito for.

    Args:
        scene: Where.
        step: How its clock is.
    """

    def __init__(self, scene: Scene, step: Step) -> None:
        self.scene = scene
        self._step = step
        scene.cognito.knobs.rotation, scene.cognito.knobs.grace = True, 0
        scene.times.step(step.before)
        scene.sign_in(ENOUGH)
        self._before = scene.cognito.counts.copy()

    def step(self) -> None:
        """Has somebody set the clock."""
        self.scene.times.step(self._step.after - self._step.before)

    def asked(self, endpoint: str) -> int:
        """How often Cognito was asked."""
        return self.scene.cognito.counts[endpoint] - self._before[endpoint]

    def session(self, manager: CognitoCredentialsManager, *, ahead_of_time: bool = True) -> boto3.Session:
        """A session of the manager's, which renews ahead of time or does not."""
        session = manager.make_refreshing_session(ANALYST)
        if not ahead_of_time:
            manager.close()
            wait_for(lambda: not manager._renewal.running, lambda: "the thread goes on")
        return session

    def check_signs(self, session: boto3.Session) -> None:
        """Has it sign: with the right role, by keys that AWS has for good ones."""
        assert self.scene.role_of(key_of(session)) == ANALYST

    def check_calm(self, *managers: CognitoCredentialsManager) -> None:
        """Nothing more is asked for, however often the thread looks; and the refresh token is good."""
        for manager in managers:
            looked_on(manager, 2)
        asked = self.scene.cognito.counts.copy()
        for manager in managers:
            looked_on(manager, 5)
        assert self.scene.cognito.counts == asked
        for _ in range(2):
            managers[0].refresh_user_pool_tokens()


def looked_on(manager: CognitoCredentialsManager, times: int = 1) -> None:
    """Waits until the thread has looked as often again, or is not there."""
    for _ in range(times):
        seen = manager._upkeep._seen
        wait_for(looked_since(manager, seen), lambda: "the thread is stuck")


def looked_since(manager: CognitoCredentialsManager, seen: tuple[float, float]) -> Callable[[], bool]:
    return lambda: manager._upkeep._seen != seen or not manager._renewal.running


@goes_wrong
@pytest.mark.parametrize("kind", KINDS, ids=KINDS)
def test_a_clock_that_is_set_in_the_middle_of_it_is_not_noticed(scene: Scene, kind: str, step: Step) -> None:
    """Of a login, of a refresh, of an exchange, of a long read; and what comes after goes well too."""
    before = Traces.of_now()
    worker = Worker(scene, step)
    moment = MOMENTS[kind](scene)
    moment.begin()
    worker.step()
    moment.act()
    moment.go_on()
    moment.end()
    worker.check_calm(scene.manager)
    del moment, worker
    scene.let_go()
    before.check_nothing_is_left()


@each_way
@goes_wrong
def test_keys_in_use_are_never_over_whenever_the_clock_is_set(scene: Scene, step: Step, ahead_of_time: bool) -> None:
    """For three hours, in the middle of which the clock is set; and Cognito is asked as often as they need."""
    worker = Worker(scene, step)
    session = worker.session(scene.manager, ahead_of_time=ahead_of_time)
    for turn in range(12):
        scene.pass_by(15 * MINUTE)
        if turn == 5:
            worker.step()
        worker.check_signs(session)
        looked_on(scene.manager)
    assert worker.asked(EXCHANGE) <= 12 / 2 + 2
    assert worker.asked(REFRESH) <= 12 / 2 + 2
    worker.check_calm(scene.manager)


@each_way
@is_set_right
def test_keys_that_were_over_when_the_machine_woke_up_are_not_used_whatever_its_clock_says(
    scene: Scene, step: Step, ahead_of_time: bool
) -> None:
    """After an hour's sleep a clock that is set back by an hour says that no time has passed."""
    worker = Worker(scene, step)
    session = worker.session(scene.manager, ahead_of_time=ahead_of_time)
    scene.sleep(HOUR)
    worker.step()
    worker.check_signs(session)
    looked_on(scene.manager, 2)
    worker.check_signs(session)
    assert worker.asked(EXCHANGE) <= 4
    assert worker.asked(REFRESH) <= 3
    worker.check_calm(scene.manager)


@each_way
def test_keys_that_are_over_and_cannot_be_renewed_are_an_error_and_not_used(scene: Scene, ahead_of_time: bool) -> None:
    """The network goes, then the clock is set back; the error says what to do, and once it is there all is well."""
    worker = Worker(scene, STEPS["back"])
    session = worker.session(scene.manager, ahead_of_time=ahead_of_time)
    scene.strike(GetCredentials.spot, "refused")
    worker.step()
    scene.pass_by(61 * MINUTE)
    with pytest.raises(UnavailableError) as caught:
        key_of(session)
    scene.check_words(caught.value)
    assert not str(scene.manager.problem).startswith("Your AWS keys are still good")
    scene.mend(GetCredentials.spot)
    scene.pass_by(MINUTE)
    worker.check_signs(session)
    worker.check_calm(scene.manager)


@goes_wrong
def test_kernels_that_share_a_sign_in_ask_once_for_what_the_clock_has_made_doubtful(
    scene: Scene, tmp_path: Path, step: Step
) -> None:
    """And a kernel that starts after that takes what they have got."""
    worker = Worker(scene, step)
    tokens = scene.manager.auth_tokens
    assert tokens is not None
    scene.manager.sign_in(tokens, store_in(tmp_path / "sign-ins"))
    managers = [scene.manager, *(scene.manager_of(tokens) for _ in range(2))]
    for manager in managers[1:]:
        manager.authenticator = scene.new_authenticator()
        assert manager.restore(store_in(tmp_path / "sign-ins"))
    sessions = [worker.session(manager) for manager in managers]
    for manager in managers:
        looked_on(manager, 2)
    assert worker.asked(EXCHANGE) == 1
    refreshed = worker.asked(REFRESH)
    scene.pass_by(10 * MINUTE)
    worker.step()
    for manager in managers:
        looked_on(manager, 2)
    assert worker.asked(EXCHANGE) <= 2
    # Where their clock is ahead of what they know of it, all tokens seem to be over until they have asked themselves.
    assert worker.asked(REFRESH) - refreshed <= (1 if step.after < step.before else len(managers))
    started = scene.manager_of(tokens)
    assert started.restore(store_in(tmp_path / "sign-ins"))
    for session in (*sessions, worker.session(started)):
        worker.check_signs(session)
    assert worker.asked(EXCHANGE) <= 2
    worker.check_calm(*managers, started)


@is_set_right
def test_a_kernel_that_starts_after_the_clock_was_set_takes_no_dead_keys(
    scene: Scene, tmp_path: Path, step: Step
) -> None:
    """Nobody has seen the clock being set: what is kept has only its own times to go by."""
    worker = Worker(scene, step)
    tokens = scene.manager.auth_tokens
    assert tokens is not None
    scene.manager.sign_in(tokens, store_in(tmp_path / "sign-ins"))
    scene.manager.ensure_credentials(ANALYST)
    scene.pass_by(50 * MINUTE)
    worker.step()
    scene.manager = scene.manager_of(tokens)
    assert scene.manager.restore(store_in(tmp_path / "sign-ins"))
    for _ in range(3):
        worker.check_signs(worker.session(scene.manager))
        scene.pass_by(20 * MINUTE)
    assert scene.manager.ensure_credentials(UPLOADER)
    worker.check_calm(scene.manager)
