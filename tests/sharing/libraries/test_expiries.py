"""Every library, with an object that it holds for long, reads on while the keys expire again and again."""

from __future__ import annotations

import pytest

from .by_environment import BY_ENVIRONMENT
from .case import ADAPTED, SHARED
from .period import CASES
from .stage import LIFETIME, Result, Stage

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

EXPIRIES = 3
_HOUR = 600.0
"""Seconds; not 3600, since S3 refuses what was signed more than 15 minutes ago for that alone."""
ENVIRONMENT = [case.name for case in BY_ENVIRONMENT]
DUCKDB_BY_ENVIRONMENT = "duckdb-environment"
"""DuckDB asks for new keys only after a refusal, which costs what it was reading: duckdb_secret is for that."""
STEADY = [name for name in CASES if name != DUCKDB_BY_ENVIRONMENT]


@pytest.fixture(scope="session")
def shared(stage: Stage) -> dict[str, Result]:
    """All cases side by side in one process, for three lifetimes and the time until the third one's end is noticed."""
    return stage.run_cases(CASES, (EXPIRIES + 1) * LIFETIME)


@pytest.fixture(scope="session")
def pasted(stage: Stage) -> dict[str, Result]:
    """The same, but for keys set by hand, as people do today, and none of the waiting: the hour passes at once."""
    knobs = stage.cognito.knobs

    def an_hour_later() -> None:
        knobs.clock_offset = _HOUR

    try:
        return stage.run_cases(ENVIRONMENT, 4.0, share="pasted", lifetime=_HOUR, when_ready=an_hour_later)
    finally:
        knobs.clock_offset = 0.0


@pytest.mark.parametrize("name", STEADY)
def test_a_library_reads_on(stage: Stage, shared: dict[str, Result], name: str) -> None:
    """No read fails, three keys that it signed with have expired, and the gate knows whose they were."""
    result = shared[name]
    assert not result.errors
    assert result.expiries >= EXPIRIES
    assert result.reads > EXPIRIES
    role = SHARED if CASES[name].way == "environment" else ADAPTED
    assert result.roles == {stage.cognito.roles[role]}


def test_duckdb_by_itself_may_lose_a_read_and_goes_on(shared: dict[str, Result]) -> None:
    """Why its adapter is there: it signs with what it has until that is refused, in the middle of a read too."""
    result = shared[DUCKDB_BY_ENVIRONMENT]
    assert result.refused
    assert result.expiries >= EXPIRIES
    assert result.reads > len(result.errors)
    assert all("expired" in text for _, text in result.errors)


@pytest.mark.parametrize("name", ENVIRONMENT)
def test_keys_set_by_hand_end_a_librarys_reads(pasted: dict[str, Result], name: str) -> None:
    """So that the test above can fail: the same cases at the same gate."""
    result = pasted[name]
    assert result.reads
    assert result.errors
