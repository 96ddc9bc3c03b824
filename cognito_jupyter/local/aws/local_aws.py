"""IAM, STS and S3 on this machine: starts moto in a child process, fills it, and puts the proxy in front of it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import Future
from typing import Any

from ..child_process import ChildProcess
from ..model import ACCOUNT, REGION, IssuedKeys, Knobs
from .proxy import AwsProxy
from .seed import BUCKET, ROLE_PREFIX, demo_objects, role_policies, trust_policy

_MOTO_MODULE = "cognito_jupyter.local.aws.moto_child"


class LocalAWS:
    """IAM, STS and S3 on this machine, with IAM enforced.

    Args:
        knobs: Latency, faults and the clock.
        counts: Calls by endpoint name.

    Attributes:
        issued_keys: The credentials that were issued.
        proxy: What clients connect to.
        roles: Role ARNs by short name.
    """

    def __init__(self, knobs: Knobs, counts: Counter[str]) -> None:
        self._child = ChildProcess([sys.executable, "-m", _MOTO_MODULE], output=subprocess.PIPE)
        self._lock = threading.Lock()
        self._port: Future[int] = Future()
        self._seed_thread: threading.Thread | None = None
        self.issued_keys = IssuedKeys(knobs)
        self.proxy = AwsProxy(self._port.result, self.issued_keys, knobs, counts)
        self.roles = {name: f"arn:aws:iam::{ACCOUNT}:role/{ROLE_PREFIX}{name}" for name in role_policies()}

    def start(self, identity_pool_id: str) -> None:
        """Start the proxy, and fill moto in a thread; requests wait until that is done."""
        self.proxy.start()
        self._seed_thread = threading.Thread(
            target=self._seed, args=(identity_pool_id,), name="local-aws-seed", daemon=True
        )
        self._seed_thread.start()

    def _seed(self, identity_pool_id: str) -> None:
        try:
            port = int(self._read_reply()["port"])
            trust = trust_policy(identity_pool_id)
            for name, policy in role_policies().items():
                self._send_command("role", name=f"{ROLE_PREFIX}{name}", policy=policy, trust=trust)
            self._send_command("bucket", name=BUCKET, region=REGION, objects=demo_objects())
            self._send_command("enforce")
        except (RuntimeError, OSError, ValueError) as error:
            self._port.set_exception(error)
        else:
            self._port.set_result(port)

    def wait_until_ready(self) -> None:
        """Wait until moto has started and is filled.

        Raises:
            RuntimeError: moto did not start.
        """
        self._port.result()

    def stop(self) -> None:
        """End the child process and the proxy."""
        self._child.stop()
        if self._seed_thread is not None:
            self._seed_thread.join()
        self.proxy.stop()

    def assume_role(self, role_arn: str, session_name: str) -> dict[str, str]:
        """Make credentials that moto accepts.

        Args:
            role_arn: The role.
            session_name: The name of the role session.

        Returns:
            AccessKeyId, SecretKey and SessionToken.
        """
        self.wait_until_ready()
        credentials: dict[str, str] = self._send_command(
            "assume", role_arn=role_arn, session_name=session_name, region=REGION
        )
        return credentials

    def _send_command(self, command: str, **arguments: Any) -> Any:
        with self._lock:
            assert self._child.process.stdin is not None
            self._child.process.stdin.write(json.dumps({"do": command, **arguments}).encode() + b"\n")
            self._child.process.stdin.flush()
            return self._read_reply()

    def _read_reply(self) -> Any:
        assert self._child.process.stdout is not None
        line = self._child.process.stdout.readline()
        if not line:
            raise RuntimeError("moto's server ended. Install it: pip install 'cognito_jupyter[local]'")
        return json.loads(line)
