"""`python -m tests.systems`: the flows, and then the ordinary tests on each simulated system, with counts.

    --all               all of the ordinary tests, not only those that differ by system; it takes half an hour
    --only SYSTEM       only windows, or macos, and no flows
    --write             writes the counts of the folders that it runs into docs/systems.md
    tests/settings ...  only these folders or files

Other arguments are pytest's.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.systems.counts import BySystem, FolderCounts, tables, total, write_counts
from tests.systems.simulation import ROOT, SYSTEMS, Simulation, all_files

PARTS: dict[str, tuple[str, ...]] = {
    "windows": (
        "tests/_util/folders", "tests/_util/threads", "tests/cli/test_credential_process.py",
        "tests/cli/test_windows_terminal.py", "tests/credentials/store", "tests/doctor", "tests/oauth",
        "tests/settings", "tests/sharing/profile", "tests/signin",
    ),
    "macos": ("tests/_util/folders", "tests/oauth", "tests/server_extension", "tests/settings"),
}  # fmt: skip
"""The folders and modules that meet the operating system most; `nox -s systems` runs them."""
OPTIONS = ("--override-ini=addopts=-ra --strict-markers --strict-config", "-q")
LEAST = 0.98
"""The part of the tests that make sense on a system which must pass there."""
SESSIONS_OF_THEIR_OWN = ("browser", "deploy", "hub", "outside", "systems")
"""The folders that `nox -s tests` does not run either."""


def run_ordinary_tests(
    system: str, parts: Sequence[str], options: Sequence[str]
) -> tuple[bool, dict[str, FolderCounts]]:
    """Runs tests in a simulated pytest; returns whether all is well, and the counts of each folder.

    Args:
        system: windows or macos.
        parts: Folders and files of tests.
        options: Options of pytest.
    """
    print(f"\n{'-' * 20} {system}: {' '.join(parts)}", flush=True)
    with tempfile.TemporaryDirectory(prefix="simulated-") as folder:
        counts_file = Path(folder, "counts.json")
        os.chmod(folder, 0o711)  # for the tests that act as another user
        simulation = Simulation(system, Path(folder))
        environment = simulation.environment() | {"SIMULATED_COUNTS": str(counts_file)}
        command = [sys.executable, "-m", "pytest", *OPTIONS, "-m", "not long", "-p", "tests.systems.plugin", *options]
        command.append(f"--basetemp={temporary_folder(simulation)}/tests")
        code = subprocess.run([*command, *parts], cwd=ROOT, env=environment, check=False).returncode
        found = json.loads(counts_file.read_text(encoding="utf-8")) if counts_file.exists() else {}
        left = files_left(simulation)
        print(*(f"LEFT {path}" for path in left), *(f"LOGGED {line}" for line in simulation.logged()), sep="\n")
    return code == 0 and not left, {name: FolderCounts.from_json(counts) for name, counts in found.items()}


def temporary_folder(simulation: Simulation) -> Path:
    """Returns the simulated user's folder for temporary files."""
    return Path(simulation.environment()["TMPDIR"])


def files_left(simulation: Simulation) -> list[Path]:
    """Returns the files of this package that tests have left in the simulated user's own folders."""
    temporary = temporary_folder(simulation)
    files = [path for path in all_files([simulation.folder]) if not path.is_relative_to(temporary)]
    return [path for path in files if "cognito" in str(path.relative_to(simulation.folder))]


def is_whole(name: str, parts: Sequence[str]) -> bool:
    """Returns whether the parts hold all tests of a folder of `tests`; "." is for the files in `tests` itself.

    Args:
        name: The folder.
        parts: Folders and files of tests.
    """
    needed = {Path("tests", name)} if name != "." else {each.relative_to(ROOT) for each in ROOT.glob("tests/test_*.py")}
    return needed <= set(map(Path, parts))


def main() -> int:
    """Runs everything; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.systems")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--only", choices=SYSTEMS)
    parser.add_argument("--write", action="store_true")
    arguments, others = parser.parse_known_args()
    chosen = [each for each in others if Path(ROOT, each.partition("::")[0]).exists()]
    options = [each for each in others if each not in chosen]
    systems = (arguments.only,) if arguments.only else SYSTEMS
    passed, results = True, BySystem()
    if not (arguments.only or chosen):
        flows = [sys.executable, "-m", "pytest", *OPTIONS, *options, "tests/systems"]
        passed = subprocess.run(flows, cwd=ROOT, env=dict(os.environ), check=False).returncode == 0
    everything = ("tests", *(f"--ignore=tests/{name}" for name in SESSIONS_OF_THEIR_OWN))
    for system in systems:
        parts = chosen or (everything if arguments.all else PARTS[system])
        green, counts = run_ordinary_tests(system, parts, options)
        passed = passed and green and bool(counts) and total(counts).passing_share >= LEAST
        if counts:
            whole = {name for name in counts if (arguments.all and not chosen) or is_whole(name, chosen)}
            results[system] = {name: each for name, each in counts.items() if name in whole or not arguments.write}
    print(tables(results))
    if arguments.write:
        write_counts(results)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
