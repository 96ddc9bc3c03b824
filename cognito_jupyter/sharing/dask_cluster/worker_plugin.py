"""The plugin of a Dask worker: it serves pushed credentials to the worker's process, on loopback.

`WorkerPusher` registers it. This module and those that it imports are shipped to the workers, where this package need
not be installed; see `cluster/shipped_modules.py`. It never calls Cognito, and never refreshes what it serves.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from distributed import WorkerPlugin

from ..._util.redaction import RedactedVariables
from ..cluster.worker_endpoint import CredentialsMessage, Reporter, get_worker_endpoint

if TYPE_CHECKING:
    from ..cluster.shipped_modules import ShippedModules


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
            get_worker_endpoint().add_message(worker.id, self._message, self._reporter(worker))
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

    def _reporter(self, worker: Any) -> Reporter:
        """Returns a function that tells the kernel, from any thread, that credentials were requested."""
        topic = self._message["kernel"]

        def log_event() -> None:
            # A worker that is ending has no connection any more.
            with suppress(Exception):
                worker.log_event(topic, {"credentials": "requested"})

        return lambda delay: worker.loop.add_callback(worker.loop.call_later, delay, log_event)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        if self._shipped_modules is None:
            raise TypeError("A worker cannot send on the credentials that it has received.")
        module = "sharing.dask_cluster.worker_plugin"
        return self._shipped_modules.reduce_value(module, type(self).__name__, {"message": self._message})

    def __repr__(self) -> str:
        return f"<CredentialsPlugin {self.name}>"
