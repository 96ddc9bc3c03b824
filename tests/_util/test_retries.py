"""When a failed request is sent again."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, strategies as st

from cognito_jupyter._util.retries import (
    FIRST_THROTTLED_DELAY,
    MAX_THROTTLED_DELAY,
    ThrottledRetries,
    full_jitter,
    may_repeat,
    one_request_only,
)
from tests.support.clock import FakeClock


def retries_with(draw: Callable[[], float], budget: float = 15.0) -> tuple[ThrottledRetries, FakeClock]:
    clock = FakeClock()
    return ThrottledRetries(budget, lambda: clock.monotonic, draw), clock


def test_the_longest_delay_doubles_up_to_its_limit() -> None:
    retries, clock = retries_with(lambda: 1.0)
    delays = [retries.next_delay() for _ in range(4)]
    clock.advance(1)
    assert delays == [FIRST_THROTTLED_DELAY, 2.0, MAX_THROTTLED_DELAY, MAX_THROTTLED_DELAY]


def test_the_last_repetition_is_at_the_end_of_the_budget() -> None:
    retries, clock = retries_with(lambda: 1.0, budget=2.5)
    total = 0.0
    while (delay := retries.next_delay()) is not None:
        clock.advance(delay)
        total += delay
    assert total == pytest.approx(2.5)


def test_a_delay_longer_than_the_budget_is_not_waited_for() -> None:
    retries, _ = retries_with(lambda: 0.5, budget=10.0)
    assert retries.next_delay(retry_after=11.0) is None


def test_a_random_delay_is_added_to_what_the_service_asks_for() -> None:
    retries, _ = retries_with(lambda: 0.25)
    assert retries.next_delay(retry_after=3.0) == 3.0 + 0.25 * FIRST_THROTTLED_DELAY


@given(st.floats(0.0, 60.0), st.lists(st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 120.0)), min_size=1, max_size=50))
def test_the_delays_never_exceed_the_budget(budget: float, responses: list[tuple[float, float]]) -> None:
    draws = iter([draw for draw, _ in responses])
    retries, clock = retries_with(lambda: next(draws), budget)
    total = 0.0
    for _, retry_after in responses:
        delay = retries.next_delay(retry_after)
        if delay is None:
            break
        assert delay >= min(retry_after, budget - total) - 1e-6
        clock.advance(delay)
        total += delay
    assert total <= budget + 1e-6


@given(st.integers(1, 100_000), st.floats(0.0, 1.0))
def test_jitter_is_between_nothing_and_the_whole_backoff(failures: int, draw: float) -> None:
    assert 0.0 <= full_jitter(failures, 1.0, 300.0, lambda: draw) <= min(300.0, 2.0 ** min(failures - 1, 16))


def test_the_inner_of_two_attempts_decides_whether_requests_are_repeated() -> None:
    assert may_repeat()
    with one_request_only(True):
        assert not may_repeat()
        with one_request_only(False):
            assert may_repeat()
        assert not may_repeat()
    assert may_repeat()
