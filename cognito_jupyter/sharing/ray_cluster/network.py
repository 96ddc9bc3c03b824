"""Decides whether credentials may travel to a Ray cluster.

`RayPusher` calls it before each push. It opens no connection, and sends nothing.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Mapping
from ipaddress import ip_address

from ...errors import ClusterRefusedError

_TRUE = frozenset({"1", "true"})


def refuse_plaintext(addresses: Iterable[str], environ: Mapping[str, str] = os.environ) -> None:
    """Raises an error if a cluster is reached over a network without encryption, or is open to one.

    Ray's ports give everything to whoever connects to them, unless Ray uses TLS or its token. The token is enough
    where all of the cluster is on this machine, since nothing travels then.

    Args:
        addresses: The addresses of the cluster's nodes.
        environ: The environment, which says whether Ray uses TLS and its token.

    Raises:
        ClusterRefusedError: It is; the message names an address (a PermissionError).
    """
    if environ.get("RAY_USE_TLS", "").lower() in _TRUE:
        return
    has_token = environ.get("RAY_AUTH_MODE", "").lower() == "token"
    for address in addresses:
        if _is_loopback(address) or (has_token and _is_of_this_machine(address)):
            continue
        raise ClusterRefusedError(
            f"AWS credentials would be open to the network at {address}, because Ray uses no TLS there.",
            "Start Ray with RAY_USE_TLS=1, or on this machine alone with RAY_AUTH_MODE=token; on a network that you "
            "trust with them, pass allow_plaintext=True.",
        )


def _is_loopback(address: str) -> bool:
    try:
        return address == "localhost" or ip_address(address).is_loopback
    except ValueError:
        return False


def _is_of_this_machine(address: str) -> bool:
    try:
        family = socket.AF_INET6 if ip_address(address).version == 6 else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except (OSError, ValueError):
        return False
    return True
