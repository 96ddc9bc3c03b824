"""Decides over which of a cluster's connections credentials may travel.

`WorkerPusher` calls it before each push, with addresses in Dask's form. It opens no connection.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from ...errors import ClusterRefusedError

_ENCRYPTED_SCHEMES = frozenset({"tls", "wss", "gateway"})
"""dask-gateway's own scheme is TLS to its proxy, and TLS from there to the scheduler and the workers."""
_IN_PROCESS_SCHEME = "inproc"


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
    return scheme in _ENCRYPTED_SCHEMES or scheme == _IN_PROCESS_SCHEME or _is_loopback(netloc)


def _is_loopback(netloc: str) -> bool:
    try:
        host = urlsplit(f"//{netloc}").hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
