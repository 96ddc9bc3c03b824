"""TCP ports: one that is free now, and those on which this process listens."""

from __future__ import annotations

import os
import random
import socket
import sys
from contextlib import suppress
from pathlib import Path

import psutil

_PORT_RANGE = range(10_000, 20_000)
"""Below the ports that systems assign by themselves, and those that a `LocalCognito` registers."""
_CHANCE = random.SystemRandom()
"""Not the generator that Hypothesis seeds: processes that test at the same time would choose the same ports."""
_PROTOCOL_AND_LISTENS = 38, 30
"""SO_PROTOCOL and SO_ACCEPTCONN of Linux; not every Python has their names."""


def free_port() -> int:
    """Returns a port of 127.0.0.1 that no process listens on; the system gives it to no socket by itself meanwhile."""
    while True:
        with suppress(OSError), socket.create_server(("127.0.0.1", _CHANCE.choice(_PORT_RANGE))) as probe:
            return int(probe.getsockname()[1])


def listening_ports() -> set[int]:
    """Returns the TCP ports on which this process listens."""
    if sys.platform != "linux":
        connections = psutil.Process().net_connections("tcp")
        return {each.laddr.port for each in connections if each.status == psutil.CONN_LISTEN}
    # psutil reads the kernel's table of all connections of the machine, which takes up to 30 ms.
    ports = set()
    for path in Path("/proc/self/fd").iterdir():
        # It may be closed in the meantime.
        with suppress(OSError):
            if path.readlink().name.startswith("socket:"):
                with socket.socket(fileno=os.dup(int(path.name))) as ours:
                    protocol, listens = (ours.getsockopt(socket.SOL_SOCKET, option) for option in _PROTOCOL_AND_LISTENS)
                    if protocol == socket.IPPROTO_TCP and listens:
                        ports.add(int(ours.getsockname()[1]))
    return ports
