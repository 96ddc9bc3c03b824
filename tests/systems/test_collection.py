"""The tests can be collected on every system, and those that one lacks something for are skipped, and say for what.

`.github/workflows/ci.yml` runs them on real ones.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.systems import IS_ROOT, NEEDS
from tests.systems.simulation import ROOT, SYSTEMS, Simulation

_REASONS = {mark.kwargs["reason"] for mark in NEEDS.values()}
# Collects in a process of its own, and writes which tests there are and why one is not run.
_COLLECT = """
import json, os, sys
import pytest
class Collection:
    def pytest_collection_finish(self, session):
        found = {}
        for item in session.items:
            marks = [mark for mark in item.iter_markers("skipif") if mark.args[0]]
            found[item.nodeid] = [mark.kwargs["reason"] for mark in marks]
        with open(sys.argv[1], "w") as file:
            json.dump(found, file)
sys.exit(pytest.main(["--collect-only", "-q", *sys.argv[2:]], plugins=[Collection()]))
"""

Collect = Callable[[str | None], dict[str, list[str]]]


@pytest.fixture(scope="module")
def collect(tmp_path_factory: pytest.TempPathFactory) -> Collect:
    """Collects the ordinary tests on a system, None being this one; returns why each is not run there."""

    def run(system: str | None) -> dict[str, list[str]]:
        folder = tmp_path_factory.mktemp("collection")
        program, found = folder / "collect.py", folder / "found.json"
        program.write_text(_COLLECT, encoding="utf-8")
        environment = Simulation(system, folder).environment() if system else None
        command = [sys.executable, "-c", _COLLECT, str(found), "-p", "no:cacheprovider"]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-3000:]
        tests: dict[str, list[str]] = json.loads(Path(found).read_text(encoding="utf-8"))
        return tests

    return run


def test_on_linux_as_root_no_test_is_skipped_for_want_of_a_system(collect: Collect) -> None:
    skipped = {name: reasons for name, reasons in collect(None).items() if set(reasons) & _REASONS}
    assert IS_ROOT or {reason for reasons in skipped.values() for reason in reasons} == {"needs root"}
    assert not IS_ROOT or skipped == {}


@pytest.mark.parametrize("system", SYSTEMS)
def test_all_tests_can_be_collected_and_most_can_run(collect: Collect, system: str) -> None:
    tests = collect(system)
    counts = Counter(reason for reasons in tests.values() for reason in set(reasons) if reason in _REASONS)
    assert len(tests) > 4000
    assert system != "windows" or counts["needs fork"] > 20
    assert sum(1 for reasons in tests.values() if set(reasons) & _REASONS) < 0.1 * len(tests), counts
