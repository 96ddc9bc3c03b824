"""What a Dask worker does with the credentials that a kernel gives it: serve them to its own process, on loopback.

This module and those that it imports travel to the workers, which need not have this package; see carried.py.
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

from ..endpoint import environment as env
from ..endpoint.process import EndpointProcess

if TYPE_CHECKING:
    from .shipped_modules import ShippedModules

_NO_LONGER_SHARED = {
    "code": "AccessDenied",
    "message": "The notebook that shared AWS keys with this worker does so no more.",
}
_REGISTRY_NAME = "_cognito_jupyter_served_here"


class CredentialsMessage(TypedDict):
    """What a push brings.

    Attributes:
        kernel: Which kernel it is from, also the name of the thread there that pushes.
        principal: Whose credentials of which role these are, as a digest.
        serial: Greater with each push of a kernel.
        keys: As the endpoint answers them.
        until: Until when, in seconds since the epoch.
        region: For a worker whose environment names none.
        program: The text of the endpoint's program.
    """

    kernel: str
    principal: str
    serial: int
    keys: dict[str, str]
    until: float
    region: str
    program: str


class CredentialsPlugin(WorkerPlugin):
    """Serves what a kernel delivers to a worker's process.

    Args:
        message: The credentials.
        shipped_modules: The modules to take along; None where this has arrived.
    """

    def __init__(self, message: CredentialsMessage, shipped_modules: ShippedModules | None = None) -> None:
        self.name = message["kernel"]
        self._message = message
        self._shipped_modules = shipped_modules

    def setup(self, worker: Any) -> None:
        """Begins to serve, or serves these in the place of older ones.

        Args:
            worker: Dask's.

        Raises:
            PermissionError: Somebody else's credentials are served in this process.
            ConnectionError: The endpoint did not start.
        """
        if self._is_in_client_process() or self._message["until"] <= time.time():
            return
        try:
            get_worker_endpoint().add_message(worker.id, self._message)
        except ConnectionError as error:
            # The kernel does not know the classes of errors that were carried here.
            raise ConnectionError(str(error)) from None

    def teardown(self, worker: Any) -> None:
        """Ends the serving, unless a newer plugin is there once the loop has gone round."""
        # Dask takes the older plugin down before it sets the newer one up, in one step of its loop: endpoint and
        # environment stay in between, or the tasks that run would miss them.
        asyncio.get_running_loop().call_soon(get_worker_endpoint().remove_message, worker.id, self._message)

    def _is_in_client_process(self) -> bool:
        """Whether this worker is part of the kernel's process, whose environment is the kernel's own matter."""
        return any(thread.name == self._message["kernel"] for thread in threading.enumerate())

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        if self._shipped_modules is None:
            raise TypeError("Credentials that have arrived are not sent on.")
        return self._shipped_modules.reduce_value("sharing.worker", type(self).__name__, {"delivery": self._message})

    def __repr__(self) -> str:
        return f"<CredentialsPlugin {self.name}>"


class WorkerEndpoint:
    """What this process serves, whichever kernels delivered it: at one endpoint, for one principal.

    The endpoint lives as long as this process, though it may have nothing to serve for a while: an SDK's session asks
    for ever where it asked first, and is served again when the person is back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._messages: dict[tuple[str, str], CredentialsMessage] = {}
        self._endpoint: EndpointProcess | None = None
        self._path: str | None = None
        self._environment_overlay = env.EnvironmentOverlay(os.environ)

    def add_message(self, worker: str, message: CredentialsMessage) -> None:
        """Serves a delivery, if it is the newest.

        Args:
            worker: Which worker of this process it came to.
            message: The credentials.

        Raises:
            PermissionError: Another principal's are served here and have not expired.
            UnavailableError: The endpoint did not start (a ConnectionError).
        """
        key = (worker, message["kernel"])
        with self._lock:
            now = time.time()
            self._messages = {each: held for each, held in self._messages.items() if held["until"] > now}
            if any(held["principal"] != message["principal"] for held in self._messages.values()):
                raise PermissionError("A worker serves another person's credentials already, or another role's.")
            self._messages[key] = _longer_valid(message, self._messages.get(key))
            self._publish(max(self._messages.values(), key=lambda held: held["until"]))

    def remove_message(self, worker: str, message: CredentialsMessage) -> None:
        """Lets go of a delivery, unless a later one has taken its place; with the last one the serving ends."""
        key = (worker, message["kernel"])
        with self._lock:
            current = self._messages.get(key)
            if current is not None and current["serial"] != message["serial"]:
                return
            self._messages.pop(key, None)
            if not self._messages:
                self._stop_serving()

    def _publish(self, message: CredentialsMessage) -> None:
        if self._endpoint is None or not self._endpoint.alive:
            self._stop_serving()
            self._endpoint = EndpointProcess(program=message["program"])
        # A path for each principal: nobody's session goes on as somebody else.
        path = f"/{message['principal'][:16]}"
        if self._path not in {None, path}:
            self._stop_serving()
        self._endpoint.set_response(path, message["keys"], until=message["until"])
        if self._path is None:
            self._path = path
            self._set_environment(self._endpoint, message["region"])

    def _stop_serving(self) -> None:
        self._environment_overlay.restore()
        if self._endpoint is not None and self._path is not None:
            self._endpoint.set_response(self._path, _NO_LONGER_SHARED, status=403)
        self._path = None

    def _set_environment(self, endpoint: EndpointProcess, region: str) -> None:
        url, token_file = f"{endpoint.url}{self._path}", str(endpoint.token_file)
        for name in env.OVERRIDING_VARIABLES:
            self._environment_overlay.set(name, None)
        for name, value in env.endpoint_variables(url, endpoint.token, token_file, region, os.environ).items():
            self._environment_overlay.set(name, value)


def _longer_valid(message: CredentialsMessage, current: CredentialsMessage | None) -> CredentialsMessage:
    """Of two deliveries of a kernel the one that lasts longer, under the serial of the one that came last.

    A worker that joins while a push is under way may get the push first, and then what the scheduler had before.
    """
    if current is None or current["until"] <= message["until"]:
        return message
    return {**current, "serial": message["serial"]}


def get_worker_endpoint() -> WorkerEndpoint:
    """This process's: in a place that all kernels' modules find, whichever version of them was carried here."""
    registry = sys.modules.setdefault(_REGISTRY_NAME, ModuleType(_REGISTRY_NAME))
    return cast("WorkerEndpoint", vars(registry).setdefault("served", WorkerEndpoint()))
