"""A restarted kernel whose sign-in is stored on this computer: from a user's first cell to a session with credentials.

Real kernels, timed by the cell itself. `process.py` measures the same without IPython and without what a cell displays.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from cognito_jupyter.demo.jupyterlab import clean_environment
from cognito_jupyter.demo.kernel import Kernel

from .link import run_cell
from .stage import Stage
from .table import Figure, Group, Reach

_ROUNDS = 9
_ROUND_TRIP = 40
_MARK = "TOOK"
_TIMED = f"""
import time
began = time.perf_counter()
{{}}
print({_MARK!r}, time.perf_counter() - began)
"""
_BOTO3 = "import boto3"
_SIGN_IN = """
get_ipython().run_line_magic("load_ext", "cognito_jupyter")
get_ipython().run_line_magic("cognito_login", "--no-browser")
session.get_credentials().get_frozen_credentials()
"""
_FLOOR = "import boto3 in another such kernel"


def measure_restart(stage: Stage) -> Group:
    """Measures new kernels in alternation, so that a slow moment of the machine affects all of them."""
    port = stage.port_at(_ROUND_TRIP)
    whole, beyond, floor = list[float](), list[float](), list[float]()
    with stage.environment(port), tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        environment = clean_environment(folder, stage.kernel_environment(port))
        with Kernel(environment, folder=folder) as kernel:
            for cell in ("%load_ext cognito_jupyter", "%cognito_login --no-browser --remember"):
                run_cell(stage, kernel, cell)
        for _ in range(_ROUNDS):
            with Kernel(environment, folder=folder) as kernel:
                whole.append(_time_cell(kernel, _SIGN_IN))
            with Kernel(environment, folder=folder) as kernel:
                floor.append(_time_cell(kernel, _BOTO3))
                beyond.append(_time_cell(kernel, _SIGN_IN))
    return Group(
        "The first cell of a restarted kernel, the sign-in stored: %load_ext and %cognito_login, to a usable session",
        (
            Figure("all of it", "ms", tuple(whole), tuple(floor), _FLOOR, (), Reach(1.10, "ratio")),
            Figure("the same after import boto3", "ms", tuple(beyond), tuple(floor), _FLOOR),
        ),
    )


def _time_cell(kernel: Kernel, code: str) -> float:
    """Returns the milliseconds of a cell, by its own clock."""
    run = kernel.run_cell(_TIMED.format(code))
    if run.error is not None:
        raise RuntimeError(f"A cell failed: {run.error}")
    return float(run.text.rpartition(_MARK)[2]) * 1e3
