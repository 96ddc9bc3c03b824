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

from . import environment as env
from .endpoint_process import EndpointProcess

if TYPE_CHECKING:
    from .carried import Carried

_OVER = {"code": "AccessDenied", "message": "The notebook that shared AWS keys with this worker does so no more."}
_PLACE = "_cognito_jupyter_served_here"


class Delivery(TypedDict):
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
        delivery: The credentials.
        carried: The modules to take along; None where this has arrived.
    """

    def __init__(self, delivery: Delivery, carried: Carried | None = None) -> None:
        self.name = delivery["kernel"]
        self._delivery = delivery
        self._carried = carried

    def setup(self, worker: Any) -> None:
        """Begins to serve, or serves these in the place of older ones.

        Args:
            worker: Dask's.

        Raises:
            PermissionError: Somebody else's credentials are served in this process.
            ConnectionError: The endpoint did not start.
        """
        if self._at_home() or self._delivery["until"] <= time.time():
            return
        try:
            served_here().take(worker.id, self._delivery)
        except ConnectionError as error:
            # The kernel does not know the classes of errors that were carried here.
            raise ConnectionError(str(error)) from None

    def teardown(self, worker: Any) -> None:
        """Ends the serving, unless a newer plugin is there once the loop has gone round."""
        # Dask takes the older plugin down before it sets the newer one up, in one step of its loop: endpoint and
        # environment stay in between, or the tasks that run would miss them.
        asyncio.get_running_loop().call_soon(served_here().drop, worker.id, self._delivery)

    def _at_home(self) -> bool:
        """Whether this worker is part of the kernel's process, whose environment is the kernel's own matter."""
        return any(thread.name == self._delivery["kernel"] for thread in threading.enumerate())

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        if self._carried is None:
            raise TypeError("Credentials that have arrived are not sent on.")
        return self._carried.pickled("sharing.worker", type(self).__name__, {"delivery": self._delivery})

    def __repr__(self) -> str:
        return f"<CredentialsPlugin {self.name}>"


class Served:
    """What this process serves, whichever kernels delivered it: at one endpoint, for one principal.

    The endpoint lives as long as this process, though it may have nothing to serve for a while: an SDK's session asks
    for ever where it asked first, and is served again when the person is back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._deliveries: dict[tuple[str, str], Delivery] = {}
        self._endpoint: EndpointProcess | None = None
        self._path: str | None = None
        self._changes = env.ChangedEnvironment(os.environ)

    def take(self, worker: str, delivery: Delivery) -> None:
        """Serves a delivery, if it is the newest.

        Args:
            worker: Which worker of this process it came to.
            delivery: The credentials.

        Raises:
            PermissionError: Another principal's are served here and have not expired.
            UnavailableError: The endpoint did not start (a ConnectionError).
        """
        key = (worker, delivery["kernel"])
        with self._lock:
            now = time.time()
            self._deliveries = {each: held for each, held in self._deliveries.items() if held["until"] > now}
            if any(held["principal"] != delivery["principal"] for held in self._deliveries.values()):
                raise PermissionError("A worker serves another person's credentials already, or another role's.")
            self._deliveries[key] = _newer(delivery, self._deliveries.get(key))
            self._serve(max(self._deliveries.values(), key=lambda held: held["until"]))

    def drop(self, worker: str, delivery: Delivery) -> None:
        """Lets go of a delivery, unless a later one has taken its place; with the last one the serving ends."""
        key = (worker, delivery["kernel"])
        with self._lock:
            held = self._deliveries.get(key)
            if held is not None and held["serial"] != delivery["serial"]:
                return
            self._deliveries.pop(key, None)
            if not self._deliveries:
                self._end()

    def _serve(self, delivery: Delivery) -> None:
        if self._endpoint is None or not self._endpoint.alive:
            self._end()
            self._endpoint = EndpointProcess(program=delivery["program"])
        # A path for each principal: nobody's session goes on as somebody else.
        path = f"/{delivery['principal'][:16]}"
        if self._path not in {None, path}:
            self._end()
        self._endpoint.put(path, delivery["keys"], until=delivery["until"])
        if self._path is None:
            self._path = path
            self._name_in_environment(self._endpoint, delivery["region"])

    def _end(self) -> None:
        self._changes.restore()
        if self._endpoint is not None and self._path is not None:
            self._endpoint.put(self._path, _OVER, status=403)
        self._path = None

    def _name_in_environment(self, endpoint: EndpointProcess, region: str) -> None:
        url, token_file = f"{endpoint.url}{self._path}", str(endpoint.token_file)
        for name in env.STRONGER:
            self._changes.set(name, None)
        for name, value in env.leading_to(url, endpoint.token, token_file, region, os.environ).items():
            self._changes.set(name, value)


def _newer(delivery: Delivery, held: Delivery | None) -> Delivery:
    """Of two deliveries of a kernel the one that lasts longer, under the serial of the one that came last.

    A worker that joins while a push is under way may get the push first, and then what the scheduler had before.
    """
    if held is None or held["until"] <= delivery["until"]:
        return delivery
    return {**held, "serial": delivery["serial"]}


def served_here() -> Served:
    """This process's: in a place that all kernels' modules find, whichever version of them was carried here."""
    place = sys.modules.setdefault(_PLACE, ModuleType(_PLACE))
    return cast("Served", vars(place).setdefault("served", Served()))
