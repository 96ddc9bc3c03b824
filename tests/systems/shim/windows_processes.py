"""Windows' processes: no fork, no signals but Ctrl-C, an end without a word, text in the ANSI code page."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .options import is_on, log
from .windows_files import ANSI_CODE_PAGE

CTRL_C_EVENT, CTRL_BREAK_EVENT, SIGBREAK = 0, 1, 21
_SIGNALS = frozenset(
    {signal.SIGABRT, signal.SIGFPE, signal.SIGILL, signal.SIGINT, signal.SIGSEGV, signal.SIGTERM, SIGBREAK}
)
_ROOT = Path(__file__).parents[3]
_PROGRAM = f"""
import sys
sys.path.insert(0, {str(_ROOT)!r})
from tests.systems.shim.isolated_program import run
sys.path.remove({str(_ROOT)!r})
run(sys.argv[1:])
"""


def isolated_command(command: list[Any]) -> list[Any]:
    """Returns a command with the simulation in it, if it is a Python that ignores PYTHONPATH or sitecustomize."""
    words = [os.fspath(word) for word in command]
    if not words or words[0] != sys.executable:
        return command
    options = 1
    while options < len(words) and words[options] in {"-I", "-S", "-E", "-s", "-u", "-B"}:
        options += 1
    if options == 1 or not {"-I", "-S", "-E"} & set(words[1:options]):
        return command
    return [*words[:options], "-c", _PROGRAM, *words[options:]]


class Popen(subprocess.Popen[Any]):
    """A process that is started and ended as there."""

    def __init__(self, args: Any, *positional: Any, **options: Any) -> None:
        for name in ("preexec_fn", "pass_fds"):
            if options.pop(name, None):
                raise ValueError(f"{name} is not supported on Windows platforms")
        options.pop("creationflags", 0)
        options.pop("startupinfo", None)
        options.pop("start_new_session", False)
        if options.get("env") is not None:
            if "SYSTEMROOT" not in options["env"]:
                log("a process without SYSTEMROOT has no sockets")
            simulated = {name: value for name, value in os.environ.items() if name.startswith("SIMULATED_")}
            options["env"] = {"PYTHONPATH": os.environ.get("PYTHONPATH", ""), **simulated, **options["env"]}
        is_text = options.get("text") or options.get("universal_newlines") or options.get("errors")
        if is_text and options.get("encoding") is None and is_on("encodings"):
            options["encoding"] = ANSI_CODE_PAGE
        super().__init__(isolated_command(args) if isinstance(args, list) else args, *positional, **options)

    def send_signal(self, sig: int) -> None:
        if sig == signal.SIGTERM:
            self.terminate()
        else:
            raise ValueError(f"Unsupported signal: {sig}")

    def terminate(self) -> None:
        """Is TerminateProcess: nothing of the process runs any more."""
        super().send_signal(signal.SIGKILL)

    def kill(self) -> None:
        self.terminate()


def kill(pid: int, sig: int) -> None:
    """Is os.kill, which there ends a process whatever the signal; 0 and 1 are key presses in its console.

    Args:
        pid: The process.
        sig: The signal.
    """
    if sig in {CTRL_C_EVENT, CTRL_BREAK_EVENT}:
        raise OSError(errno.EINVAL, "The parameter is incorrect")
    os.kill(pid, signal.SIGKILL)


def set_handler(signalnum: int, handler: Any) -> Any:
    """Is signal.signal.

    Args:
        signalnum: The signal.
        handler: What handles it.
    """
    if signalnum not in _SIGNALS:
        raise ValueError("invalid signal value")
    return signal.signal(signalnum, handler)


def get_context(method: str | None = None) -> Any:
    """Is multiprocessing.get_context."""
    if method not in {None, "spawn"}:
        raise ValueError(f"cannot find context for {method!r}")
    return multiprocessing.get_context("spawn")


def with_popen(function: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a function of subprocess that starts processes by the class above."""
    assert isinstance(function, types.FunctionType)
    names = {**function.__globals__, "Popen": Popen}
    copied = types.FunctionType(function.__code__, names, function.__name__, function.__defaults__)
    copied.__kwdefaults__ = function.__kwdefaults__
    names[function.__name__] = copied
    return copied


def changes() -> dict[str, dict[str, Any]]:
    """Returns the changed names of each module."""
    call, run = with_popen(subprocess.call), with_popen(subprocess.run)
    check_output, check_call = with_popen(subprocess.check_output), with_popen(subprocess.check_call)
    check_output.__globals__["run"], check_call.__globals__["call"] = run, call
    return {
        "subprocess": {
            "Popen": Popen, "run": run, "call": call, "check_call": check_call, "check_output": check_output,
            "CREATE_NO_WINDOW": 0x08000000, "CREATE_NEW_PROCESS_GROUP": 0x200, "DETACHED_PROCESS": 0x8,
            "CREATE_BREAKAWAY_FROM_JOB": 0x01000000,
        },
        "os": {"kill": kill},
        "signal": {
            "signal": set_handler, "SIGBREAK": SIGBREAK,
            "CTRL_C_EVENT": CTRL_C_EVENT, "CTRL_BREAK_EVENT": CTRL_BREAK_EVENT,
        },
        "multiprocessing": {"get_context": get_context, "get_all_start_methods": lambda: ["spawn"]},
    }  # fmt: skip
