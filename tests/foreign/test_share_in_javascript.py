"""AWS's SDK for JavaScript uses a share, as a program that a notebook starts does."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from cognito_jupyter import sharing
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.local import LocalCognito

pytestmark = [pytest.mark.long]

LIFETIME = 9.0
"""Seconds: with a third of them left they are replaced, which a process that stands still must not miss."""
EXPIRIES = 3


def test_the_aws_sdk_for_javascript_reads_across_three_expiries(
    cognito: LocalCognito, manager: CognitoCredentialsManager, node_folder: Path
) -> None:
    """With one client. It writes a warning to standard error, because token and token file are both set."""
    cognito.knobs.credentials_seconds = LIFETIME
    cognito.aws.proxy.requests.clear()
    facts = {
        "FOREIGN_BUCKET": cognito.bucket,
        "FOREIGN_KEY": cognito.data_key,
        "SECONDS": str((EXPIRIES + 1) * LIFETIME),
    }
    with sharing.share(manager, ["Analyst"]):
        done = subprocess.run(
            ["node", str(node_folder / "aws_share.mjs")],
            env=os.environ | facts,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
            cwd=node_folder,
        )
    assert done.returncode == 0, done.stderr
    reads = [each for each in cognito.aws.proxy.requests if each.service == "s3"]
    assert {each.status for each in reads} == {200}
    assert int(done.stdout) == len(reads)
    keys = [cognito.aws.issued_keys[key] for key in {str(each.access_key_id) for each in reads}]
    assert {key.role_arn for key in keys} == {cognito.roles["Analyst"]}
    assert sum(key.expires < time.time() for key in keys) >= EXPIRIES
