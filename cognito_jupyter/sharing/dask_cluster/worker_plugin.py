"""The plugin of a Dask worker: it serves pushed credentials to the worker's process, on loopback.

`WorkerPusher` registers it. This module and those that it imports are shipped to the workers, where this package need
not be installed; see shipped_modules.py. It never calls Cognito, and never refreshes what it serves.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypedDict, cast

from distributed import WorkerPlugin

from ..._util.logs.redaction import install_redaction
from ..._util.redaction import RedactedVariables
from ..endpoint.environment import EnvironmentOverlay
from ..endpoint.process import EndpointProcess

if TYPE_CHECKING:
    from .shipped_modules import ShippedModules

_NO_LONGER_SHARED = {
    "code": "AccessDenied",
    "message": "The notebook that shared AWS credentials with this worker no longer does so.",
}
_REGISTRY_NAME = "_cognito_jupyter_worker_endpoint"


class CredentialsMessage(TypedDict):
    """The content of a push.

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


class CredentialsPlugin(WorkerPlugin):
    """Serves the credentials of one push in a worker's process.

    Args:
        message: The push.
        shipped_modules: The modules to ship with it; None in a worker.
    """

    def __init__(self, message: CredentialsMessage, shipped_modules: ShippedModules | None = None) -> None:
        self.name = message["kernel"]
        credentials = cast("dict[str, str]", RedactedVariables(message["credentials"]))
        self._message: CredentialsMessage = {**message, "credentials": credentials}
        self._shipped_modules = shipped_modules

    def setup(self, worker: Any) -> None:
        """Serves the credentials, in place of older ones.

        Args:
            worker: Dask's worker.

        Raises:
            PermissionError: This process serves another principal's credentials.
            ConnectionError: The endpoint did not start.
        """
        # A worker that is a thread of the kernel's process: the plugin must not change the kernel's environment.
        in_client_process = any(thread.name == self._message["kernel"] for thread in threading.enumerate())
        if in_client_process or self._message["until"] <= time.time():
            return
        try:
            get_worker_endpoint().add_message(worker.id, self._message)
        except ConnectionError as error:
            # The client cannot unpickle the error's own class, which was shipped under another name.
            raise ConnectionError(str(error)) from None

    def teardown(self, worker: Any) -> None:
        """Ends the serving, unless a newer plugin has been set up by the next iteration of the event loop.

        Args:
            worker: Dask's worker.
        """
        # Dask tears the older plugin down before it sets the newer one up, in the same iteration. Endpoint and
        # environment must stay in between, because running tasks use them.
        asyncio.get_running_loop().call_soon(get_worker_endpoint().remove_message, worker.id, self._message)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        if self._shipped_modules is None:
            raise TypeError("A worker cannot send on the credentials that it has received.")
        module = "sharing.dask_cluster.worker_plugin"
        return self._shipped_modules.reduce_value(module, type(self).__name__, {"message": self._message})

    def __repr__(self) -> str:
        return f"<CredentialsPlugin {self.name}>"


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
        self._environment_overlay = EnvironmentOverlay(os.environ)

    def add_message(self, worker: str, message: CredentialsMessage) -> None:
        """Serves the credentials of a push, unless others are valid for longer.

        Args:
            worker: The worker of this process that received it.
            message: The push.

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
            self._messages[key] = message
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
            if not self._messages:
                self._stop_serving()

    def _serve(self, message: CredentialsMessage) -> None:
        if self._endpoint is None:
            self._endpoint = EndpointProcess(program=message["program"])
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
