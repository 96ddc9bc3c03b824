"""IAM, STS and S3 on this machine: moto in a child process, and the proxy in front of it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import Future, wait
from contextlib import suppress

from ..child_process import ChildProcess
from ..model import IssuedKey, Knobs
from .proxy import AwsProxy
from .seed import AwsContent

_MOTO_MODULE = "cognito_jupyter.local.aws.moto_child"


class LocalAWS:
    """IAM, STS and S3 on this machine, with IAM enforced.

    Args:
        knobs: Latency, faults and the clock.
        counts: Calls by endpoint name.
        address: The address to listen on.
        port: The port; 0 takes a free one.

    Attributes:
        issued_keys: The credentials that were issued, by their access key.
        proxy: What clients connect to.
    """

    def __init__(self, knobs: Knobs, counts: Counter[str], *, address: str | None = None, port: int = 0) -> None:
        # First, since the port may be in use.
        self._port: Future[int] = Future()
        self.issued_keys: dict[str, IssuedKey] = {}
        self.proxy = AwsProxy(
            self._port.result, self.issued_keys, knobs, counts, address=address or "127.0.0.1", port=port
        )
        self._child = ChildProcess([sys.executable, "-m", _MOTO_MODULE], output=subprocess.PIPE)
        self._lock = threading.Lock()
        self._start_thread: threading.Thread | None = None

    def start(self, content: AwsContent) -> None:
        """Starts the proxy, and waits for moto in a thread; requests wait too until it has started."""
        self.proxy.start()
        self._start_thread = threading.Thread(
            target=self._start_moto, args=(content,), name="local-aws-start", daemon=True
        )
        self._start_thread.start()

    def _start_moto(self, content: AwsContent) -> None:
        try:
            self._port.set_result(int(self._send_line(json.dumps(content.as_json()))))
        except (RuntimeError, OSError, ValueError) as error:
            self._port.set_exception(error)

    def wait_until_ready(self) -> None:
        """Waits until moto has started.

        Raises:
            RuntimeError: moto did not start.
        """
        while not wait([self._port], 0.1).done:
            pass  # in slices: on Windows, Ctrl-C ends no longer wait of the main thread
        self._port.result()

    def stop(self) -> None:
        """Ends the child process and the proxy."""
        self._child.stop()
        if self._start_thread is not None:
            while self._start_thread.is_alive():
                self._start_thread.join(0.1)
        self.proxy.stop()

    def assume_role(self, role_arn: str, session_name: str, tags: Mapping[str, str]) -> dict[str, str]:
        """Makes credentials that moto accepts.

        Args:
            role_arn: The role.
            session_name: The name of the role session.
            tags: Its session tags, which policies name as `aws:PrincipalTag/NAME`.

        Returns:
            AccessKeyId, SecretKey and SessionToken.
        """
        self.wait_until_ready()
        return dict(json.loads(self._send_line(json.dumps([role_arn, session_name, dict(tags)]))))

    def _send_line(self, line: str) -> bytes:
        """Sends a line to the child process, and returns its reply."""
        process = self._child.process
        assert process.stdin is not None
        assert process.stdout is not None
        with self._lock:
            # A child that has ended is noticed by its missing reply.
            with suppress(OSError):
                process.stdin.write(line.encode() + b"\n")
                process.stdin.flush()
            reply: bytes = process.stdout.readline()
        if not reply:
            raise RuntimeError('moto\'s server ended. Install it: pip install "cognito_jupyter[local]"')
        return reply
