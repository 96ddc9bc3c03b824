"""Kernels that share one sign-in through the store: one restarts, and ten need a refresh at the same moment."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Self

import cognito_jupyter
from cognito_jupyter.credentials.store.sign_in import StoreKey
from cognito_jupyter.credentials.store.store import Store
from cognito_jupyter.local import LocalCognito

from .implementations import signed_in
from .kernel import CLOCK_ADVANCE, ROLES
from .loading import time_boto3_import
from .stage import Stage
from .table import Figure, Group, Reach, Samples

_KERNELS = 10
_ROUNDS = 3
_RESTARTS = 15
_ROUND_TRIP = 40
_FLOOR = "only import boto3"
_ENDPOINTS = {"token endpoint": LocalCognito.REFRESH, "GetCredentialsForIdentity": LocalCognito.EXCHANGE}
_STEPS = {
    "whole": f"kernel restart to usable session, {_ROUND_TRIP} ms away",
    "sign-in": "of it: all imports, boto3's too, and the file",
    "session": "of it: a session with the file's credentials",
}


class Kernel:
    """One process that restores the stored sign-in.

    Args:
        stage: The Cognito.
        port: The port to connect to.
        folder: The folder of the stored sign-in.
        warm: Whether it imports everything before it is started, and is then an hour ahead by its clock.
    """

    def __init__(self, stage: Stage, port: int, folder: Path, *, warm: bool) -> None:
        settings = asdict(stage.configuration(port)) | {"warm": warm}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.kernel", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=dict(os.environ),
        )
        self._write_line(json.dumps(settings))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.communicate()

    def begin(self) -> None:
        """Starts it once it is ready."""
        self._read_line()
        self._write_line("go")

    def read_step_seconds(self) -> dict[str, float]:
        """Returns the seconds of each step."""
        steps: dict[str, float] = json.loads(self._read_line())
        return steps

    def _write_line(self, line: str) -> None:
        if self._process.stdin is not None:
            self._process.stdin.write(f"{line}\n")
            self._process.stdin.flush()

    def _read_line(self) -> str:
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        if not line:
            raise RuntimeError("A kernel of the benchmark has ended early.")
        return line


def measure_kernels(stage: Stage) -> Group:
    """Compares a restart with the import of boto3, and counts the calls of ten kernels at one expiry."""
    port = stage.port_at(_ROUND_TRIP)
    with stage.environment(port):
        boto3, restarts = list[float](), list[dict[str, float]]()
        for _ in range(_RESTARTS):
            boto3.append(time_boto3_import() * 1e3)
            restarts.append(_restart(stage, port))
        counts = [count_calls(stage, port, _KERNELS) for _ in range(_ROUNDS)]
    steps = [
        Figure(
            name,
            "ms",
            tuple(each[step] * 1e3 for each in restarts),
            tuple(boto3),
            _FLOOR,
            (),
            Reach(1.10, "ratio") if step == "whole" else None,
        )
        for step, name in _STEPS.items()
    ]
    return Group("Kernels that share a sign-in by the store", (*steps, *call_figures(counts)))


def call_figures(counts: list[dict[str, float]]) -> Iterator[Figure]:
    """Returns the counted calls of each round as figures with a limit."""
    one: Samples = (1.0,) * len(counts)
    for name in _ENDPOINTS:
        samples = tuple(each[name] for each in counts)
        each = " for each role" if name == LocalCognito.EXCHANGE else ""
        yield Figure(f"{name}{each}, {_KERNELS} kernels at one expiry", "calls", samples, one, "one call", (), Reach(1))


def _restart(stage: Stage, port: int) -> dict[str, float]:
    with stored_sign_in(stage, port) as folder, Kernel(stage, port, folder, warm=False) as kernel:
        kernel.begin()
        return kernel.read_step_seconds()


def count_calls(stage: Stage, port: int, size: int) -> dict[str, float]:
    """Counts the calls of several kernels at one expiry.

    Rotation is on, without a grace period: a second refresh with the same token would end the sign-in of all kernels.

    Args:
        stage: The Cognito.
        port: The port to connect to.
        size: How many kernels.
    """
    with stored_sign_in(stage, port) as folder, contextlib.ExitStack() as stack:
        kernels = [stack.enter_context(Kernel(stage, port, folder, warm=True)) for _ in range(size)]
        stage.set_knobs(rotation=True, clock_offset=CLOCK_ADVANCE)
        stage.reset_counts()
        for kernel in kernels:
            kernel.begin()
        for kernel in kernels:
            kernel.read_step_seconds()
        counts = {name: float(stage.count(endpoint)) for name, endpoint in _ENDPOINTS.items()}
        stage.set_knobs(rotation=False, clock_offset=0)
    return counts | {LocalCognito.EXCHANGE: counts[LocalCognito.EXCHANGE] / len(ROLES)}


@contextlib.contextmanager
def stored_sign_in(stage: Stage, port: int) -> Iterator[Path]:
    """Makes a folder with a stored sign-in that holds the credentials of every role in use.

    Args:
        stage: The Cognito.
        port: The port to connect to.
    """
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        manager, folder = signed_in(cognito_jupyter, stage, port), Path(name) / "sign-ins"
        manager.adopt_tokens(manager.auth_tokens, Store(StoreKey.from_configuration(stage.configuration(port)), folder))
        for role in ROLES:
            manager.ensure_credentials(role)
        manager.close()
        yield folder
