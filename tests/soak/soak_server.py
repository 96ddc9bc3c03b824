"""A Cognito with S3 behind it in a process of its own, so that its memory is not measured."""

from __future__ import annotations

import json
import subprocess
import threading
import urllib.request
from typing import Any, Self, cast

from cognito_jupyter.local import Knobs, LocalCognito
from cognito_jupyter.local.child_process import ChildProcess, supervised_command

CREDENTIALS_SECONDS = 10.0
"""Seconds for which credentials are valid; an id token is valid for twice as long."""


class SoakServer:
    """The child process.

    Attributes:
        facts: Its environment, its bucket and data, the tokens of a signed-in user, and the user's name and password.
    """

    def __init__(self) -> None:
        self._child = ChildProcess(supervised_command(__name__), output=subprocess.PIPE)
        output = self._child.process.stdout
        line = output.readline() if output is not None else b""
        if not line:
            self._child.stop()
            raise RuntimeError("The soak's Cognito did not start: run `python -m tests.soak.soak_server` to see.")
        self.facts: dict[str, Any] = json.loads(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._child.stop()

    def inject(self, endpoint: str, fault: dict[str, object]) -> None:
        """Injects a fault into the next call of an endpoint; a fault that has not occurred yet is replaced."""
        self._admin_request("PATCH", "knobs", {"faults": {endpoint: [fault]}})

    def use_credentials_of_an_hour(self) -> None:
        """Issues tokens and credentials that are valid for an hour, as AWS does."""
        self._admin_request("PATCH", "knobs", {"credentials_seconds": 3600.0, "id_token_seconds": 3600.0})

    def counts(self) -> dict[str, int]:
        """Returns the calls by endpoint."""
        return cast("dict[str, int]", self._admin_request("GET", "counts"))

    def _admin_request(self, method: str, what: str, payload: object = None) -> Any:
        body = json.dumps(payload).encode() if payload is not None else None
        headers = {"X-Admin-Token": self.facts["admin_token"], "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.facts['admin_url']}/{what}", body, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)


def main() -> None:
    """Serves until the parent ends it."""
    # With a grace period: without it, the first lost response to a refresh would end the sign-in.
    knobs = Knobs(
        credentials_seconds=CREDENTIALS_SECONDS, id_token_seconds=2 * CREDENTIALS_SECONDS, rotation=True, grace=60
    )
    with LocalCognito(knobs=knobs) as cognito:
        cognito.aws.wait_until_ready()
        facts = {
            "environment": cognito.environment,
            "admin_url": cognito.admin_url.replace("localhost", "127.0.0.1"),
            "admin_token": cognito.admin_token,
            "bucket": cognito.bucket,
            "data_key": cognito.data_key,
            "tokens": cognito.issue_tokens(),
            "username": cognito.demo_user.username,
            "password": cognito.demo_user.password,
        }
        print(json.dumps(facts), flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
