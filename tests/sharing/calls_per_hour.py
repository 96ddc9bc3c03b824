"""How often Cognito is called for a cluster, by the number of its workers: the table of docs/sharing.md.

The test of each engine calls `shorten_the_hour`, opens the share, and hands what `measure_calls` returns to `check`.
`CALLS_PER_HOUR=write nox -s clusters -- -k calls_per_hour` writes the lines of the table again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import filelock

from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.local import LocalCognito
from tests.support.polling import wait_until
from tests.support.temporary import shared_path

PAGE = Path(__file__).parents[2] / "docs" / "sharing.md"
BEGIN, END = "<!-- calls: CALLS_PER_HOUR=write nox -s clusters -->\n", "<!-- end of calls -->\n"
ENGINES = ("Dask", "Ray", "Spark")
WORKERS = (2, 20, 200)
"""How many stand-in workers each engine is measured with."""
HEAD = (
    f"| Cognito calls in an hour, with | {' | '.join(f'{each} workers' for each in WORKERS)} |\n" + "|---" * 4 + "|\n"
)

HOUR = 10.0
"""Seconds that credentials and tokens live in the tests, for the hour that they live at AWS."""
REFRESHES = 4
"""How many refreshes are measured: each of them may be late by the part of a second that AWS rounds to."""


@dataclass(frozen=True)
class Measurement:
    """The calls for one cluster.

    Attributes:
        engine: One of ENGINES.
        workers: The number of stand-in workers.
        calls: The calls of Cognito's endpoints, of every kind, while it was measured.
        refreshes: How many different credentials the workers received in that time.
        hours: How long that was, in lifetimes of the credentials.
    """

    engine: str
    workers: int
    calls: int
    refreshes: int
    hours: float

    @property
    def per_hour(self) -> float:
        """The calls in an hour, with credentials and tokens that live for an hour."""
        return self.calls / self.hours


def shorten_the_hour(cognito: LocalCognito, manager: CognitoCredentialsManager) -> None:
    """Has credentials and tokens live for HOUR; to call before the share is opened.

    Args:
        cognito: The local Cognito.
        manager: The sign-in, which gets tokens that live so long.
    """
    cognito.knobs.credentials_seconds = cognito.knobs.id_token_seconds = HOUR
    manager.refresh_user_pool_tokens()


def measure_calls(cognito: LocalCognito, engine: str, workers: int, refreshes: Callable[[], int]) -> Measurement:
    """Counts the calls while the credentials of a running cluster are refreshed a few times.

    Args:
        cognito: The local Cognito.
        engine: One of ENGINES.
        workers: How many stand-in workers the cluster has; all of them must be served by now.
        refreshes: Returns how many different credentials the workers have received.
    """

    def wait_for_refresh(number: int) -> None:
        wait_until(lambda: refreshes() >= number, "The credentials were not refreshed.")

    first = refreshes() + 1
    wait_for_refresh(first)
    calls, began = sum(cognito.counts.values()), time.monotonic()
    wait_for_refresh(first + REFRESHES)
    return Measurement(
        engine, workers, sum(cognito.counts.values()) - calls, refreshes() - first, (time.monotonic() - began) / HOUR
    )


def check(measurement: Measurement) -> None:
    """Checks that only the refreshes call Cognito, and that the table says so; writes the table's cell on request.

    Args:
        measurement: What was measured.
    """
    # The tokens expire as often as the credentials do, and are refreshed by one call too.
    assert measurement.refreshes <= measurement.calls <= 2 * measurement.refreshes + 1, measurement
    if os.environ.get("CALLS_PER_HOUR") == "write":
        _write(measurement)
    # A machine under load refreshes later, and so more rarely.
    assert measurement.per_hour <= written()[measurement.engine][WORKERS.index(measurement.workers)] + 1.5, measurement


def written() -> dict[str, list[float]]:
    """Returns the lines of the table, by engine."""
    lines = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0].removeprefix(HEAD).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {engine: [float(number) for number in numbers] for engine, *numbers in cells}


def _write(measurement: Measurement) -> None:
    # The engines are measured in processes beside each other.
    with filelock.FileLock(shared_path("cognito-jupyter-calls.lock")):
        rows = written()
        row = rows.setdefault(measurement.engine, [0.0] * len(WORKERS))
        row[WORKERS.index(measurement.workers)] = round(measurement.per_hour, 1)
        table = HEAD + "".join(
            f"| {engine} | {' | '.join(f'{number:.1f}' for number in rows[engine])} |\n" for engine in sorted(rows)
        )
        text = PAGE.read_text(encoding="utf-8")
        before, _, rest = text.partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}{table}{END}{rest.partition(END)[2]}", encoding="utf-8")
