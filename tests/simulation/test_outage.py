"""After an outage, many kernels come back without throttling each other."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from cognito_jupyter._util import single_flight
from tests.simulation.kernels import simulate
from tests.simulation.service import QUOTAS, CognitoModel

OUTAGE = (600.0, 4200.0)
KERNELS, WINDOW, SCALE = 500, 20.0, 0.05
"""A twentieth of ten thousand kernels and of AWS's quotas, counted in windows of twenty seconds: the numbers in each
window are those of a second of the whole simulation, which `python -m tests.simulation` runs."""
CALLERS = 0.1


@pytest.fixture(autouse=True)
def random_state() -> Iterator[None]:
    """Other tests get their own random numbers back: a simulation seeds the generator that the package uses."""
    state = random.getstate()
    yield
    random.setstate(state)


def run(seconds: float, *, seed: int = 1, scale: float = SCALE) -> tuple[CognitoModel, list[float]]:
    """Returns the service, and the share of kernels with valid credentials after each minute."""
    model = CognitoModel(OUTAGE, WINDOW, scale)
    return model, list(simulate(model, KERNELS, seconds, callers=CALLERS, seed=seed))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_after_an_outage_of_an_hour_no_quota_is_exceeded_twice_in_a_row(seed: int) -> None:
    """Neither during the outage, nor after it, nor when all refresh again an hour later."""
    model, shares = run(OUTAGE[1] + 3600, seed=seed)
    assert not [time for operation in QUOTAS for time in model.exceeded_twice(operation)]
    end = int(OUTAGE[1] // 60)
    assert shares[0] == 1.0, "at first all of them work"
    assert shares[end] < 0.02, "an hour outlasts the credentials, or nothing would be tested"
    assert min(shares[end + 6 :]) == 1.0, "after five minutes all of them work, and go on"


def test_kernels_that_signed_in_as_fast_as_the_quota_allows_do_not_exceed_it_when_they_refresh() -> None:
    """Ten thousand took 84 s, at 119 a second; forty minutes later their refreshes are spread further."""
    model = CognitoModel((1e9, 1e9), WINDOW, SCALE)
    shares = list(simulate(model, KERNELS, 3 * 3600, callers=0.0, seed=1, youth=84.0))
    assert not [time for operation in QUOTAS for time in model.exceeded_twice(operation)]
    assert min(shares) == 1.0


def test_while_the_service_is_down_credentials_that_are_valid_stay_in_use() -> None:
    _, shares = run(OUTAGE[0] + 1200)
    assert min(shares) == 1.0, "for twenty minutes nobody notices"


def test_a_simulation_is_the_same_each_time() -> None:
    (first, _), (second, _) = run(900), run(900)
    assert first.requests == second.requests
    assert run(900, seed=2)[0].requests != first.requests


def test_kernels_that_a_smaller_quota_throttles_all_come_back() -> None:
    """The account's quotas are a third of AWS's defaults: requests are throttled, and still nobody starves."""
    model, shares = run(OUTAGE[1] + 1200, scale=SCALE / 3)
    after = [
        count
        for window, count in model.requests["token"].items()
        if window * WINDOW >= OUTAGE[1] and count > model.quota("token")
    ]
    assert after, "or nothing would be tested"
    assert shares[-1] == 1.0


def test_the_simulation_shows_a_crowd_where_the_backoff_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same kernels with half a minute at most, as it was: the quotas are exceeded all the time."""
    monkeypatch.setattr(single_flight, "_MAX_BACKOFF", 30.0)
    model, _ = run(OUTAGE[1] + 300)
    assert list(model.exceeded_twice("token"))
