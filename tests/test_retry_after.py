"""How long a service asks to be left alone."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest
from hypothesis import given, strategies as st

from cognito_jupyter.retry_after import retry_after


@pytest.mark.parametrize(
    ("header", "seconds"), [("120", 120), (" 7 ", 7), ("0", 0), (None, 0), ("", 0), ("-3", 0), ("soon", 0), ("1.5", 0)]
)
def test_seconds_are_taken_and_nonsense_is_none(header: str | None, seconds: float) -> None:
    assert retry_after(header) == seconds


def test_a_date_counts_from_now_and_one_that_has_passed_is_none() -> None:
    now = time.time()
    assert 58 <= retry_after(formatdate(now + 60, usegmt=True), now) <= 60
    assert retry_after(formatdate(now - 60, usegmt=True), now) == 0


@given(st.one_of(st.none(), st.text(), st.from_regex(r"\d{1,400}", fullmatch=True)))
def test_any_header_is_between_nothing_and_a_day(header: str | None) -> None:
    assert 0 <= retry_after(header) <= 86_400
