"""moto's process of each local Cognito, forked from one which has imported moto."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import cast

import pytest

from cognito_jupyter.local.aws import local_aws
from cognito_jupyter.local.child_process import ChildProcess

from .zygote import ForkedProcess, Zygote


def _start_moto(zygote: Zygote, command: Sequence[str]) -> ForkedProcess:
    (stdin, ours_in), (ours_out, stdout) = os.pipe(), os.pipe()
    with open(os.devnull, "wb") as devnull:
        streams = (stdin, stdout, devnull.fileno())
        module = command[command.index("-m") + 1]
        process = zygote.start(f"{module}:main", [module], os.environ, streams=streams)
    for descriptor in (stdin, stdout):
        os.close(descriptor)
    process.stdin, process.stdout = open(ours_in, "wb"), open(ours_out, "rb")  # noqa: SIM115 - ChildProcess closes them
    return process


@contextmanager
def forked_moto() -> Iterator[None]:
    """Forks moto's process where that makes no difference; on Linux only."""
    if sys.platform != "linux":
        yield
        return
    zygote = Zygote("moto")

    class ForkedChild(ChildProcess):
        """Forks where that makes no difference, and otherwise starts an interpreter."""

        def __init__(self, command: Sequence[str], *, output: int) -> None:
            if zygote.can_start(os.environ):
                self.process = cast("subprocess.Popen[bytes]", _start_moto(zygote, command))
            else:
                super().__init__(command, output=output)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local_aws, "ChildProcess", ForkedChild)
        yield
    zygote.close()
