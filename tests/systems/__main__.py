"""`python -m tests.systems`: the flows, and then the ordinary tests on each simulated system, with counts.

    --all               all of the ordinary tests, not only those that differ by system; it takes half an hour
    --only SYSTEM       only windows, or macos
    --write             writes the counts into docs/systems.md

Other arguments are pytest's.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.systems.simulation import ROOT, SYSTEMS, Simulation, all_files

PARTS: dict[str, tuple[str, ...]] = {
    "windows": ("tests/credentials/store", "tests/oauth", "tests/signin"),
    "macos": ("tests/oauth", "tests/settings"),
}
"""The folders whose tests meet the operating system."""
OPTIONS = ("--override-ini=addopts=-ra --strict-markers --strict-config", "-q")
_LEAST = 0.98
"""The part of the tests that make sense on a system which must pass there."""
_TABLE = re.compile(r"(<!-- counts -->\n).*?(<!-- end of counts -->)", re.DOTALL)


def run_ordinary_tests(system: str, parts: tuple[str, ...], options: list[str]) -> tuple[bool, dict[str, Any]]:
    """Runs tests in a simulated pytest; returns whether all is well, and the counts.

    Args:
        system: windows or macos.
        parts: Folders and files of tests.
        options: Options of pytest.
    """
    print(f"\n{'-' * 20} {system}: {' '.join(parts)}", flush=True)
    with tempfile.TemporaryDirectory(prefix="simulated-") as folder:
        counts_file = Path(folder, "counts.json")
        simulation = Simulation(system, Path(folder))
        environment = simulation.environment() | {"SIMULATED_COUNTS": str(counts_file)}
        command = [sys.executable, "-m", "pytest", *OPTIONS, "-m", "not long", "-p", "tests.systems.plugin", *options]
        command.append(f"--basetemp={temporary_folder(simulation)}/tests")
        code = subprocess.run([*command, *parts], cwd=ROOT, env=environment, check=False).returncode
        counts = json.loads(counts_file.read_text(encoding="utf-8")) if counts_file.exists() else {}
        left = files_left(simulation)
        print(*(f"LEFT {path}" for path in left), *(f"LOGGED {line}" for line in simulation.logged()), sep="\n")
    return code == 0 and not left, counts


def temporary_folder(simulation: Simulation) -> Path:
    """Returns the simulated user's folder for temporary files."""
    return Path(simulation.environment()["TMPDIR"])


def files_left(simulation: Simulation) -> list[Path]:
    """Returns the files of this package that tests have left in the simulated user's own folders."""
    temporary = temporary_folder(simulation)
    files = [path for path in all_files([simulation.folder]) if not path.is_relative_to(temporary)]
    return [path for path in files if "cognito" in str(path.relative_to(simulation.folder))]


def passing_share(counts: dict[str, Any]) -> float:
    """Returns which part of the tests that make sense on the system has passed there."""
    passed = int(counts["passed"])
    return passed / (passed + int(counts["failed"]) + sum(map(int, counts["exceptions"].values())))


def table(results: dict[str, dict[str, Any]]) -> str:
    """Returns the counts as a table of Markdown."""
    lines = ["| system | passed | excepted | not run | passed of those that make sense |", "|---|---|---|---|---|"]
    for system, counts in results.items():
        exceptions, skipped = sum(counts["exceptions"].values()), sum(counts["skipped"].values())
        lines.append(f"| {system} | {counts['passed']} | {exceptions} | {skipped} | {passing_share(counts):.1%} |")
    for system, counts in results.items():
        lines += ["", f"Not run on {system}:", "", "| reason | tests |", "|---|---|"]
        reasons = {**counts["skipped"], **counts["exceptions"]}
        lines += [f"| {reason} | {number} |" for reason, number in sorted(reasons.items())]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Runs everything; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.systems")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--only", choices=SYSTEMS)
    parser.add_argument("--write", action="store_true")
    arguments, options = parser.parse_known_args()
    systems = (arguments.only,) if arguments.only else SYSTEMS
    passed, results = True, dict[str, dict[str, Any]]()
    if not arguments.only:
        flows = [sys.executable, "-m", "pytest", *OPTIONS, *options, "tests/systems"]
        passed = subprocess.run(flows, cwd=ROOT, env=dict(os.environ), check=False).returncode == 0
    for system in systems:
        parts = ("tests", "--ignore=tests/browser", "--ignore=tests/deploy", "--ignore=tests/hub",
                 "--ignore=tests/outside", "--ignore=tests/systems") if arguments.all else PARTS[system]  # fmt: skip
        green, counts = run_ordinary_tests(system, parts, options)
        passed = passed and green and bool(counts) and passing_share(counts) >= _LEAST
        if counts:
            results[system] = counts
    print(table(results))
    if arguments.write:
        page = ROOT / "docs" / "systems.md"
        text = page.read_text(encoding="utf-8")
        page.write_text(_TABLE.sub(lambda found: f"{found[1]}{table(results)}{found[2]}", text), encoding="utf-8")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
