"""Pushes one role's credentials to the workers of one Dask cluster, and removes them again.

`DaskShare` calls it in its thread. It decides neither when to push nor which credentials; only short-lived credentials
travel, never a token of the sign-in.
"""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ...errors import ClusterRefusedError
from ..cluster.messages import Messages
from ..cluster.shipped_modules import WORKER_MODULES, ShippedModules
from .network import refuse_plaintext
from .worker_plugin import CredentialsPlugin

if TYPE_CHECKING:
    from distributed import Client

    from ...credentials.role_credentials import CachedCredentials

SHIPPED_MODULES = (*WORKER_MODULES, "sharing.dask_cluster.worker_plugin")
"""The plugin and what it imports of this package, each after its imports."""
_CLAIM_KEY = "cognito_jupyter"
"""Where the scheduler's metadata say whose credentials its workers have; nothing in it is secret."""
_CONNECTED_STATUSES = frozenset({"running", "connecting", "newly-created"})
_UNREGISTER_TIMEOUT = 5.0
"""Seconds that the workers have to remove the credentials."""


class WorkerPusher:
    """One kernel's connection to one cluster, for one principal: a user in a role.

    Args:
        client: A client of the cluster, which is not asynchronous.
        principal: A digest that tells this principal from all others.
        region: The region for workers whose environment names none.
        allow_plaintext: Whether the cluster's network may be unencrypted.

    Attributes:
        client, principal: As given.
        kernel_id: The name of the plugin and of the pushing thread; it tells this process from all others.
        pushes: How many different credentials the scheduler has accepted.
        workers: How many workers have confirmed the last credentials; None while one of them does not respond.
        last_request: When a worker last reported that a program had requested credentials; None: never.
    """

    def __init__(self, client: Client, principal: str, region: str, *, allow_plaintext: bool) -> None:
        self.client = client
        self.principal = principal
        self.pushes = 0
        self.workers: int | None = 0
        self.last_request: datetime | None = None
        self._last_access_key = ""
        self._messages = Messages("dask", principal, region)
        self.kernel_id = self._messages.kernel_id
        self._allow_plaintext = allow_plaintext
        self._shipped_modules = ShippedModules(SHIPPED_MODULES)
        self._registered = False

    @property
    def address(self) -> str:
        """The scheduler's address, as the client reaches it."""
        return str(self.client.scheduler.address) if self.client.scheduler is not None else "a closed client"

    @property
    def connected(self) -> bool:
        """Whether the client is connected or reconnecting."""
        return self.client.status in _CONNECTED_STATUSES

    @property
    def scheduler_knows_it(self) -> bool:
        """Whether the scheduler knows whose credentials its workers have; one that was restarted does not.

        Raises:
            Exception: Any exception of Dask's for a failed connection.
        """
        claim = self.client.get_metadata(_CLAIM_KEY, default=None)
        return claim is not None and claim["principal"] == self.principal

    def push(self, cached: CachedCredentials, timeout: float) -> None:
        """Sends new credentials to the workers; workers that join later get them from the scheduler.

        Args:
            cached: The credentials.
            timeout: Seconds that the workers have to confirm. A worker that does not confirm does not delay the others.

        Raises:
            ClusterRefusedError: The network is not encrypted, or the cluster has credentials of another principal (a
                PermissionError).
            Exception: Any exception of Dask's for a failed connection; a later push may succeed.
        """
        if not self._allow_plaintext:
            identity: dict[str, Any] = self.client.sync(self.client.scheduler.identity)
            refuse_plaintext([self.address, identity["address"], *identity["workers"]])
        self._claim_cluster(cached.expiration.timestamp())
        # Again each time: a scheduler that was restarted knows of no subscription.
        self.client.subscribe_topic(self.kernel_id, self._on_request)
        self._registered = True
        plugin = CredentialsPlugin(self._messages.make(cached), self._shipped_modules)
        try:
            register = self.client.register_plugin
            self.workers = len(self.client.sync(register, plugin, name=self.kernel_id, callback_timeout=timeout))
        except TimeoutError:
            # By now the scheduler has stored the plugin and sent it to all workers; it waits for the slowest one. That
            # worker may be in a long C call or have vanished, and must not delay the next push to the others.
            self.workers = None
        except PermissionError as error:
            # The operating system's errors have a number; one without was raised by the plugin in a worker.
            if error.errno is not None:
                raise
            self.unregister()
            raise _other_principal(str(error)) from None
        if cached.frozen.access_key != self._last_access_key:
            self._last_access_key, self.pushes = str(cached.frozen.access_key), self.pushes + 1

    def unregister(self) -> None:
        """Removes the credentials from the workers.

        Raises:
            Exception: Any exception of Dask's for a failed connection.
        """
        if not self._registered or not self.connected:
            return
        self._registered = False
        with suppress(ValueError):
            self.client.unsubscribe_topic(self.kernel_id)
        claim = self.client.get_metadata(_CLAIM_KEY, default=None)
        if claim and claim["name"] == self.kernel_id:
            self.client.set_metadata(_CLAIM_KEY, None)

        self.client.sync(self.client.unregister_worker_plugin, self.kernel_id, callback_timeout=_UNREGISTER_TIMEOUT)

    def _on_request(self, _event: object) -> None:
        # By this machine's clock: the scheduler's and the workers' may differ.
        self.last_request = datetime.now(UTC)

    def _claim_cluster(self, until: float) -> None:
        """Writes the principal into the scheduler's metadata, for the time in which no worker is there to refuse."""
        claim = self.client.get_metadata(_CLAIM_KEY, default=None)
        if claim and claim["principal"] != self.principal and claim["until"] > time.time():
            raise _other_principal("This cluster has another user's credentials, or another role's.")
        self.client.set_metadata(_CLAIM_KEY, {"principal": self.principal, "name": self.kernel_id, "until": until})


def _other_principal(what: str) -> ClusterRefusedError:
    return ClusterRefusedError(
        what, "Each cluster serves one user in one role: close the other share, or start a cluster of your own."
    )
