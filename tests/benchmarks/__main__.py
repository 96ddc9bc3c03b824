"""Runs every benchmark and prints a table: `python -m tests.benchmarks`, from the repository's root."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from .chart import write_chart
from .classroom import measure_classroom
from .expiry import measure_expiry
from .kernels import measure_kernels
from .loading import measure_loading
from .logins import measure_logins
from .process import measure_process
from .record import write_record
from .roles import measure_roles
from .sharing import measure_sharing
from .signing import measure_signing
from .stage import Stage
from .table import Group, print_group

_WITHOUT_COGNITO: dict[str, Callable[[], Group]] = {
    "loading": measure_loading,
    "process": measure_process,
    "sharing": measure_sharing,
}
_WITH_COGNITO: dict[str, Callable[[Stage], Group]] = {
    "signing": measure_signing,
    "expiry": measure_expiry,
    "logins": measure_logins,
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


def _append_and_print(groups: list[Group], group: Group) -> None:
    groups.append(group)
    print_group(group)


def _parser() -> argparse.ArgumentParser:
    names = [*_WITHOUT_COGNITO, *_WITH_COGNITO]
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures with all samples")
    parser.add_argument("--chart", type=Path, metavar="PATH", help="draw them as SVG")
    parser.add_argument("--only", nargs="+", choices=names, default=names, help="measure only these groups")
    return parser


if __name__ == "__main__":
    main()
