"""A share of the demo user's credentials, and processes that use it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping

import pytest

from cognito_jupyter import sharing
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.local import LocalCognito

BUCKET = "cognito-jupyter-demo"


@pytest.fixture
def shared(manager: CognitoCredentialsManager) -> Iterator[sharing.Share]:
    """The role Analyst, shared."""
    with sharing.share(manager, ["Analyst"]) as share:
        yield share


def run_python(program: str, environ: Mapping[str, str] = os.environ) -> subprocess.CompletedProcess[str]:
    """Runs a program in another Python process, which finds the share only through its environment.

    Args:
        program: The source.
        environ: The environment.
    """
    return subprocess.run(
        [sys.executable, "-c", program], env=dict(environ), capture_output=True, text=True, check=False, timeout=100
    )


def expired_signers(cognito: LocalCognito) -> int:
    """Returns how many of the credentials that have signed a request to AWS have expired since.

    Args:
        cognito: The local Cognito that issued them.
    """
    signers = {request.access_key_id for request in list(cognito.aws.proxy.requests)}
    keys = [cognito.aws.issued_keys.get(signer) for signer in signers]
    return sum(key is not None and key.expires < time.time() for key in keys)
