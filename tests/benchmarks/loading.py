"""What `%load_ext cognito_jupyter` costs in a running IPython, compared with `import boto3`."""

from __future__ import annotations

import subprocess
import sys

from .implementations import implementations
from .table import Figure, Group, Reach

_ROUNDS = 9
_IN_IPYTHON = """
import time
from IPython.core.interactiveshell import InteractiveShell
{before}
shell = InteractiveShell.instance()
began = time.perf_counter()
{what}
print(time.perf_counter() - began)
"""
_SETUP = {"reference": "from tests.benchmarks.reference import find_reference"}
_PROGRAMS = {
    "load": 'shell.run_line_magic("load_ext", "cognito_jupyter")',
    "import": "import cognito_jupyter",
    "boto3": "import boto3",
    "reference": "assert find_reference() is not None",
}
_FLOOR = "import boto3 in the same IPython"
_LIMIT = 12.0
"""Milliseconds."""


def measure_loading() -> Group:
    """Measures new processes in alternation, so that a slow moment of the machine affects all of them."""
    has_reference = implementations()[1] is not None
    programs = {name: code for name, code in _PROGRAMS.items() if has_reference or name != "reference"}
    times: dict[str, list[float]] = {name: [] for name in _PROGRAMS}
    for _ in range(_ROUNDS):
        for name, code in programs.items():
            times[name].append(_run_program(_IN_IPYTHON.format(before=_SETUP.get(name, ""), what=code)) * 1e3)
    boto3, reference_times = tuple(times["boto3"]), tuple(times["reference"]) if has_reference else None
    return Group(
        "What loading costs a running IPython",
        (
            Figure(
                "%load_ext cognito_jupyter", "ms", tuple(times["load"]), boto3, _FLOOR, reference_times, Reach(_LIMIT)
            ),
            Figure("import cognito_jupyter", "ms", tuple(times["import"]), boto3, _FLOOR, reference_times),
        ),
    )


def time_boto3_import() -> float:
    """Returns the seconds of `import boto3` in a new IPython."""
    return _run_program(_IN_IPYTHON.format(before="", what=_PROGRAMS["boto3"]))


def _run_program(program: str) -> float:
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return float(process.stdout)
