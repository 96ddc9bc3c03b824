"""A share of the demo user's credentials, and processes that use it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from cognito_jupyter import sharing
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.local import LocalCognito
from tests.support.polling import TEST_TIMEOUT, wait_until
from tests.support.scheduling import module_of, schedule_by_group

BUCKET = "cognito-jupyter-demo"
LIFETIME = 10.0
"""Seconds that credentials live in tests of clusters. They are replaced after 40 % of that time, so that the old ones
are still valid for some seconds where a busy machine lets a process stand still."""
LONG_LIFETIME = 20.0
"""The same for credentials that are used for a while although they could not be replaced."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Has all tests of Ray run in one process: a cluster of Ray that starts beside another one may start too late.

    Args:
        config: pytest's own.
        log: What the scheduler logs to.
    """
    return schedule_by_group(config, log, lambda nodeid: "ray" if "/ray_cluster/" in nodeid else module_of(nodeid))


@pytest.fixture
def shared(manager: CognitoCredentialsManager) -> Iterator[sharing.Share]:
    """The role Analyst, shared."""
    with sharing.share(manager, ["Analyst"]) as share:
        yield share


def run_python(
    program: str, environ: Mapping[str, str] = os.environ, timeout: float = 100
) -> subprocess.CompletedProcess[str]:
    """Runs a program in another Python process, which finds the share only through its environment.

    Args:
        program: The source.
        environ: The environment.
        timeout: Seconds that it may take.
    """
    return subprocess.run(
        [sys.executable, "-c", program], env=dict(environ), capture_output=True, text=True, check=False, timeout=timeout
    )


def expired_signers(cognito: LocalCognito) -> int:
    """Returns how many of the credentials that have signed a request to AWS have expired since.

    Args:
        cognito: The local Cognito that issued them.
    """
    signers = {request.access_key_id for request in list(cognito.aws.proxy.requests)}
    keys = [cognito.aws.issued_keys.get(signer) for signer in signers]
    return sum(key is not None and key.expires < time.time() for key in keys)


def run_until_expired(
    cognito: LocalCognito, expiries: int, run: Callable[[], subprocess.CompletedProcess[str]], stop: Path
) -> subprocess.CompletedProcess[str]:
    """Runs a program that reads again and again, until some of the credentials that it has used have expired.

    Args:
        cognito: The local Cognito that issues them.
        expiries: How many of them.
        run: Runs the program to its end.
        stop: The file that the program looks for; once it is there, the program reads one last time.
    """
    cognito.aws.proxy.requests.clear()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run)
        try:
            wait_until(
                lambda: running.done() or expired_signers(cognito) >= expiries,
                lambda: f"{expired_signers(cognito)} of the credentials have expired.",
                timeout=3 * TEST_TIMEOUT,
            )
        finally:
            stop.touch()
        return running.result()
