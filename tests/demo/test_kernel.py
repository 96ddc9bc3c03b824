"""The kernels of the demo and of the tests: how they are reached, and that a forked one is like any other."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import psutil
import pytest
from jupyter_client.provisioning.factory import KernelProvisionerFactory

from cognito_jupyter.demo.kernel import Kernel
from tests.support.polling import wait_until

WHAT_IT_IS = """
import json, os, signal, sys, threading
ours = sorted(name for name in sys.modules if name.partition(".")[0] in ("cognito_jupyter", "tests"))
without = {"JPY_SESSION_NAME", "PYDEVD_USE_FRAME_EVAL"}
print(json.dumps({
    "argv": sys.argv[:2], "path": sys.path, "cwd": os.getcwd(), "ours": ours, "session": os.getsid(0) == os.getpid(),
    "environment": {name: value for name, value in os.environ.items() if name not in without},
    "signals": {each.name: str(signal.getsignal(each)).partition(" at ")[0] for each in signal.valid_signals()
                if hasattr(each, "name")},
    "threads": sorted(thread.name.partition("-")[0] for thread in threading.enumerate()),
    "open": sorted(os.path.basename(os.readlink(f"/proc/self/fd/{fd}")).partition(":")[0]
                   for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}") and int(fd) < 3),
    "flags": list(sys.flags), "main": sys.modules["__main__"].__name__,
}, indent=1))
"""


def process_of(kernel: Kernel) -> psutil.Process:
    return psutil.Process(kernel.manager.provisioner.pid)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no Unix sockets for zmq: kernels use TCP there")
def test_no_other_program_can_take_a_port_that_a_kernel_is_going_to_listen_on() -> None:
    """It would be chosen before the kernel starts. What ipykernel listens on besides, it chooses as it binds it."""
    with Kernel(os.environ) as kernel:
        chosen = {number for name, number in kernel.manager.get_connection_info().items() if name.endswith("_port")}
        connections = process_of(kernel).net_connections("tcp")
        listening = {each.laddr.port for each in connections if each.status == psutil.CONN_LISTEN}
        assert len(chosen) == 5
        assert not chosen & listening
        assert kernel.run_cell("1 + 1").text == "2\n"


def test_a_kernel_starts_in_a_folder_whose_name_has_more_bytes_than_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    """The path of a Unix socket has a limit in bytes."""
    with tempfile.TemporaryDirectory(prefix="Zoë" * 20) as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        with Kernel(os.environ) as kernel:
            assert kernel.run_cell("1 + 1").text == "2\n"


@pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux only")
def test_a_forked_kernel_is_like_one_of_an_interpreter_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "more"), "COLOUR": "blue"}
    shown = {}
    for provisioner in ("forked", "local-provisioner"):
        monkeypatch.setattr(KernelProvisionerFactory.instance(), "default_provisioner_name", provisioner)
        with Kernel(environment, folder=tmp_path) as kernel:
            run = kernel.run_cell(WHAT_IT_IS)
            assert run.error is None
            parent = process_of(kernel).parent()
            assert parent is not None
            shown[parent.pid == os.getpid()] = run.text.splitlines()
    assert shown[False] == shown[True]


@pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux only")
def test_a_forked_kernel_that_is_killed_has_ended_for_jupyter_too() -> None:
    with Kernel(os.environ) as kernel:
        assert kernel.manager.is_alive()
        process_of(kernel).kill()
        wait_until(lambda: not kernel.manager.is_alive())
        assert kernel.manager.provisioner.process.returncode == -9
