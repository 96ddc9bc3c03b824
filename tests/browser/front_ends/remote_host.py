"""The remote computer: JupyterLab in its own network namespace, where the browser cannot reach its kernels' loopback.

`unshare --net python -m tests.browser.front_ends.remote_host FOLDER PORT ...`: it may reach these ports of
the browser's side, each by the socket file FOLDER/PORT. JupyterLab is reached by FOLDER/lab.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import struct
import sys
from pathlib import Path

from cognito_jupyter.demo.jupyterlab import JupyterLab, clean_environment
from tests.support.proxies import ForwardingProxy

_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 0x1  # SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP: <linux/sockios.h>


def main() -> None:
    """Prints JupyterLab's token and runs until standard input ends."""
    folder, ports = Path(sys.argv[1]), [int(port) for port in sys.argv[2:]]
    _bring_loopback_up()
    for port in ports:
        for host in ("127.0.0.1", "::1"):
            ForwardingProxy(folder / str(port), (host, port))
    environment = clean_environment(folder / "settings", os.environ)
    exposed = {"LabApp.expose_app_in_browser": "True"}
    with JupyterLab(folder / "notebooks", environment, exposed) as lab:
        ForwardingProxy(("127.0.0.1", int(lab.url.rsplit(":", 1)[1].partition("/")[0])), folder / "lab")
        print(json.dumps({"token": lab.token}), flush=True)
        sys.stdin.read()


def _bring_loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH14s", b"lo", 0, b"")
        flags = struct.unpack("16sH14s", fcntl.ioctl(any_socket, _GET_FLAGS, request))[1]
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sH14s", b"lo", flags | _UP, b""))


if __name__ == "__main__":
    main()
