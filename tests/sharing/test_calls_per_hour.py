"""docs/sharing.md says how often Cognito is called for a cluster; each engine's tests measure it again."""

from __future__ import annotations

import pytest

from .calls_per_hour import ENGINES, WORKERS, written


@pytest.mark.parametrize("engine", ENGINES)
def test_cognito_is_called_as_often_for_two_hundred_workers_as_for_two(engine: str) -> None:
    numbers = written()[engine]
    assert len(numbers) == len(WORKERS)
    assert 0 < max(numbers) <= 1.5 * min(numbers)
