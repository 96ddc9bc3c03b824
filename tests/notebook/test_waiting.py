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

from cognito_jupyter.notebook import waiting
from cognito_jupyter.notebook.waiting import Pause, wait

Main = Callable[[Pause], Coroutine[Any, Any, object]]
Drive = Callable[[Main, Callable[[], None]], object]
DRIVES = [wait, waiting._without_loop]


@pytest.mark.parametrize("drive", DRIVES)
@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside a running loop"])
def test_it_gives_the_result_and_hears_after_each_pause(drive: Drive, beside: bool) -> None:
    heard: list[object] = []

    def hear() -> None:
        heard.append(asyncio._get_running_loop())

    async def main(pause: Pause) -> int:
        for _ in range(3):
            await pause(0.001)
        return 7

    async def cell() -> tuple[object, object]:
        loop = asyncio.get_running_loop()
        result = drive(main, hear)
        await asyncio.sleep(0)
        assert asyncio.get_running_loop() is loop
        return result, loop

    result, loop = asyncio.run(cell()) if beside else (drive(main, hear), None)
    assert result == 7
    # In the kernel's loop and never in ours: what a handler starts has to live on.
    assert heard == [loop] * 3


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="there a wait is always without a loop")
def test_the_private_loop_runs_what_needs_a_loop() -> None:
    async def main(_: Pause) -> str:
        await asyncio.sleep(0.01)
        return "slept"

    async def cell() -> str:
        return wait(main)

    assert asyncio.run(cell()) == "slept"


@pytest.mark.parametrize("drive", DRIVES)
def test_the_stop_button_reaches_what_waits_and_ends_the_wait(drive: Drive, capfd: pytest.CaptureFixture[str]) -> None:
    told: list[str] = []

    async def main(pause: Pause) -> None:
        try:
            while True:
                await pause(0.01)
        except BaseException as error:
            told.append(type(error).__name__)
            raise

    stop = threading.Timer(0.2, lambda: signal.raise_signal(signal.SIGINT))
    stop.start()
    with pytest.raises(KeyboardInterrupt):
        drive(main, lambda: None)
    stop.join()
    assert len(told) == 1
    gc.collect()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("drive", DRIVES)
def test_its_error_passes_and_is_reported_once(drive: Drive, capfd: pytest.CaptureFixture[str]) -> None:
    async def main(pause: Pause) -> None:
        await pause(0)
        raise ValueError("once")

    with pytest.raises(ValueError, match="once"):
        drive(main, lambda: None)
    gc.collect()
    assert capfd.readouterr().err == ""
