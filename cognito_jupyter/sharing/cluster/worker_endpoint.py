"""The endpoint of a cluster's worker process: it serves pushed credentials to the process's own tasks, on loopback.

The Dask plugin and Ray's setup hook call it. This module and those that it imports are shipped to the workers, where
this package need not be installed; see shipped_modules.py. It never calls Cognito, and never refreshes what it serves.
"""

from __future__ import annotations

import math
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import ModuleType
from typing import TypedDict, cast

from ..._util.logs.redaction import install_redaction
from ..endpoint.environment import EnvironmentOverlay
from ..endpoint.process import EndpointProcess

_NO_LONGER_SHARED = {
    "code": "AccessDenied",
    "message": "The notebook that shared AWS credentials with this worker no longer does so.",
}
_REGISTRY_NAME = "_cognito_jupyter_worker_endpoint"
_REPORT_INTERVAL = 5.0
"""Seconds between two reports of a process at least, because some programs request credentials for each read."""

Reporter = Callable[[float], None]
"""Reports to one kernel, after some seconds, that a program has requested credentials."""


class CredentialsMessage(TypedDict):
    """The content of a push to the workers of a cluster.

    Attributes:
        kernel: The kernel that pushes, which is also the name of its pushing thread.
        principal: A digest of the user and the role.
        serial: A number that is greater with each push of a kernel.
        credentials: The response body of the endpoint.
        until: When the credentials expire, in seconds since the epoch.
        region: The region for a worker whose environment names none.
        program: The source of the endpoint's server.
    """

    kernel: str
    principal: str
    serial: int
    credentials: dict[str, str]
    until: float
    region: str
    program: str


class WorkerEndpoint:
    """The endpoint of a worker process: one for all workers in it and all kernels, for one principal at a time.

    It lives as long as the process, even while it has nothing to serve: the session of an SDK always asks the endpoint
    that it found first, and is served again once the user has returned.

    Lock order: `_lock` is held while the endpoint process starts, and no other lock of this package is taken outside
    it.
    """

    def __init__(self) -> None:
        # Once in a process: it looks for every module of botocore and its companions, which tasks import later, when
        # nothing of this package is called.
        install_redaction(ahead_of_imports=True)
        self._lock = threading.Lock()
        self._messages: dict[tuple[str, str], CredentialsMessage] = {}
        self._endpoint: EndpointProcess | None = None
        self._path: str | None = None
        self._reporters: dict[tuple[str, str], Reporter] = {}
        self._reported: tuple[str, int] | None = None
        self._report_at = -math.inf  # when the last report was sent, or will be
        self._environment_overlay = EnvironmentOverlay(os.environ)

    def add_message(self, worker: str, message: CredentialsMessage, report: Reporter = lambda _: None) -> None:
        """Serves the credentials of a push, unless others are valid for longer.

        Args:
            worker: The worker of this process that received it.
            message: The push.
            report: Called, in any thread, when a program has requested the credentials.

        Raises:
            PermissionError: Valid credentials of another principal are served.
            UnavailableError: The endpoint did not start (a ConnectionError).
        """
        key = (worker, message["kernel"])
        with self._lock:
            now = time.time()
            self._messages = {each: known for each, known in self._messages.items() if known["until"] > now}
            if any(known["principal"] != message["principal"] for known in self._messages.values()):
                raise PermissionError("A worker already serves another user's credentials, or another role's.")
            current = self._messages.get(key)
            # A worker that joins during a push may receive the push first, and then the scheduler's older message.
            # Then the newer credentials stay, under the serial that the next teardown will name.
            if current is not None and current["until"] > message["until"]:
                message = {**current, "serial": message["serial"]}
            if key not in self._messages:
                # A report that is still to come goes to earlier kernels only.
                self._report_at = -math.inf
            self._messages[key] = message
            self._reporters = {each: self._reporters.get(each, report) for each in self._messages} | {key: report}
            self._serve(max(self._messages.values(), key=lambda known: known["until"]))

    def remove_message(self, worker: str, message: CredentialsMessage) -> None:
        """Forgets a push, unless a later one has replaced it; after the last one the serving ends.

        Args:
            worker: The worker of this process that received it.
            message: The push.
        """
        key = (worker, message["kernel"])
        with self._lock:
            current = self._messages.get(key)
            if current is not None and current["serial"] != message["serial"]:
                return
            self._messages.pop(key, None)
            self._reporters.pop(key, None)
            if not self._messages:
                self._stop_serving()

    def _serve(self, message: CredentialsMessage) -> None:
        if self._endpoint is None:
            self._endpoint = EndpointProcess(self._on_report, message["program"])
        self._endpoint.ensure_alive()
        # One path per principal, so that a session never continues as another user or role.
        path = f"/{message['principal'][:16]}"
        if self._path not in {None, path}:
            self._stop_serving()
        self._endpoint.set_response(path, message["credentials"], until=message["until"])
        if self._path is None:
            self._path = path
            variables = self._endpoint.variables(path, message["region"], os.environ)
            self._environment_overlay.point_to_endpoint(variables)

    def _on_report(self) -> None:
        """Tells the kernels that credentials were requested; the endpoint's thread calls it, and it takes no lock."""
        path, endpoint = self._path, self._endpoint
        stats = endpoint.request_stats(path) if endpoint is not None and path is not None else None
        if path is None or stats is None or (path, stats.count) == self._reported:
            return
        self._reported, now = (path, stats.count), time.monotonic()
        if now < self._report_at:
            return  # the report that is still to come will do
        self._report_at = max(now, self._report_at + _REPORT_INTERVAL)
        for report in tuple(self._reporters.values()):
            with suppress(Exception):
                report(self._report_at - now)

    def _stop_serving(self) -> None:
        self._environment_overlay.restore()
        if self._endpoint is not None and self._path is not None:
            self._endpoint.set_response(self._path, _NO_LONGER_SHARED, status=403)
        self._path = None


def get_worker_endpoint() -> WorkerEndpoint:
    """Returns the process's endpoint; it lives in sys.modules, so that every shipped copy of this module finds it."""
    registry = sys.modules.setdefault(_REGISTRY_NAME, ModuleType(_REGISTRY_NAME))
    if "endpoint" not in vars(registry):
        # Of two threads that get here, the second one finds what the first one has set.
        vars(registry).setdefault("endpoint", WorkerEndpoint())
    return cast("WorkerEndpoint", vars(registry)["endpoint"])
