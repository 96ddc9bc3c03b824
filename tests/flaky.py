"""Runs all tests again and again, and counts the failures of each: `python -m tests.flaky --runs 20 -- OPTION ...`.

What follows the two dashes goes to pytest. With `--write`, the table replaces that of docs/benchmarks.md. A test that
failed once is a fault to find, in the test or in what it tests: nothing here repeats a test until it passes.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
HEADING = "## Twenty runs of all tests"
_COLORS = re.compile(r"#x1B\[[\d;]*m")
"""As pytest writes the escape sequences of colours into a report."""


def main() -> int:
    """Runs the tests, and prints or writes the table; returns 1 if a test has failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("options", nargs="*")
    arguments = parser.parse_args()
    failures: Counter[str] = Counter()
    minutes: list[float] = []
    for number in range(1, arguments.runs + 1):
        started = time.monotonic()
        failed = failures_of_one_run(arguments.options)
        minutes.append((time.monotonic() - started) / 60)
        failures.update(list(failed))
        print(f"Run {number}: {minutes[-1]:.1f} minutes, failed: {', '.join(sorted(failed)) or 'none'}", flush=True)
        for name, text in failed.items():
            print(f"\n{name}\n{text}\n", flush=True)
        if arguments.write:
            # After each run: a series that is interrupted keeps the table of the runs before.
            text = with_table(PAGE.read_text(encoding="utf-8"), table(failures, minutes))
            PAGE.write_text(text, encoding="utf-8")
    print(table(failures, minutes))
    return int(bool(failures))


def failures_of_one_run(options: list[str]) -> dict[str, str]:
    """Runs the tests once; returns which failed and how, the run itself among them if it ended without a report."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        command = [sys.executable, "-m", "pytest", "-q", f"--junit-xml={report}", *options]
        ran = subprocess.run(command, env=os.environ, stdout=subprocess.DEVNULL, check=False)
        if not report.exists():
            return {f"pytest ended with {ran.returncode} and without a report": ""}
        return failed_tests(report.read_text(encoding="utf-8"))


def failed_tests(report: str) -> dict[str, str]:
    """Returns the tests that a JUnit report counts as failed, or whose fixtures failed, and what it says of each."""
    failed: dict[str, str] = {}
    for case in ET.fromstring(report).iter("testcase"):
        causes = [*case.iter("failure"), *case.iter("error")]
        if causes:
            name = f"{case.get('classname')}::{case.get('name')}"
            failed[name] = _COLORS.sub("", "\n".join(cause.text or "" for cause in causes))
    return failed


def table(failures: Counter[str], minutes: list[float]) -> str:
    """Returns how often which test failed, as a table in Markdown."""
    runs = len(minutes)
    lines = [f"{runs} runs, {min(minutes):.1f} to {max(minutes):.1f} minutes each.", ""]
    if not failures:
        return "\n".join([*lines, "No test failed.", ""])
    lines += ["| test | failed in |", "|---|---|"]
    lines += [f"| `{name}` | {count} of {runs} |" for name, count in failures.most_common()]
    return "\n".join([*lines, ""])


def with_table(page: str, text: str) -> str:
    """Returns a page with the table below its heading, in place of an earlier one."""
    before, heading, rest = page.partition(f"{HEADING}\n")
    following = rest.partition("\n## ")
    after = f"\n## {following[2]}" if heading and following[1] else ""
    return f"{before.rstrip()}\n\n{HEADING}\n\n{text}{after}"


if __name__ == "__main__":
    sys.exit(main())
