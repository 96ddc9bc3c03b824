"""Forks children that sign with their parent's sign-in for longer than an id token is valid."""

from __future__ import annotations

import json
import os
import select
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .workload import Outcome, is_s3_failure

_INTERVAL = 2.0
_MOST = 3
"""Children at the same time."""
_CALL_INTERVAL = 0.5
_EXTRA_SECONDS = 60.0
"""Seconds beyond its work after which a child counts as one that hangs."""


@dataclass(frozen=True)
class _Child:
    pid: int
    pipe: int
    kill_at: float


class Forks:
    """A thread that forks children, and reads what became of their calls.

    Args:
        make_call: Makes a child's call; it runs in the child, so that a lock which a thread of the parent holds in a
            client of its own does not matter.
        seconds: For how long each child works.

    Attributes:
        children: How many have ended.
        outcomes: The number of their calls by outcome.
        errors: What failed because of the credentials, and children that hung or ended without a word.
    """

    def __init__(self, make_call: Callable[[], Callable[[], Any]], seconds: float) -> None:
        self.children = 0
        self.outcomes: Counter[Outcome] = Counter()
        self.errors: list[str] = []
        self._make_call = make_call
        self._seconds = seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="forks")

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Waits until each child has ended."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        alive: list[_Child] = []
        while not self._stop.wait(_INTERVAL):
            alive = [child for child in alive if not self._has_ended(child, wait=False)]
            if len(alive) < _MOST:
                alive.append(self._fork())
        for child in alive:
            self._has_ended(child, wait=True)

    def _fork(self) -> _Child:
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.write(writer, json.dumps(self._work()).encode())
            finally:
                os._exit(0)
        os.close(writer)
        return _Child(pid, reader, time.monotonic() + self._seconds + _EXTRA_SECONDS)

    def _work(self) -> dict[str, Any]:
        """Calls for a while; runs in a child."""
        call, outcomes, error = self._make_call(), Counter[str](), ""
        until = time.monotonic() + self._seconds
        while time.monotonic() < until:
            try:
                call()
                outcome = Outcome.SUCCESS
            except Exception as each:  # noqa: BLE001 - the soak looks for any error
                outcome = Outcome.S3_FAILURE if is_s3_failure(each) else Outcome.CREDENTIALS_FAILURE
                error = error if outcome is Outcome.S3_FAILURE else repr(each)
            outcomes[outcome.name] += 1
            time.sleep(_CALL_INTERVAL)
        return {"outcomes": outcomes, "error": error}

    def _has_ended(self, child: _Child, *, wait: bool) -> bool:
        left = child.kill_at - time.monotonic()
        ready, _, _ = select.select([child.pipe], [], [], max(left, 0.0) if wait else 0.0)
        if not ready and left > 0:
            return False
        if not ready:
            os.kill(child.pid, signal.SIGKILL)
        with os.fdopen(child.pipe, "rb") as pipe:
            text = pipe.read()
        os.waitpid(child.pid, 0)
        self.children += 1
        if not text:
            self.errors.append(f"child {child.pid} {'ended without a word' if ready else 'hung'}")
            return True
        report = json.loads(text)
        self.outcomes.update({Outcome[name]: number for name, number in report["outcomes"].items()})
        self.errors += [f"in a child: {report['error']}"] if report["error"] else []
        return True
