"""Every library, with one long-lived object, continues to read while credentials expire again and again."""

from __future__ import annotations

import pytest

from .by_environment import BY_ENVIRONMENT
from .by_tool import BY_TOOL
from .case import ADAPTED, SHARED
from .period import CASES
from .stage import Result, Stage

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

EXPIRIES = 3
SECONDS = 40.0
"""Credentials are replaced after two thirds of their lifetime: the third ones expire after 28 seconds."""
_HOUR = 600.0
"""Seconds; not 3600, because S3 also refuses requests that were signed more than 15 minutes ago."""
ENVIRONMENT = [case.name for case in BY_ENVIRONMENT]
DUCKDB_BY_ENVIRONMENT = "duckdb-environment"
"""DuckDB requests new credentials only after a refusal, which ends its query: duckdb_secret solves that."""
TOOLS = [case.name for case in BY_TOOL]
LIBRARIES = [name for name in CASES if name not in TOOLS]
STEADY = [name for name in LIBRARIES if name != DUCKDB_BY_ENVIRONMENT]


@pytest.fixture(scope="session")
def shared(stage: Stage) -> dict[str, Result]:
    """Runs all cases in parallel in one process, for longer than their first three credentials live."""
    return stage.run_cases(LIBRARIES, SECONDS)


@pytest.fixture(scope="session")
def shared_with_tools(stage: Stage) -> dict[str, Result]:
    """Runs the tools likewise, apart from the others: all at once would be too much for a small machine."""
    return stage.run_cases(TOOLS, SECONDS)


@pytest.fixture(scope="session")
def pasted(stage: Stage) -> dict[str, Result]:
    """Runs the cases with keys set by hand; the clock is moved by an hour, so that they expire at once."""
    knobs = stage.cognito.knobs

    def an_hour_later() -> None:
        knobs.clock_offset = _HOUR

    try:
        return stage.run_cases(ENVIRONMENT, 4.0, share="pasted", lifetime=_HOUR, when_ready=an_hour_later)
    finally:
        knobs.clock_offset = 0.0


@pytest.mark.parametrize("name", STEADY)
def test_a_library_reads_on(stage: Stage, shared: dict[str, Result], name: str) -> None:
    """No read fails, three of the keys that it signed with have expired, and all were of the expected role."""
    role = SHARED if CASES[name].way == "environment" else ADAPTED
    _check(shared[name], stage.cognito.roles[role])


@pytest.mark.parametrize("name", TOOLS)
def test_a_tool_reads_on(stage: Stage, shared_with_tools: dict[str, Result], name: str) -> None:
    """Likewise."""
    _check(shared_with_tools[name], stage.cognito.roles[SHARED])


def _check(result: Result, role_arn: str) -> None:
    assert not result.errors
    assert result.expiries >= EXPIRIES
    assert result.reads > EXPIRIES
    assert result.roles == {role_arn}


def test_duckdb_by_itself_may_lose_a_read_and_goes_on(shared: dict[str, Result]) -> None:
    """The reason for its adapter: it uses its keys until they are refused, even in the middle of a query."""
    result = shared[DUCKDB_BY_ENVIRONMENT]
    assert result.refused
    assert result.expiries >= EXPIRIES
    assert result.reads > len(result.errors)
    assert all("expired" in text for _, text in result.errors)


@pytest.mark.parametrize("name", ENVIRONMENT)
def test_keys_set_by_hand_end_a_librarys_reads(pasted: dict[str, Result], name: str) -> None:
    """Shows that the test above can fail: the same cases at the same proxy."""
    result = pasted[name]
    assert result.reads
    assert result.errors
