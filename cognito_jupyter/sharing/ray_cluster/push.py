"""Passes one role's credentials to the workers of one Ray job, and removes them again.

`RayShare` calls it in its thread. It decides neither when to push nor which credentials; only short-lived credentials
travel, never a token of the sign-in. They go to an actor of the kernel's own, where the worker processes get them.
"""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import ray
from ray.exceptions import GetTimeoutError, RayActorError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ...errors import ClusterRefusedError
from ..cluster.messages import Messages
from ..cluster.shipped_modules import WORKER_MODULES, ShippedModules
from . import holder
from .network import refuse_plaintext
from .task_defaults import TaskDefaults, job_setup_hook
from .worker_setup import NAMESPACE, WorkerSetup

if TYPE_CHECKING:
    from ...credentials.role_credentials import CachedCredentials

_SHIPPED_MODULES = (*WORKER_MODULES, "sharing.ray_cluster.worker_setup")
_ACTOR_OPTIONS = {"num_cpus": 0, "max_concurrency": 100_000, "enable_task_events": False, "get_if_exists": True}
_CLOSE_TIMEOUT = 30.0
"""Seconds that the actor has to tell the workers of the end: without it they would have the credentials for a minute
more. Nothing waits for it but the thread: `close` of a share returns after five seconds."""
_STATUS_TIMEOUT = 5.0
_CREATE_TIMEOUT = 60.0
"""Seconds that the cluster has to start the actor: its process takes one or two, and many on a busy machine. Each
attempt starts another one, so that three short ones would all end too early."""
_CLAIM_TIMEOUT = 60.0
"""Seconds that another kernel's actor has to say whose credentials it holds: it may have to be started, too."""


class RayPusher:
    """One kernel's connection to one Ray cluster, for one principal: a user in a role.

    Args:
        principal: A digest that tells this principal from all others.
        region: The region for workers whose environment names none.
        allow_plaintext: Whether the cluster's network may be unencrypted.

    Attributes:
        principal: As given.
        kernel_id: The name of the pushing thread; it tells this share from all others.
        address: The cluster's address.
        pushes: How many different credentials the actor has received.
        workers: How many worker processes have confirmed the last credentials, as of the last half minute.
        last_request: When a worker's program last requested credentials, likewise; None: never.
        worker_setup: Sets up a worker process; it holds nothing secret.
    """

    def __init__(self, principal: str, region: str, *, allow_plaintext: bool) -> None:
        context = ray.get_runtime_context()
        self.principal = principal
        self.address = str(context.gcs_address)
        self.pushes = 0
        self.workers: int | None = 0
        self.last_request: datetime | None = None
        self._job = context.get_job_id()
        self._messages = Messages("ray", principal, region)
        self.kernel_id = self._messages.kernel_id
        # One per job, under the same name: its actors find the job's next share too.
        self._name = f"credentials-{self._job}"
        modules = ShippedModules(_SHIPPED_MODULES)
        self.worker_setup = WorkerSetup(self._name, self.kernel_id, job_setup_hook(), modules)
        self._task_defaults = TaskDefaults(self.worker_setup)
        self._allow_plaintext = allow_plaintext
        self._last_access_key = ""
        self._holder: Any = None

    @property
    def connected(self) -> bool:
        """Whether this process is still connected as the same job."""
        return bool(ray.is_initialized() and ray.get_runtime_context().get_job_id() == self._job)

    def push(self, cached: CachedCredentials, timeout: float) -> None:
        """Sends new credentials to the workers; those that start later get them from the actor.

        Args:
            cached: The credentials.
            timeout: Seconds that the actor has to receive them.

        Raises:
            ClusterRefusedError: The network is not encrypted, or the cluster has credentials of another principal (a
                PermissionError).
            Exception: Any exception of Ray's for a failed connection; a later push may succeed.
        """
        if not self._allow_plaintext:
            refuse_plaintext(str(node["NodeManagerAddress"]) for node in ray.nodes() if node["Alive"])
        message = self._messages.make(cached)
        if self._holder is None:
            self._holder = self._create_holder()
        try:
            pushed = self._holder.push.remote(message, message["serial"])
            self.workers = ray.get(pushed, timeout=timeout)
        except RayActorError:
            # The actor's process or node has ended; the next push creates it again.
            self._holder = None
            raise
        self._task_defaults.install()
        if cached.frozen.access_key != self._last_access_key:
            self._last_access_key, self.pushes = str(cached.frozen.access_key), self.pushes + 1

    def has_lost_credentials(self) -> bool:
        """Whether the actor has ended, so that they must be pushed again; asks it how its workers are otherwise.

        Raises:
            Exception: Any exception of Ray's for a failed connection.
        """
        if self._holder is None:
            return True
        try:
            self.workers, last = ray.get(self._holder.status.remote(), timeout=_STATUS_TIMEOUT)
        except RayActorError:
            self._holder = None
            return True
        self.last_request = datetime.fromtimestamp(last, UTC) if last is not None else self.last_request
        return False

    def unregister(self) -> None:
        """Removes the credentials from the workers, and the actor.

        Raises:
            Exception: Any exception of Ray's for a failed connection.
        """
        self._task_defaults.remove()
        last_holder, self._holder = self._holder, None
        if last_holder is None or not self.connected:
            return
        try:
            with suppress(RayActorError):
                ray.get(last_holder.push.remote(None, time.time_ns()), timeout=_CLOSE_TIMEOUT)
        finally:
            ray.kill(last_holder)

    def _create_holder(self) -> Any:
        """Creates the actor, and claims the cluster for the principal.

        Raises:
            ClusterRefusedError: Another kernel's actor has credentials of another principal, or does not say whose.
        """
        # No arguments: Ray stores those of an actor's creation.
        on_this_node = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=True)
        options = {**_ACTOR_OPTIONS, "name": self._name, "namespace": NAMESPACE, "scheduling_strategy": on_this_node}
        ray.cloudpickle.register_pickle_by_value(holder)
        try:
            created = ray.remote(holder.CredentialsHolder).options(**options).remote()
        finally:
            ray.cloudpickle.unregister_pickle_by_value(holder)
        try:
            ray.get(created.claim.remote(self.principal), timeout=_CREATE_TIMEOUT)
            # Each kernel claims first and then looks, so that of two at the same time one sees the other.
            self._refuse_other_principals()
        except BaseException:
            ray.kill(created)
            raise
        return created

    def _refuse_other_principals(self) -> None:
        for each in ray.util.list_named_actors(all_namespaces=True):
            if each["namespace"] != NAMESPACE or each["name"] == self._name:
                continue
            try:
                other = ray.get_actor(each["name"], namespace=NAMESPACE)
                principal = ray.get(other.principal.remote(), timeout=_CLAIM_TIMEOUT)
            except (ValueError, RayActorError):
                continue  # it has ended, or is ending
            except GetTimeoutError:
                raise ClusterRefusedError(
                    "Another kernel shares credentials with this cluster, and does not say whose they are.",
                    "Call it again later, or start a cluster of your own.",
                ) from None
            if principal not in {None, self.principal}:
                raise ClusterRefusedError(
                    "This cluster has another user's credentials, or another role's.",
                    "Each cluster serves one user in one role: close the other share, or start a cluster of your own.",
                )
