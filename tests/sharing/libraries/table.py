"""The table of docs/sharing.md: `python -m tests.sharing.libraries.table` writes it."""

from __future__ import annotations

from pathlib import Path

from .case import Case
from .period import CASES
from .test_expiries import DUCKDB_BY_ENVIRONMENT, EXPIRIES

PAGE = Path(__file__).parents[3] / "docs" / "sharing.md"
VERSIONS = Path(__file__).with_name("versions.txt")
BEGIN, END = "<!-- libraries: python -m tests.sharing.libraries.table -->\n", "<!-- end of libraries -->\n"
_HEAD = "| library | version | how | expiries | proven by |\n|---|---|---|---|---|\n"


def versions() -> dict[str, str]:
    """Returns the versions with which the tests are run, by package."""
    lines = [line for line in VERSIONS.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return dict(line.split("==") for line in lines)


def table() -> str:
    """Returns the table, with a line per case."""
    tested = versions()
    cases = sorted(
        CASES.values(), key=lambda case: (case.library.lower().removeprefix("a "), case.way != "environment")
    )
    return _HEAD + "".join(_line(case, tested[case.package]) for case in cases)


def _line(case: Case, version: str) -> str:
    if case.name == DUCKDB_BY_ENVIRONMENT:
        proof = "test_duckdb_by_itself_may_lose_a_read_and_goes_on"
        expiries = f"{EXPIRIES}, but a query under way at one may fail"
    else:
        proof, expiries = f"test_a_library_reads_on[{case.name}]", f"{EXPIRIES}"
    return f"| {case.library} | {version} | `{case.how}` | {expiries} | `{proof}` |\n"


def main() -> None:
    """Write the table into the page."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}{table()}{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()
