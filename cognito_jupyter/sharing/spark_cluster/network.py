"""Decides whether credentials may travel between the processes of a Spark application.

`SparkPusher` calls it before each push. It opens no connection, and resolves no name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_address

from ...errors import ClusterRefusedError

_ENCRYPTION = ("spark.network.crypto.enabled", "spark.authenticate.enableSaslEncryption", "spark.ssl.rpc.enabled")
"""Each encrypts what the driver and the executors send each other, if they authenticate (`spark.authenticate`).
https://spark.apache.org/docs/latest/security.html#network-encryption"""


def refuse_open_network(hosts: Iterable[str], settings: Mapping[str, str]) -> None:
    """Raises an error if others could read the credentials on their way, or fetch them from the driver.

    Args:
        hosts: The hosts at which the driver and the executors listen, as Spark writes them.
        settings: Spark's settings.

    Raises:
        ClusterRefusedError: A host is not this machine's loopback, and Spark neither authenticates nor encrypts; the
            message names it (a PermissionError).
    """
    if _is_on("spark.authenticate", settings) and any(_is_on(name, settings) for name in _ENCRYPTION):
        return
    for host in hosts:
        if not _is_loopback(host):
            raise ClusterRefusedError(
                f"AWS credentials would travel to Spark at {host} unencrypted, and everyone on the network could read "
                "them.",
                "Start Spark with spark.authenticate and spark.network.crypto.enabled, or on loopback "
                '(SPARK_LOCAL_IP=127.0.0.1); with a local master ("local[*]") call share(...) before you start Spark '
                "instead; on a network that you trust with them, pass allow_plaintext=True.",
            )


def _is_on(name: str, settings: Mapping[str, str]) -> bool:
    return settings.get(name, "").strip().lower() == "true"


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
