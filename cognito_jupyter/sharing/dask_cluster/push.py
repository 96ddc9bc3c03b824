"""Takes one role's credentials to the workers of one Dask cluster, and from them."""

from __future__ import annotations

import hashlib
import itertools
import secrets
import time
from collections.abc import Sized
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ...errors import ClusterRefusedError
from .network import refuse_plaintext
from .shipped_modules import ShippedModules, module_source
from .worker_plugin import CredentialsMessage, CredentialsPlugin

if TYPE_CHECKING:
    from distributed import Client

    from ...credentials.role_credentials import CachedCredentials

SHIPPED_MODULES = ("errors", "sharing.environment", "sharing.endpoint_process", "sharing.worker")
_CLAIM_KEY = "cognito_jupyter"
"""Where the scheduler's metadata say whose credentials its workers have; nothing in it is secret."""
_CONNECTED_STATUSES = frozenset({"running", "connecting", "newly-created"})
_UNREGISTER_TIMEOUT = 5.0
"""Seconds that the workers have to let go of what they were given."""


class WorkerPusher:
    """One kernel's way to one cluster, for one principal: a person in a role.

    Args:
        client: Connected to the cluster, and not asynchronous.
        principal: A digest that tells this principal from all others.
        region: For workers whose environment names none.
        allow_plaintext: Whether the cluster's network may be one that is not encrypted.

    Attributes:
        client, principal: As given.
        kernel_id: The name that the thread which pushes has to have: it tells this process from all others.
        pushes: How many credentials the scheduler took, each counted once.
        workers: How many workers have answered that they have the last ones; None while one of them does not answer.
    """

    def __init__(self, client: Client, principal: str, region: str, *, allow_plaintext: bool) -> None:
        self.client = client
        self.principal = principal
        self.pushes = 0
        self.workers: int | None = 0
        self._last_access_key = ""
        # One for each kernel: closing one of two notebooks of a person takes nothing from the other one.
        self.kernel_id = f"cognito-dask-{secrets.token_hex(6)}"
        self._region = region
        self._allow_plaintext = allow_plaintext
        self._shipped_modules = ShippedModules(SHIPPED_MODULES)
        self._program = module_source("sharing", "endpoint")
        self._serials = itertools.count(time.time_ns())
        self._registered = False

    @property
    def address(self) -> str:
        """The scheduler's, as the client reaches it."""
        return str(self.client.scheduler.address) if self.client.scheduler is not None else "a closed client"

    @property
    def connected(self) -> bool:
        """Whether the client is still of use."""
        return self.client.status in _CONNECTED_STATUSES

    def push(self, snapshot: CachedCredentials, timeout: float) -> None:
        """Gives the workers new credentials; those that join later get them from the scheduler.

        Args:
            snapshot: The credentials.
            timeout: Seconds that the workers have to answer. The others have them meanwhile, whoever does not.

        Raises:
            ClusterRefusedError: They may not travel there, or somebody else's are there (a PermissionError).
            Exception: Whatever Dask raises where a connection fails; the next push may go well.
        """
        if not self._allow_plaintext:
            identity: dict[str, Any] = self.client.sync(self.client.scheduler.identity)
            refuse_plaintext([self.address, identity["address"], *identity["workers"]])
        self._claim_cluster(snapshot.expiration.timestamp())
        self._registered = True
        try:
            self.workers = self._register(self._make_plugin(snapshot), timeout)
        except PermissionError as error:
            if error.errno is not None:
                raise
            # A worker's own words.
            self.unregister()
            raise _other_principal(str(error)) from None
        if snapshot.frozen.access_key != self._last_access_key:
            self._last_access_key, self.pushes = str(snapshot.frozen.access_key), self.pushes + 1

    def _register(self, plugin: CredentialsPlugin, timeout: float) -> int | None:
        """How many workers answer that they have it; None where one of them does not in time."""

        async def register_plugin() -> Sized:
            reached: Sized = await self.client.register_plugin(plugin, name=self.kernel_id)
            return reached

        try:
            return len(self.client.sync(register_plugin, callback_timeout=timeout))
        except TimeoutError:
            # The scheduler keeps it before it sends it on to all at once, and then waits for the slowest: one that
            # sits in a long C call or has vanished, which must not hold up what the others get next.
            return None

    def unregister(self) -> None:
        """Takes the credentials from the workers.

        Raises:
            Exception: Whatever Dask raises where a connection fails.
        """
        if not self._registered or not self.connected:
            return
        self._registered = False
        claim = self.client.get_metadata(_CLAIM_KEY, default=None)
        if claim and claim["name"] == self.kernel_id:
            self.client.set_metadata(_CLAIM_KEY, None)

        async def unregister_plugin() -> None:
            await self.client.unregister_worker_plugin(self.kernel_id)

        self.client.sync(unregister_plugin, callback_timeout=_UNREGISTER_TIMEOUT)

    def _claim_cluster(self, until: float) -> None:
        """Says whose the cluster is: for those who come while there is no worker that could refuse them."""
        claim = self.client.get_metadata(_CLAIM_KEY, default=None)
        if claim and claim["principal"] != self.principal and claim["until"] > time.time():
            raise _other_principal("This cluster has another person's credentials, or another role's.")
        self.client.set_metadata(_CLAIM_KEY, {"principal": self.principal, "name": self.kernel_id, "until": until})

    def _make_plugin(self, snapshot: CachedCredentials) -> CredentialsPlugin:
        until = _usable_until(snapshot)
        frozen = snapshot.frozen
        message = CredentialsMessage(
            kernel=self.kernel_id,
            principal=self.principal,
            serial=next(self._serials),
            keys={
                "AccessKeyId": str(frozen.access_key),
                "SecretAccessKey": str(frozen.secret_key),
                "Token": str(frozen.token),
                "Expiration": f"{until:%Y-%m-%dT%H:%M:%SZ}",
            },
            until=until.timestamp(),
            region=self._region,
            program=self._program,
        )
        return CredentialsPlugin(message, self._shipped_modules)


def _usable_until(snapshot: CachedCredentials) -> datetime:
    """A little before AWS ends them, by AWS's clock: the workers' clocks are not this machine's."""
    return snapshot.expiration - timedelta(seconds=snapshot.expires_at - snapshot.mandatory_refresh_at)


def principal_of(snapshot: CachedCredentials, role_arn: str | None) -> str:
    """A digest of a person in a role: enough to tell two apart, and no more."""
    return hashlib.sha256(f"{snapshot.response['IdentityId']} {role_arn or ''}".encode()).hexdigest()


def _other_principal(what: str) -> ClusterRefusedError:
    return ClusterRefusedError(
        what, "Each cluster serves one person in one role: close the other share, or start a cluster of your own."
    )
