"""Which of a cluster's connections credentials may travel on."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from ..errors import ClusterRefusedError

_ENCRYPTED = frozenset({"tls", "wss", "gateway"})
"""dask-gateway's own scheme is TLS to its proxy, and TLS from there to scheduler and workers."""
_IN_PROCESS = "inproc"


def refuse_plaintext(addresses: Iterable[str]) -> None:
    """Raises where one of a cluster's addresses is reached in clear over a network.

    A scheduler on loopback may be the near end of a tunnel, so that its workers' addresses count as well.

    Args:
        addresses: As Dask writes them: of the scheduler, and of its workers.

    Raises:
        ClusterRefusedError: One is neither encrypted nor on this machine; the message names it (a PermissionError).
    """
    for address in addresses:
        if not _may_carry(address):
            raise ClusterRefusedError(
                f"AWS credentials would travel to {address} in clear, for everybody on the network to read.",
                "Start the cluster with TLS (tls://), by Dask Gateway or on loopback; on a network that you trust with "
                "them, pass allow_plaintext=True.",
            )


def _may_carry(address: str) -> bool:
    scheme, _, place = address.rpartition("://")
    return scheme in _ENCRYPTED or scheme == _IN_PROCESS or _is_loopback(place)


def _is_loopback(place: str) -> bool:
    try:
        host = urlsplit(f"//{place}").hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
