"""Runs every benchmark and prints a table: `python -m tests.benchmarks`, from the repository's root.

`--write` also writes the figures, the chart and the import profiles into docs/benchmarks.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from .chart import write_chart
from .classroom import measure_classroom
from .clone import measure_clone
from .entry_point import measure_entry_point
from .expiry import measure_expiry
from .kernels import measure_kernels
from .link import measure_link
from .loading import measure_loading
from .logins import measure_logins
from .memory import measure_memory
from .page import write_page
from .process import measure_process
from .record import write_record
from .restart import measure_restart
from .role_change import measure_role_change
from .roles import measure_roles
from .sharing import measure_sharing
from .signing import measure_signing
from .stage import Stage
from .table import Group, print_group

_WITHOUT_COGNITO: dict[str, Callable[[], Group]] = {
    "loading": measure_loading,
    "process": measure_process,
    "sharing": measure_sharing,
    "clone": measure_clone,
}
_WITH_COGNITO: dict[str, Callable[[Stage], Group]] = {
    "signing": measure_signing,
    "expiry": measure_expiry,
    "logins": measure_logins,
    "entry-point": measure_entry_point,
    "restart": measure_restart,
    "link": measure_link,
    "role-change": measure_role_change,
    "memory": measure_memory,
    "kernels": measure_kernels,
    "roles": measure_roles,
    "classroom": measure_classroom,
}


def main() -> None:
    """Prints one row for each figure, and each group as soon as it is measured."""
    arguments = _parser().parse_args()
    groups: list[Group] = []
    for name, measure_without_cognito in _WITHOUT_COGNITO.items():
        if name in arguments.only:
            _append_and_print(groups, measure_without_cognito())
    with Stage() as stage:
        for name, measure in _WITH_COGNITO.items():
            if name in arguments.only:
                _append_and_print(groups, measure(stage))
    if arguments.json is not None:
        write_record(arguments.json, groups)
    if arguments.chart is not None:
        write_chart(arguments.chart, groups)
    if arguments.write:
        write_page(groups)


def _append_and_print(groups: list[Group], group: Group) -> None:
    groups.append(group)
    print_group(group)


def _parser() -> argparse.ArgumentParser:
    names = [*_WITHOUT_COGNITO, *_WITH_COGNITO]
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures with all samples")
    parser.add_argument("--chart", type=Path, metavar="PATH", help="draw them as SVG")
    extent = parser.add_mutually_exclusive_group()
    extent.add_argument("--only", nargs="+", choices=names, default=names, help="measure only these groups")
    extent.add_argument("--write", action="store_true", help="write all of it into docs/benchmarks")
    return parser


if __name__ == "__main__":
    main()
