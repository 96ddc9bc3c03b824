"""Worker processes of ipyparallel and PyTorch read S3 while credentials and tokens expire, and the sign-in stays well.

`multiprocessing` itself and joblib are in tests/credentials/test_forked_children.py.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cognito_jupyter.local import LocalCognito
from tests.conftest import as_tokens
from tests.support.refresh_times import assert_one_refresh_for_each_id_token, refresh_times_of

from .worker_program import WAYS, WORKERS

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

CREDENTIALS = 3
"""How many different ones each worker reads with: the first ones have expired by the third."""
NO_TORCH = importlib.util.find_spec("torch") is None
_ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    "way",
    [
        pytest.param(way, marks=pytest.mark.skipif(NO_TORCH, reason="no build of PyTorch for the CPU was found"))
        if way.startswith("DataLoader")
        else way
        for way in WAYS
    ],
)
def test_workers_read_across_expiries_and_the_sign_in_stays_well(
    cognito: LocalCognito, tmp_path: Path, way: str
) -> None:
    """With rotation, a worker that spent the refresh token would sign the process of the sign-in out."""
    cognito.knobs.rotation, cognito.knobs.grace = True, 0
    cognito.knobs.id_token_seconds, cognito.knobs.credentials_seconds = 4, 9
    tokens = as_tokens(cognito.issue_tokens())
    facts = {
        "domain": cognito.domain,
        "client_id": cognito.client_id,
        "pools": (cognito.identity_pool_id, cognito.user_pool_id, cognito.region),
        "tokens": dict(tokens),
        "credentials": CREDENTIALS,
        "way": way,
    }
    cognito.aws.proxy.requests.clear()
    before = cognito.counts[LocalCognito.REFRESH]
    done = subprocess.run(
        [sys.executable, "-m", "tests.sharing.workers.worker_program"],
        input=json.dumps(facts),
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
        cwd=_ROOT,
        env={**os.environ, "HOME": str(tmp_path), "IPYTHONDIR": str(tmp_path / "ipython")},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    keys, is_well = json.loads(done.stdout.splitlines()[-1])
    assert is_well
    assert len(keys) == WORKERS
    assert [len(each) for each in keys] == [CREDENTIALS] * WORKERS
    assert {each.status for each in cognito.aws.proxy.requests if each.service == "s3"} == {200}
    # Only the process of the sign-in refreshes; each worker would do it as often.
    assert len(refresh_times_of(cognito, tokens)) >= 3
    assert_one_refresh_for_each_id_token(cognito, tokens, cognito.counts[LocalCognito.REFRESH] - before)
