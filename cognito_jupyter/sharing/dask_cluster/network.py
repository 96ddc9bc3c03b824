"""Which of a cluster's connections credentials may travel on."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from ...errors import ClusterRefusedError

_ENCRYPTED_SCHEMES = frozenset({"tls", "wss", "gateway"})
"""dask-gateway's own scheme is TLS to its proxy, and TLS from there to scheduler and workers."""
_IN_PROCESS_SCHEME = "inproc"


def refuse_plaintext(addresses: Iterable[str]) -> None:
    """Raises where one of a cluster's addresses is reached in clear over a network.

    A scheduler on loopback may be the near end of a tunnel, so that its workers' addresses count as well.

    Args:
        addresses: As Dask writes them: of the scheduler, and of its workers.

    Raises:
        ClusterRefusedError: One is neither encrypted nor on this machine; the message names it (a PermissionError).
    """
    for address in addresses:
        if not _is_safe(address):
            raise ClusterRefusedError(
                f"AWS credentials would travel to {address} in clear, for everybody on the network to read.",
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
