"""Pushes one role's credentials into a running Spark application, and removes them again.

`SparkShare` calls it in its thread. It decides neither when to push nor which credentials.

Spark has a channel for credentials that are renewed while an application runs: its delegation tokens. The driver adds
them to Hadoop's user (UserGroupInformation), and so do the executors, those that start later too. S3A finds its keys
there if `user:///` is among its credential providers. So no setting holds a key: neither Spark's user interface nor its
event log, nor the Hadoop configuration that each query sends to its tasks. Each file system that S3A makes reads the
newest keys, also for a DataFrame, an RDD or a query that began long before; Hadoop's cache of file systems, which would
keep the first keys, is bypassed.

S3A reads the three parts of a key one after another. If a push comes in between, S3 refuses the first request of that
file system: measured once in 15,000 file systems at 39 pushes a second; one push in 24 minutes is usual. A cluster runs
the task again; a local master, and the driver where it lists files, fail the query.

Sources: https://spark.apache.org/docs/latest/security.html#long-running-applications;
https://hadoop.apache.org/docs/stable/hadoop-aws/tools/hadoop-aws/index.html#hadoop_credential_providers
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from ..._util.logs.redaction import install_redaction, suppress_debug_logs
from ..._util.redaction import RedactedVariables, SecretBytes, SecretText
from ...errors import UnavailableError
from .network import refuse_open_network

if TYPE_CHECKING:
    from pyspark import SparkContext

    from ...credentials.role_credentials import CachedCredentials, FrozenCredentials

_ACCESS_KEY, _SECRET_KEY, _SESSION_TOKEN = "fs.s3a.access.key", "fs.s3a.secret.key", "fs.s3a.session.token"
_PROVIDER_PATH = "fs.s3a.security.credential.provider.path"
_USER_PROVIDER = "user:///"
_SETTINGS = {
    "fs.s3a.aws.credentials.provider": "org.apache.hadoop.fs.s3a.TemporaryAWSCredentialsProvider",
    "fs.s3a.impl.disable.cache": "true",
}


class SparkPusher:
    """One kernel's connection to one Spark application.

    Args:
        context: The application, which runs in this process's JVM.
        principal: A digest that tells a user in a role from all others.
        allow_plaintext: Whether the application's network may be unencrypted.

    Attributes:
        context, principal: As given.
        kernel_id: The name of the pushing thread; it tells this share from all others.
        pushes: How many different credentials have been pushed.
    """

    def __init__(self, context: SparkContext, principal: str, *, allow_plaintext: bool) -> None:
        self.context = context
        self.principal = principal
        self.pushes = 0
        self.kernel_id = f"cognito-spark-{secrets.token_hex(6)}"
        self._allow_plaintext = allow_plaintext
        self._last_access_key = ""
        # For each setting of Hadoop that was changed the value to restore; None: it was not set.
        self._original_settings: dict[str, str | None] | None = None

    @property
    def address(self) -> str:
        """Spark's master, as the application names it."""
        return str(self.context.master)

    @property
    def connected(self) -> bool:
        """Whether the application runs."""
        java_context = self.context._jsc  # noqa: SLF001 - None after stop(); nothing public tells
        return java_context is not None and not java_context.sc().isStopped()

    @property
    def workers(self) -> int:
        """How many executors Spark has now; with a local master the driver is the only one."""
        return max(1, len(self._executor_hosts()) - 1)

    def push(self, cached: CachedCredentials, timeout: float) -> None:  # noqa: ARG002 - as ClusterPusher has it
        """Sends new credentials to the driver's JVM and to the executors; later executors get them from the driver.

        Spark sends each executor this message before the tasks of later jobs, so that these use the new ones.

        Args:
            cached: The credentials.
            timeout: Unused: no executor confirms them.

        Raises:
            ClusterRefusedError: Others on the network could read the credentials (a PermissionError).
            UnavailableError: The JVM did not accept them (a ConnectionError).
        """
        if not self._allow_plaintext:
            settings = dict(self.context.getConf().getAll())
            refuse_open_network(self._hosts(settings), settings)
        self._deliver(_keys_of(cached.frozen))
        self._configure_hadoop()
        if cached.frozen.access_key != self._last_access_key:
            self._last_access_key, self.pushes = str(cached.frozen.access_key), self.pushes + 1

    def unregister(self) -> None:
        """Removes the credentials from all processes, and restores the Hadoop configuration.

        Raises:
            UnavailableError: The JVM did not respond (a ConnectionError).
        """
        original, self._original_settings = self._original_settings, None
        if original is None or not self.connected:
            return
        # Hadoop's user can lose no key, but an empty one is none for S3A.
        self._deliver(dict.fromkeys((_ACCESS_KEY, _SECRET_KEY, _SESSION_TOKEN), SecretText()))
        configuration = self._java_context.hadoopConfiguration()
        for name, value in original.items():
            if value is None:
                configuration.unset(name)
            else:
                configuration.set(name, value)

    @property
    def _java_context(self) -> Any:
        return self.context._jsc.sc()  # noqa: SLF001 - as everybody does who needs the Hadoop configuration

    def _hosts(self, settings: Mapping[str, str]) -> list[str]:
        """Returns the hosts at which the driver and the executors listen."""
        driver = settings.get("spark.driver.bindAddress") or settings.get("spark.driver.host", "")
        return [driver, *self._executor_hosts()]

    def _executor_hosts(self) -> list[str]:
        """Returns the hosts of the executors and of the driver, which Spark counts among them."""
        return [str(executor.host()) for executor in self._java_context.statusTracker().getExecutorInfos()]

    def _configure_hadoop(self) -> None:
        if self._original_settings is not None:
            return
        configuration = self._java_context.hadoopConfiguration()
        providers = configuration.get(_PROVIDER_PATH)
        changes = {**_SETTINGS, _PROVIDER_PATH: f"{_USER_PROVIDER},{providers}" if providers else _USER_PROVIDER}
        self._original_settings = {name: configuration.get(name) for name in changes}
        for name, value in changes.items():
            configuration.set(name, value)

    def _deliver(self, keys: Mapping[str, str]) -> None:
        """Adds keys to Hadoop's user in the driver's JVM and in all executors.

        py4j holds what it sends in variables, and logs it at DEBUG: both must not show the keys.
        """
        failure = None
        install_redaction()
        try:
            with suppress_debug_logs():
                self._send_tokens(keys)
        except Exception as error:  # noqa: BLE001 - py4j raises errors of many kinds, also those of closed sockets
            failure = type(error).__name__
        if failure is not None:
            raise UnavailableError(
                f"Spark at {self.address} did not accept the credentials ({failure}).",
                "Check that spark.range(1).count() responds, and call it again.",
            )

    def _send_tokens(self, keys: Mapping[str, str]) -> None:
        jvm: Any = self.context._jvm  # noqa: SLF001 - Spark's classes have no other way in from Python
        hadoop, spark = jvm.org.apache.hadoop, jvm.org.apache.spark
        # With what others have added: an executor that starts later gets the last message only.
        user = hadoop.security.UserGroupInformation.getCurrentUser()
        tokens = hadoop.security.Credentials(user.getCredentials())
        for name, value in keys.items():
            tokens.addSecretKey(hadoop.io.Text(name), SecretBytes(value.encode()))
        utilities = spark.deploy.SparkHadoopUtil.get()
        message = SecretBytes(utilities.serialize(tokens))
        # Spark does this too, but later: the next query may begin here with a look at the files.
        utilities.addDelegationTokens(message, self._java_context.getConf())
        if not self._java_context.isLocal():
            messages = "CoarseGrainedClusterMessages$UpdateDelegationTokens"
            update = getattr(spark.scheduler.cluster, messages)(message)
            self._java_context.schedulerBackend().driverEndpoint().send(update)


def _keys_of(frozen: FrozenCredentials) -> dict[str, str]:
    keys = {_ACCESS_KEY: frozen.access_key, _SECRET_KEY: frozen.secret_key, _SESSION_TOKEN: frozen.token}
    return cast("dict[str, str]", RedactedVariables(keys))
