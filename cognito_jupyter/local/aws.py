"""AWS behind the gate: moto in a child process, and what is in it at the start."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import Future
from typing import Any

from .child import Child
from .gate import Gate
from .ledger import Ledger
from .model import ACCOUNT, REGION, Knobs
from .seed import BUCKET, ROLE_PREFIX, data_set, policies, trust

_MODULE = "cognito_jupyter.local.moto_child"


class LocalAWS:
    """IAM, STS and S3 on this machine, with IAM enforced.

    Attributes:
        ledger: Which keys are good.
        gate: Where clients go.
        roles: From the short name to the role ARN.
    """

    def __init__(self, knobs: Knobs, counts: Counter[str]) -> None:
        self._child = Child([sys.executable, "-m", _MODULE], output=subprocess.PIPE)
        self._lock = threading.Lock()
        self._port: Future[int] = Future()
        self._boot: threading.Thread | None = None
        self.ledger = Ledger(knobs)
        self.gate = Gate(self._port.result, self.ledger, knobs, counts)
        self.roles = {name: f"arn:aws:iam::{ACCOUNT}:role/{ROLE_PREFIX}{name}" for name in policies()}

    def start(self, identity_pool_id: str) -> None:
        """Opens the gate; moto starts and is seeded meanwhile, and who comes earlier waits for it."""
        self.gate.start()
        self._boot = threading.Thread(target=self._seed, args=(identity_pool_id,), name="local-aws-seed", daemon=True)
        self._boot.start()

    def _seed(self, identity_pool_id: str) -> None:
        try:
            port = int(self._read()["port"])
            for name, policy in policies().items():
                self._do("role", name=f"{ROLE_PREFIX}{name}", policy=policy, trust=trust(identity_pool_id))
            self._do("bucket", name=BUCKET, region=REGION, objects=data_set())
            self._do("enforce")
        except (RuntimeError, OSError, ValueError) as error:
            self._port.set_exception(error)
        else:
            self._port.set_result(port)

    def wait(self) -> None:
        """Waits until everything is there.

        Raises:
            RuntimeError: moto did not start.
        """
        self._port.result()

    def stop(self) -> None:
        """Ends the gate and the child."""
        self._child.stop()
        if self._boot is not None:
            self._boot.join()
            self.gate.stop()

    def assume(self, role_arn: str, session_name: str) -> dict[str, str]:
        """New keys for a role, real ones to moto."""
        self.wait()
        answer: dict[str, str] = self._do("assume", role_arn=role_arn, session_name=session_name, region=REGION)
        return answer

    def _do(self, command: str, **arguments: Any) -> Any:
        with self._lock:
            assert self._child.process.stdin is not None
            self._child.process.stdin.write(json.dumps({"do": command, **arguments}).encode() + b"\n")
            self._child.process.stdin.flush()
            return self._read()

    def _read(self) -> Any:
        assert self._child.process.stdout is not None
        line = self._child.process.stdout.readline()
        if not line:
            raise RuntimeError("moto's server ended. Install it: pip install 'cognito_jupyter[local]'")
        return json.loads(line)
