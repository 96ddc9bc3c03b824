"""Retry-After headers and backoff."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest
from hypothesis import given, strategies as st

from cognito_jupyter._util.timeouts import exponential_backoff, parse_retry_after


@pytest.mark.parametrize(
    ("header", "seconds"), [("120", 120), (" 7 ", 7), ("0", 0), (None, 0), ("", 0), ("-3", 0), ("soon", 0), ("1.5", 0)]
)
def test_seconds_are_parsed_and_anything_else_is_zero(header: str | None, seconds: float) -> None:
    assert parse_retry_after(header) == seconds


def test_a_date_counts_from_now_and_a_past_date_is_zero() -> None:
    now = time.time()
    assert 58 <= parse_retry_after(formatdate(now + 60, usegmt=True), now) <= 60
    assert parse_retry_after(formatdate(now - 60, usegmt=True), now) == 0


@given(st.one_of(st.none(), st.text(), st.from_regex(r"\d{1,400}", fullmatch=True)))
def test_any_header_is_between_zero_and_one_day(header: str | None) -> None:
    assert 0 <= parse_retry_after(header) <= 86_400


def test_backoff_doubles_with_each_failure_up_to_the_limit() -> None:
    assert [exponential_backoff(failures, 1.0, 30.0) for failures in range(1, 8)] == [1, 2, 4, 8, 16, 30, 30]
    assert exponential_backoff(10_000, 1.0, 30.0) == 30
