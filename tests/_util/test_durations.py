"""A duration in words."""

from __future__ import annotations

import pytest

from cognito_jupyter._util.durations import duration_in_words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 seconds"),
        (1, "1 second"),
        (119, "119 seconds"),
        (120, "2 minutes"),
        (7199, "120 minutes"),
        (7200, "2 hours"),
        (200_000, "2 days"),
    ],
)
def test_a_duration_is_in_the_largest_unit_of_which_there_are_two(seconds: float, words: str) -> None:
    assert duration_in_words(seconds) == words


@pytest.mark.parametrize(("seconds", "words"), [(-5, "0 minutes"), (60, "1 minute"), (300, "5 minutes")])
def test_a_duration_in_minutes_is_never_in_seconds(seconds: float, words: str) -> None:
    assert duration_in_words(seconds, in_minutes=True) == words
