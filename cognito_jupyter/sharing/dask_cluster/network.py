"""Decides over which of a cluster's connections credentials may travel.

`WorkerPusher` calls it before each push, with addresses in Dask's form. It opens no connection.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from ...errors import ClusterRefusedError

_SAFE_SCHEMES = frozenset({"tls", "wss", "gateway", "inproc"})
"""Encrypted, or within one process. dask-gateway's own scheme is TLS to its proxy, and TLS from there to the scheduler
and the workers."""


def refuse_plaintext(addresses: Iterable[str]) -> None:
    """Raises an error if one of a cluster's addresses is reached over a network without encryption.

    A scheduler on loopback may be the near end of a tunnel, so the addresses of its workers count as well.

    Args:
        addresses: The addresses of the scheduler and of its workers, as Dask writes them.

    Raises:
        ClusterRefusedError: One is neither encrypted nor on this machine; the message names it (a PermissionError).
    """
    for address in addresses:
        if not _is_safe(address):
            raise ClusterRefusedError(
                f"AWS credentials would travel to {address} unencrypted, and everyone on the network could read them.",
                "Start the cluster with TLS (tls://), by Dask Gateway or on loopback; on a network that you trust with "
                "them, pass allow_plaintext=True.",
            )


def _is_safe(address: str) -> bool:
    scheme, _, netloc = address.rpartition("://")
    if scheme in _SAFE_SCHEMES:
        return True
    try:
        host = urlsplit(f"//{netloc}").hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
