"""Runs a client in a process of its own, and is the user who signs in for it.

A client prints lines of JSON: {"open": URL} asks for a sign-in at a URL, and gets the address that the browser was sent
to as a line of its standard input; {"result": {...}} is what came out.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

_TIMEOUT = 60.0
"""Seconds after which a client is ended."""


def run_client(
    command: Sequence[str],
    environment: Mapping[str, str],
    sign_in: Callable[[str], str],
    folder: Path | None = None,
) -> dict[str, Any]:
    """Runs a client and signs in where it asks for it.

    Args:
        command: The client's command line.
        environment: Variables that are added to this process's.
        sign_in: Signs in at an authorization URL, and returns the address that the browser was sent to.
        folder: The working directory; None: this process's.

    Returns:
        What the client reported.

    Raises:
        AssertionError: The client ended without a result; the message has what it wrote to standard error.
    """
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as errors,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=os.environ | environment,
            cwd=folder,
            encoding="utf-8",
        ) as client,
    ):
        assert client.stdin is not None
        assert client.stdout is not None
        deadline = threading.Timer(_TIMEOUT, client.kill)
        deadline.start()
        try:
            for line in client.stdout:
                message: dict[str, Any] = json.loads(line)
                if "result" in message:
                    result: dict[str, Any] = message["result"]
                    return result
                client.stdin.write(f"{sign_in(message['open'])}\n")
                client.stdin.flush()
            client.wait()
            errors.seek(0)
            raise AssertionError(f"{command[-1]} ended with status {client.returncode}:\n{errors.read()}")
        finally:
            deadline.cancel()
            client.kill()
