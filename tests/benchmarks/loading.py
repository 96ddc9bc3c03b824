"""What `%load_ext cognito_jupyter` adds to an IPython that runs already, beside `import boto3`."""

from __future__ import annotations

import statistics
import subprocess
import sys

from .table import Figure

_ROUNDS = 9
_IN_IPYTHON = """
import time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
began = time.perf_counter()
{what}
print(time.perf_counter() - began)
"""
_WHAT = {
    "load": 'shell.run_line_magic("load_ext", "cognito_jupyter")',
    "import": "import cognito_jupyter",
    "boto3": "import boto3",
}


def measure_loading() -> list[Figure]:
    """Medians of fresh processes, taken in turns so that a slow moment of the machine meets all alike."""
    times: dict[str, list[float]] = {name: [] for name in _WHAT}
    for _ in range(_ROUNDS):
        for name, what in _WHAT.items():
            times[name].append(_once(_IN_IPYTHON.format(what=what)))
    medians = {name: statistics.median(each) for name, each in times.items()}
    return [
        Figure("%load_ext cognito_jupyter", medians["load"], medians["boto3"], "import boto3 in the same IPython"),
        Figure("import cognito_jupyter", medians["import"], medians["boto3"], "import boto3 in the same IPython"),
    ]


def _once(program: str) -> float:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return float(done.stdout)
