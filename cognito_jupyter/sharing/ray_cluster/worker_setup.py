"""The setup hook of Ray's worker processes: it receives credentials from the kernel's actor, and serves them.

`RayPusher` exports it. It carries the actor's name and nothing secret. This module and those that it imports are
shipped to the workers, where this package need not be installed; see `cluster/shipped_modules.py`. It never calls
Cognito, and never refreshes what it serves.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import ray

from ..._util.redaction import RedactedVariables
from ..cluster.worker_endpoint import CredentialsMessage, get_worker_endpoint

if TYPE_CHECKING:
    from ..cluster.shipped_modules import ShippedModules

NAMESPACE = "cognito_jupyter"
"""The namespace of the actors of all kernels."""
KERNEL_THREAD_PREFIX = "cognito-ray-"
_THREAD_NAME = "cognito-receive-credentials"
_FIRST_TIMEOUT = 60.0
"""Seconds that a process waits for its first credentials at most, before it runs tasks without them. It does not wait
where there is no actor; where there is one, only a busy machine lets it wait."""
_REQUEST_TIMEOUT = 90.0
"""Seconds after which a request to the actor has failed; the actor responds within a third of that."""
_MIN_DELAY, _MAX_DELAY = 0.25, 5.0
"""Seconds between two looks for the actor."""
_LOST_TIMEOUT = 60.0
"""Seconds for which credentials stay without the actor that they came from; the kernel creates it again before."""


class WorkerSetup:
    """Sets up a worker process: its tasks and actors find the kernel's credentials from now on.

    Ray calls it in each new process. `ray.get(actor.__ray_call__.remote(share.worker_setup))` sets up the process of an
    actor that was created before the share.

    Args:
        holder: The name of the actor.
        share: Tells the share from earlier ones of the job, so that Ray runs its tasks in new processes: those of an
            earlier share may not have found the actor again.
        previous_hook: The job's own setup hook, as Ray names it, which runs first; None: it has none.
        shipped_modules: The modules to ship with it; None in a worker.
    """

    def __init__(
        self,
        holder: str,
        share: str,
        previous_hook: str | None = None,
        shipped_modules: ShippedModules | None = None,
    ) -> None:
        self.__name__ = "cognito_jupyter"  # Ray shows it as the hook's name
        self._state = {"holder": holder, "share": share, "previous_hook": previous_hook}
        self._shipped_modules = shipped_modules

    def __call__(self, *objects: object) -> None:
        """Has this process receive credentials, before its first task or, where an actor calls it, at once.

        Args:
            objects: The actor that calls it; none where Ray does.
        """
        if any(thread.name.startswith(KERNEL_THREAD_PREFIX) for thread in threading.enumerate()):
            return  # the kernel's own process, whose environment is not to be changed
        if objects:
            self._receive()
            return
        if self._state["previous_hook"]:
            _run_hook(self._state["previous_hook"])
        _call_before_first_task(self._receive)

    def _receive(self) -> None:
        """Starts the receiver of this process, unless it runs, and waits for its first credentials."""
        receiver = next((each for each in threading.enumerate() if isinstance(each, Receiver)), None)
        if receiver is None:
            worker = f"{ray.get_runtime_context().get_node_id()} {os.getpid()}"
            receiver = Receiver(str(self._state["holder"]), worker)
            receiver.start()
        receiver.received.wait(_FIRST_TIMEOUT)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        if self._shipped_modules is None:
            return type(self), tuple(self._state.values())
        return self._shipped_modules.reduce_value("sharing.ray_cluster.worker_setup", type(self).__name__, self._state)

    def __repr__(self) -> str:
        return f"<WorkerSetup for {self._state['holder']}>"


class Receiver(threading.Thread):
    """The thread of a worker process that waits for new credentials, for as long as the process lives.

    Args:
        holder: The name of the actor.
        worker: Tells the worker process from all others.

    Attributes:
        received: Set once there are credentials, or none to wait for.
    """

    def __init__(self, holder: str, worker: str) -> None:
        super().__init__(name=_THREAD_NAME, daemon=True)
        self.received = threading.Event()
        self._holder = holder
        self._worker = worker
        self._number = 0
        self._message: CredentialsMessage | None = None

    def run(self) -> None:
        """Receives messages; looks for the actor again while it is not there."""
        delay, connected_at = _MIN_DELAY, time.monotonic()
        while True:
            try:
                holder = ray.get_actor(self._holder, namespace=NAMESPACE)
                while self._receive(holder):
                    delay, connected_at = _MIN_DELAY, time.monotonic()
            except (ValueError, PermissionError):
                self.received.set()  # no such actor, or another principal's credentials are served here
            except Exception:  # noqa: BLE001, S110 - of many kinds where the actor, the cluster or this machine is busy
                pass
            if time.monotonic() - connected_at > _LOST_TIMEOUT:
                self._stop_serving()
            time.sleep(delay)
            delay = min(2 * delay, _MAX_DELAY)

    def _receive(self, holder: Any) -> bool:
        """Waits for one message, and serves it; returns False after the last one."""
        message: CredentialsMessage | None
        number, message = ray.get(holder.next_message.remote(self._worker, self._number), timeout=_REQUEST_TIMEOUT)
        if number == self._number:
            return True
        if message is None:
            self._stop_serving()
        else:
            if self._message is not None and self._message["kernel"] != message["kernel"]:
                self._stop_serving()
            redacted = cast("dict[str, str]", RedactedVariables(message["credentials"]))
            self._message = {**message, "credentials": redacted}
            get_worker_endpoint().add_message(self._worker, self._message, lambda _: holder.requested.remote())
        self._number = number
        self.received.set()
        return message is not None

    def _stop_serving(self) -> None:
        if self._message is not None:
            get_worker_endpoint().remove_message(self._worker, self._message)
            self._message = None


def _run_hook(name: str) -> None:
    """Runs another setup hook, as Ray would have."""
    from ray._private.runtime_env.setup_hook import load_and_execute_setup_hook

    error = load_and_execute_setup_hook(name)
    if error is not None:
        raise RuntimeError(error)


def _call_before_first_task(function: Callable[[], None]) -> None:
    """Has a new worker process call a function when its first task has arrived, before it runs.

    A process cannot call an actor before: Ray ends it then, because it does not know its runtime environment yet.

    Args:
        function: The function.
    """
    manager = ray._private.worker.global_worker.function_actor_manager
    names = ("load_actor_class", "get_execution_info")
    originals = {name: getattr(manager, name) for name in names}

    def call_first(name: str) -> Callable[..., Any]:
        def load(*arguments: Any, **keywords: Any) -> Any:
            for each in names:
                vars(manager).pop(each, None)
            function()
            return originals[name](*arguments, **keywords)

        return load

    for name in names:
        setattr(manager, name, call_first(name))
