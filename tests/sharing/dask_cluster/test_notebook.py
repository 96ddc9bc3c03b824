"""The notebook about Dask, run from top to bottom, past an expiry."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from cognito_jupyter.demo.check import LinkFollower, code_cells
from cognito_jupyter.demo.demo import find_notebooks
from cognito_jupyter.demo.jupyterlab import clean_environment
from cognito_jupyter.demo.kernel import Kernel
from cognito_jupyter.local import LocalCognito

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

LIFETIME = 10.0
STARS = 12
PANEL = """
from cognito_jupyter import LoginPanel
from cognito_jupyter.notebook.panel.content import panel_content
state = LoginPanel()._state
print(panel_content(state, state.controller.status, fallback=False)[1])
"""
AFTER_LOGOUT = """
def status():
    import os, urllib.error, urllib.request
    url, token = map(os.environ.get, ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN"))
    try:
        return url and urllib.request.urlopen(urllib.request.Request(url, headers={"Authorization": token})).status
    except urllib.error.HTTPError as error:
        return error.code
until = time.monotonic() + 60
while not set(client.run(status).values()) <= {None, 403} and time.monotonic() < until:
    time.sleep(0.1)
print(share.closed, set(client.run(status).values()) <= {None, 403}, client.run(status), status())
"""
"""The pushing thread notices the logout after a moment. A worker that this kernel starts during the share inherits
the address of the kernel's endpoint, which refuses it then."""


def test_the_tasks_of_the_notebook_read_the_same_past_an_expiry_until_the_logout(
    cognito: LocalCognito, tmp_path: Path
) -> None:
    cognito.knobs.credentials_seconds = LIFETIME
    cognito.aws.proxy.requests.clear()
    environment = clean_environment(tmp_path, {**cognito.environment, "HOME": str(tmp_path), "BROWSER": "true"})
    reader, began = LinkFollower(cognito), time.time()
    shown = []
    with Kernel(environment, folder=tmp_path) as kernel:
        for source in code_cells(find_notebooks() / "dask.ipynb"):
            run = kernel.run_cell(source, on_output=reader.follow, timeout=120)
            assert run.error is None, f"{source}\n{run.error}"
            shown.append(run.text)
            if source == "%cognito_status":
                assert re.search(r"Dask cluster at .*; last used ", run.text)
                panel = kernel.run_cell(PANEL, timeout=60)
                assert re.search("Dask cluster.*3 workers at tcp://.*, last used at", panel.text), panel
            if source == "%cognito_logout":
                assert kernel.run_cell(AFTER_LOGOUT, timeout=120).text.startswith("True True ")
    assert reader.sign_ins == 1
    rounds = re.findall(r"round (\d), by_(\w+): (\d+) stars, as before", "".join(shown))
    assert rounds == [(str(number), library, str(STARS)) for number in (1, 2, 3) for library in ("boto3", "s3fs")]
    assert "cognito-jupyter-Analyst, with 3 workers of the Dask cluster at tcp://127.0.0.1:" in "".join(shown)
    requests = list(cognito.aws.proxy.requests)
    assert {request.status for request in requests if request.status >= 400} == set()
    keys = [cognito.aws.issued_keys.get(key) for key in {request.access_key_id for request in requests}]
    assert [key for key in keys if key is not None and began < key.expires < time.time()]
    secrets = cognito.secrets | {key.session_token for key in keys if key is not None}
    assert not [secret for secret in secrets if secret in "".join(shown)]
