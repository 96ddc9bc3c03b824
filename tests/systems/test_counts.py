"""The counts in docs/systems.md: they are those of the record, of every folder of ordinary tests, and good enough."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.systems.__main__ import LEAST, SESSIONS_OF_THEIR_OWN, is_whole
from tests.systems.counts import PAGE, FolderCounts, read_counts, tables, total, with_tables
from tests.systems.exceptions import EXCEPTIONS
from tests.systems.simulation import ROOT, SYSTEMS

_NO_TESTS = {"support", "typing"}
_ONLY_LONG_TESTS = {"foreign", "packaging"}


def test_the_page_has_the_tables_of_the_record() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == with_tables(text, read_counts())


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_folder_has_run_on_every_system_and_nearly_all_tests_that_make_sense_have_passed(system: str) -> None:
    folders = {path.parent.name for path in ROOT.glob("tests/*/__init__.py")}
    record = read_counts()[system]
    assert record.keys() == folders - {*SESSIONS_OF_THEIR_OWN, *_NO_TESTS, *_ONLY_LONG_TESTS} | {"."}
    assert total(record).passing_share >= LEAST
    assert set(total(record).exceptions) <= set(EXCEPTIONS[system].values())


def test_counts_of_folders_add_up_and_failures_lower_the_share() -> None:
    one = FolderCounts(97, 1, Counter(programs=1), Counter(fork=4))
    both = total({"cli": one, "oauth": FolderCounts(1, skipped=Counter(fork=1))})
    assert (both.passed, both.exceptions, both.skipped) == (98, Counter(programs=1), Counter(fork=5))
    assert both.passing_share == 0.98
    assert "| windows | 98 | 1 | 1 | 5 | 98.0% |" in tables({"windows": {"cli": both}})


def test_only_folders_that_ran_as_a_whole_count() -> None:
    assert is_whole("cli", ["tests/cli", "tests/oauth/test_pkce.py"])
    assert not is_whole("oauth", ["tests/cli", "tests/oauth/test_pkce.py"])
    assert not is_whole(".", ["tests/test_secrets.py"])
