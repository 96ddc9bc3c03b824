"""Waiting in a cell: on a private loop beside the kernel's, or without any."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from cognito_jupyter.notebook.kernel import blocking as waiting
from cognito_jupyter.notebook.kernel.blocking import Sleep, run_in_cell

Main = Callable[[Sleep], Coroutine[Any, Any, object]]
Runner = Callable[[Main, Callable[[], None]], object]
RUNNERS = [run_in_cell, waiting._run_without_loop]


@pytest.mark.parametrize("drive", RUNNERS)
@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside a running loop"])
def test_the_result_is_returned_and_on_tick_runs_after_each_sleep(drive: Runner, beside: bool) -> None:
    heard: list[object] = []

    def on_tick() -> None:
        heard.append(asyncio._get_running_loop())

    async def main(pause: Sleep) -> int:
        for _ in range(3):
            await pause(0.001)
        return 7

    async def cell() -> tuple[object, object]:
        loop = asyncio.get_running_loop()
        result = drive(main, on_tick)
        await asyncio.sleep(0)
        assert asyncio.get_running_loop() is loop
        return result, loop

    result, loop = asyncio.run(cell()) if beside else (drive(main, on_tick), None)
    assert result == 7
    # In the kernel's loop and never in ours: what a handler starts has to live on.
    assert heard == [loop] * 3


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="there a wait is always without a loop")
def test_the_private_loop_runs_what_needs_a_loop() -> None:
    async def main(_: Sleep) -> str:
        await asyncio.sleep(0.01)
        return "slept"

    async def cell() -> str:
        return run_in_cell(main)

    assert asyncio.run(cell()) == "slept"


@pytest.mark.parametrize("drive", RUNNERS)
def test_the_stop_button_reaches_the_coroutine_and_ends_the_wait(
    drive: Runner, capfd: pytest.CaptureFixture[str]
) -> None:
    errors: list[str] = []

    async def main(pause: Sleep) -> None:
        try:
            while True:
                await pause(0.01)
        except BaseException as error:
            errors.append(type(error).__name__)
            raise

    stop = threading.Timer(0.2, lambda: signal.raise_signal(signal.SIGINT))
    stop.start()
    with pytest.raises(KeyboardInterrupt):
        drive(main, lambda: None)
    stop.join()
    assert len(errors) == 1
    gc.collect()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("drive", RUNNERS)
def test_an_error_of_the_coroutine_is_raised_and_reported_once(
    drive: Runner, capfd: pytest.CaptureFixture[str]
) -> None:
    async def main(pause: Sleep) -> None:
        await pause(0)
        raise ValueError("once")

    with pytest.raises(ValueError, match="once"):
        drive(main, lambda: None)
    gc.collect()
    assert capfd.readouterr().err == ""
