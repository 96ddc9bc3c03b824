"""The actor that holds the newest credentials of one kernel's Ray job, until its workers have received them.

`RayPusher` creates it; the kernel owns it, so it ends with the kernel. Ray pickles its class by value, because this
package need not be installed on the cluster: this module imports the standard library only. It never writes credentials
to anything, and Ray stores none of them: they are arguments and results of its methods, which stay in memory.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

POLL_TIMEOUT = 30.0
"""Seconds after which a worker that waits for new credentials asks again."""
_CONFIRM_TIMEOUT = 1.0
"""Seconds that a push waits for the workers that wait for it."""
_CONFIRM_INTERVAL = 0.01


class CredentialsHolder:
    """Holds one message, and gives each newer one to all workers that wait for it.

    A message is a `CredentialsMessage`; None: nothing is shared any more. Its number is 0 before the first one.
    """

    def __init__(self) -> None:
        self._principal: str | None = None
        self._number = 0
        self._message: dict[str, Any] | None = None
        self._changed = asyncio.Event()
        self._confirmed: dict[str, tuple[int, float]] = {}
        self._waiting: set[str] = set()
        self._last_request: float | None = None

    def __repr__(self) -> str:
        return "<CredentialsHolder>"

    async def claim(self, principal: str) -> None:
        """Sets whose credentials it is about to hold."""
        self._principal = principal

    async def principal(self) -> str | None:
        """Returns whose credentials it holds or is about to hold; None: no valid ones."""
        if self._message is not None and self._message["until"] <= time.time():
            return None
        return self._principal

    async def push(self, message: dict[str, Any] | None, number: int) -> int:
        """Gives a message to all workers, also to those that start later.

        Args:
            message: The message; None ends the share.
            number: Its number, which is greater than that of each earlier one.

        Returns:
            How many workers have confirmed it.
        """
        self._message, self._number = message, number
        if message is None:
            self._principal = None
        # At the end all of them, because this actor is gone then; otherwise not those that are busy.
        expected = set(self._confirmed if message is None else self._waiting)
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        deadline = time.monotonic() + _CONFIRM_TIMEOUT
        # The call of a worker that was killed stays among those that wait until it times out.
        while time.monotonic() < deadline:
            # A worker that `status` has meanwhile found to be gone confirms nothing any more.
            if all(self._confirmed.get(worker, (number, 0.0))[0] >= number for worker in expected):
                break
            await asyncio.sleep(_CONFIRM_INTERVAL)
        return (await self.status())[0]

    async def requested(self) -> None:
        """Notes that a program in a worker has requested credentials."""
        self._last_request = time.time()

    async def status(self) -> tuple[int, float | None]:
        """Returns how many workers have confirmed the newest message, and when a program last requested credentials."""
        since = time.monotonic() - 2 * POLL_TIMEOUT
        self._confirmed = {worker: (number, at) for worker, (number, at) in self._confirmed.items() if at >= since}
        return sum(number == self._number for number, _ in self._confirmed.values()), self._last_request

    async def next_message(self, worker: str, number: int) -> tuple[int, dict[str, Any] | None]:
        """Waits for a message that a worker does not know.

        Args:
            worker: Tells the worker from all others.
            number: The number of the last message that it has received, which it thereby confirms.

        Returns:
            The number of the newest message, which is the given one if there is none after some time, and the message.
        """
        self._confirmed[worker] = (number, time.monotonic())
        # Not "greater": where this actor had to be created again, its numbers go on, but it may have none yet.
        while self._number in {0, number}:
            self._waiting.add(worker)
            try:
                await asyncio.wait_for(self._changed.wait(), POLL_TIMEOUT)
            except TimeoutError:
                return number, None
            finally:
                self._waiting.discard(worker)
        return self._number, self._message
