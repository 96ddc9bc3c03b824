"""What a kernel runs in `test_interleavings`: waits that start and end in random order, as the logins of a notebook do.

A `%cognito_login` waits as `RandomWaits.block` does, and `await cognito_jupyter.login()` as `RandomWaits.awaited`.
Everything random comes from the number of the cell.
"""

from __future__ import annotations

import asyncio
import queue
import random
import signal
import threading
import time
from typing import Any

import comm
from IPython.core.getipython import get_ipython

from cognito_jupyter.notebook.kernel.blocking import Sleep, run_in_cell
from cognito_jupyter.notebook.kernel.comms import CommPump, comm_pump
from cognito_jupyter.notebook.kernel.interrupts import deferred_interrupts

_LONGEST = 0.006
"""Seconds."""


class RandomWaits:
    """The cells of one kernel.

    Attributes:
        comm_messages: The numbers of the comm messages that were processed, in their order.
        ended: The numbers of the cells that have ended, in their order.
        presses: How often somebody has pressed stop.
    """

    def __init__(self) -> None:
        shell: Any = get_ipython()
        self.kernel: Any = shell.kernel
        self.comm_messages: list[int] = []
        self.ended: list[int] = []
        self._blocked = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._threads: list[threading.Thread] = []
        self._main_thread = threading.main_thread().ident or 0
        self._stream = self._find_stream()
        self._callback = self._stream._recv_callback
        self._handler = signal.getsignal(signal.SIGINT)
        self.presses = 0
        self._delays: queue.SimpleQueue[float] = queue.SimpleQueue()
        threading.Thread(target=self._press_stop, daemon=True).start()
        comm.get_comm_manager().register_target("random_waits", self._open)

    def _find_stream(self) -> Any:
        thread = getattr(self.kernel, "shell_channel_thread", None)
        if thread is None:
            return self.kernel.shell_stream
        return thread.manager.get_shell_channel_to_subshell_pair(None).to_stream

    def _open(self, opened: Any, _: Any) -> None:
        opened.on_msg(self._on_message)

    def _on_message(self, message: Any) -> None:
        number = message["content"]["data"]
        self.comm_messages.append(number)
        if number % 10 == 0 and self._blocked:
            # A click whose handler waits itself, within the wait of a cell.
            self.block(0.001)

    def block(self, seconds: float) -> None:
        """Waits as `%cognito_login` does."""
        until = time.monotonic() + seconds

        async def main(sleep: Sleep) -> None:
            while time.monotonic() < until:
                await sleep(0.0005)

        with deferred_interrupts(), comm_pump(self.kernel) as on_tick:
            run_in_cell(main, on_tick)

    async def awaited(self, seconds: float) -> None:
        """Waits as `await cognito_jupyter.login()` does."""
        with comm_pump(self.kernel):
            await asyncio.sleep(seconds)

    # -- the cells

    def blocks(self, number: int) -> None:
        """A magic that waits to its end."""
        self._block_cell(random.Random(number))

    def is_stopped(self, number: int) -> None:
        """A magic during which somebody presses stop, at any moment from before the wait to after its end.

        The cell ends by nothing else.
        """
        chance, presses = random.Random(number), self.presses
        try:
            self._delays.put(chance.uniform(0, _LONGEST))
            self._block_cell(chance)
            while True:
                time.sleep(0.0005)
        except KeyboardInterrupt:
            pass
        while self.presses == presses:
            time.sleep(0.0005)

    def _press_stop(self) -> None:
        """Presses stop after each delay that is asked for, in a thread."""
        while True:
            time.sleep(self._delays.get())
            signal.pthread_kill(self._main_thread, signal.SIGINT)
            self.presses += 1

    def _block_cell(self, chance: random.Random) -> None:
        self._blocked = True
        try:
            self.block(chance.uniform(0, _LONGEST))
        finally:
            self._blocked = False

    async def gathers(self, number: int) -> None:
        """Two or three at once, one of which may be cancelled in between."""
        chance = random.Random(number)
        waits = [asyncio.ensure_future(self.awaited(chance.uniform(0, _LONGEST))) for _ in range(chance.randint(2, 3))]
        if chance.random() < 0.4:
            asyncio.get_running_loop().call_later(chance.uniform(0, _LONGEST), chance.choice(waits).cancel)
        await asyncio.gather(*waits, return_exceptions=True)

    def starts_task(self, number: int) -> None:
        """A login that goes on after its cell has ended; it may be cancelled by then."""
        chance = random.Random(number)
        task = asyncio.get_running_loop().create_task(self.awaited(chance.uniform(0, 4 * _LONGEST)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if chance.random() < 0.3:
            asyncio.get_running_loop().call_later(chance.uniform(0, 4 * _LONGEST), task.cancel)

    def starts_thread(self, number: int) -> None:
        """A magic in a thread, which goes on while other cells run."""
        thread = threading.Thread(target=self.block, args=(random.Random(number).uniform(0, 4 * _LONGEST),))
        self._threads.append(thread)
        thread.start()

    # -- what is left

    async def all_ended(self) -> None:
        """Waits until every wait has ended."""
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for thread in self._threads:
            thread.join()

    def leftovers(self) -> list[str]:
        """Returns what is not as it was before the first cell; to be called without a top-level await, as that was."""
        found = {
            "the stream has another callback": self._stream._recv_callback is not self._callback,
            "a pump is left": isinstance(self._stream._recv_callback, CommPump),
            "the stop button has another handler": signal.getsignal(signal.SIGINT) is not self._handler,
        }
        return [what for what, is_so in found.items() if is_so]
