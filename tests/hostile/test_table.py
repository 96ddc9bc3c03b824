"""The table of attempts: it counts what the tests report, and the page has its last figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from .attempts import Attempts
from .counts import CountAttempts
from .kinds import KINDS, kind_of
from .table import BEGIN, END, PAGE, figures, table

ROOT = Path(__file__).parents[2]
FRAMES, STORMS = "tests/test_frames.py::test_x", "tests/credentials/test_storms.py::test_y"


def reports(test: str, outcome: str = "passed", tried: Attempts | None = None) -> list[pytest.TestReport]:
    """The reports of a test's phases, as pytest gives them to a plugin."""
    properties: list[tuple[str, object]] = []
    failed_at_the_end = False
    if tried is not None:
        try:
            tried.report(properties)
        except AssertionError:
            failed_at_the_end = True
    made: list[pytest.TestReport] = []
    for when in ("setup", "call", "teardown"):
        ends = "failed" if when == "teardown" and failed_at_the_end else "passed"
        given = outcome if when == "call" else ends
        made.append(pytest.TestReport(test, ("", 0, ""), {}, given, None, when, user_properties=properties))  # type: ignore[arg-type] # literals
    return made


def counted(*each: list[pytest.TestReport]) -> CountAttempts:
    counts = CountAttempts()
    for report in (one for several in each for one in several):
        counts.pytest_runtest_logreport(report)
    return counts


def test_a_test_is_an_attempt_or_says_how_many_it_makes() -> None:
    many = Attempts()
    for number in range(10):
        many.check(number, holds=number != 3)
    counts = counted(reports(FRAMES), reports(f"{FRAMES}2", "failed"), reports(STORMS, tried=many))
    assert (counts.tried["frames"], counts.held["frames"]) == (2, 1)
    assert (counts.tried["storms"], counts.held["storms"]) == (10, 9)


def test_a_test_that_fails_beside_its_attempts_does_not_hold() -> None:
    one = Attempts()
    one.check("it", holds=True)
    counts = counted(reports(FRAMES, "failed", one))
    assert (counts.tried["frames"], counts.held["frames"]) == (1, 0)


def test_a_skipped_test_is_no_attempt() -> None:
    counts = counted(reports(FRAMES, "skipped"))
    assert (counts.tried["frames"], counts.skipped["frames"]) == (0, 1)


def test_what_is_not_refused_or_refused_otherwise_does_not_hold() -> None:
    tried = Attempts()
    tried.refused("a result", lambda: None, ValueError)
    tried.refused("another error", lambda: 1 / 0, ValueError)
    tried.refused("refused", lambda: int("x"), ValueError)
    assert (tried.tried, tried.failed) == (3, ["a result", "another error"])
    with pytest.raises(AssertionError, match="2 of 3 do not hold"):
        tried.report([])
    with pytest.raises(AssertionError, match="Nothing"):
        Attempts().report([])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_test_that_a_kind_names_exists(kind: object) -> None:
    for prefix in vars(kind)["tests"]:
        path, _, name = prefix.partition("::")
        assert (ROOT / path).exists()
        if name:
            assert f"def {name}" in (ROOT / path).read_text(encoding="utf-8")


def test_each_kind_of_attempt_is_counted_once() -> None:
    found = kind_of("tests/hostile/test_settings.py::test_no_endpoint_of_another[x]")
    assert found is not None
    assert found.name == "endpoints"
    assert kind_of("tests/hostile/test_table.py::test_x") is None
    assert kind_of("tests/_util/test_secret_text.py::test_the_search_finds_a_plain_token") is None


def test_the_page_shows_a_run_in_which_every_attempt_of_every_kind_holds() -> None:
    """`nox -s hostile -- --write` writes it."""
    written = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    assert set(figures()) == {kind.name for kind in KINDS}
    assert min(figures().values()) > 0
    assert written == table(figures())
