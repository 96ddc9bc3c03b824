"""The interpreter of a process of pytest-xdist's: `python forked_worker.py SOCKET OPTION ... -c CODE`.

It has the code run in a process that is forked from the zygote at SOCKET, with its own standard streams, and waits for
its end. That process is killed when this one ends. It imports nothing of this project.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys


def main() -> int:
    """Returns the exit code of the forked process."""
    # Ctrl-C is for pytest's first process, which ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _, path, *options = sys.argv
    forked = {
        "run": "__main__:execute",
        "arguments": ["-c", options[options.index("-c") + 1]],
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "collects_all": False,
    }
    reader, writer = os.pipe()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as requests:
        requests.connect(path)
        socket.send_fds(requests, [json.dumps(forked).encode()], [0, 1, 2, writer])
        # Otherwise whoever reads from or writes to this process would not notice that the other one has ended.
        for descriptor in (0, 1, writer):
            os.close(descriptor)
        with open(reader, encoding="ascii") as pipe:
            pipe.readline()
            return int(pipe.readline() or 1)


if __name__ == "__main__":
    sys.exit(main())
