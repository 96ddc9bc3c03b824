"""Running a coroutine in a blocked cell: on a private loop beside the kernel's, or without a loop."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from cognito_jupyter.notebook.kernel.blocking import Sleep, _run_without_loop, run_in_cell

Main = Callable[[Sleep], Coroutine[Any, Any, object]]
Runner = Callable[[Main, Callable[[], None]], object]
RUNNERS = [run_in_cell, _run_without_loop]


@pytest.mark.parametrize("runner", RUNNERS)
@pytest.mark.parametrize("beside", [False, True], ids=["no loop runs", "a loop runs"])
def test_the_result_is_returned_and_on_tick_runs_after_each_sleep(runner: Runner, beside: bool) -> None:
    loops: list[object] = []

    def on_tick() -> None:
        loops.append(asyncio._get_running_loop())

    async def main(sleep: Sleep) -> int:
        for _ in range(3):
            await sleep(0.001)
        return 7

    async def cell() -> tuple[object, object]:
        loop = asyncio.get_running_loop()
        result = runner(main, on_tick)
        await asyncio.sleep(0)
        assert asyncio.get_running_loop() is loop
        return result, loop

    result, loop = asyncio.run(cell()) if beside else (runner(main, on_tick), None)
    assert result == 7
    # Never on the private loop: a task that a handler starts has to outlive it.
    assert loops == [loop] * 3


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="there is no private loop there")
def test_the_private_loop_runs_what_needs_a_loop() -> None:
    async def main(_: Sleep) -> str:
        await asyncio.sleep(0.01)
        return "slept"

    async def cell() -> str:
        return run_in_cell(main, lambda: None)

    assert asyncio.run(cell()) == "slept"


@pytest.mark.parametrize("runner", RUNNERS)
def test_the_stop_button_reaches_the_coroutine_and_ends_the_wait(
    runner: Runner, capfd: pytest.CaptureFixture[str]
) -> None:
    errors: list[str] = []
    # It would end the tests if it came before the wait.
    stop = threading.Timer(0.2, lambda: signal.raise_signal(signal.SIGINT))

    async def main(sleep: Sleep) -> None:
        stop.start()
        try:
            while True:
                await sleep(0.01)
        except BaseException as error:
            errors.append(type(error).__name__)
            raise

    with pytest.raises(KeyboardInterrupt):
        runner(main, lambda: None)
    stop.join()
    assert len(errors) == 1
    gc.collect()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("runner", RUNNERS)
def test_an_error_of_the_coroutine_is_raised_and_reported_once(
    runner: Runner, capfd: pytest.CaptureFixture[str]
) -> None:
    async def main(sleep: Sleep) -> None:
        await sleep(0)
        raise ValueError("once")

    with pytest.raises(ValueError, match="once"):
        runner(main, lambda: None)
    gc.collect()
    assert capfd.readouterr().err == ""
