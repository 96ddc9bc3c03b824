"""What the extension adds to the memory of a kernel that has boto3, part by part."""

from __future__ import annotations

from collections.abc import Mapping

import psutil

from .link import run_cell, started_kernel
from .stage import Stage
from .table import Figure, Group, Reach

_ROUNDS = 3
"""Few: the figures hardly vary."""
_LIMIT = 15.0
"""Megabytes."""
_BOTO3 = "import boto3"
_CLIENT = "client = session.client('s3', region_name='us-east-1')"
_PLAIN_SESSION = "session = boto3.Session('key', 'secret')"
_PARTS = {
    "%load_ext": "%load_ext cognito_jupyter",
    "requests, and PyJWT with cryptography": "import requests, jwt.algorithms",
    "ipywidgets and anywidget": "import ipywidgets, anywidget",
    "a login, with its panel": "%cognito_login --no-browser",
    "%cognito_share": "%cognito_share",
    "an S3 client of the session": _CLIENT,
}
_COLLECT = "import gc; _ = gc.collect()"


def measure_memory(stage: Stage) -> Group:
    """Measures the memory that belongs to the kernel's process alone, after each part."""
    plain = [
        _measure_once(stage, {"a plain session": _PLAIN_SESSION, "its S3 client": _CLIENT}) for _ in range(_ROUNDS)
    ]
    rounds = [_measure_once(stage, _PARTS) for _ in range(_ROUNDS)]
    kernels = tuple(base + sum(added.values()) for base, added in plain)
    floor = "a kernel with boto3 and an S3 client"
    parts = [Figure(name, "MB", tuple(added[name] for _, added in rounds), kernels, floor) for name in _PARTS]
    total = tuple(base + sum(added.values()) - kernel for (base, added), kernel in zip(rounds, kernels, strict=True))
    return Group(
        "Memory that is added to a kernel with boto3 and an S3 client",
        (*parts, Figure("all of it, without that client", "MB", total, kernels, floor, (), Reach(_LIMIT))),
    )


def _measure_once(stage: Stage, parts: Mapping[str, str]) -> tuple[float, dict[str, float]]:
    """Returns the megabytes of a kernel with boto3, and those that each part adds."""
    with started_kernel(stage, load=False) as kernel:
        process = psutil.Process(int(kernel.run_cell("import os; print(os.getpid())").text))

        def measure(code: str) -> float:
            run_cell(stage, kernel, code)
            run_cell(stage, kernel, _COLLECT)
            return float(process.memory_full_info().uss) / 1e6

        before = base = measure(_BOTO3)
        added = {}
        for name, code in parts.items():
            after = measure(code)
            added[name], before = after - before, after
        return base, added
