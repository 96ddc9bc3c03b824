"""The notebook about Ray, run from top to bottom, past an expiry."""

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

from .clusters import START_TIMEOUTS

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

LIFETIME = 10.0
STARS = 12
BEFORE_ALL = """
import os, time

# As in the notebook: Ray reads both when it is imported.
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
os.environ["RAY_AUTH_MODE"] = "disabled"
import ray


def get_node_when_it_is_there(*arguments, get_node=ray._private.services.get_node):
    until = time.monotonic() + 100
    while True:
        try:
            return get_node(*arguments)
        except RuntimeError:
            if time.monotonic() > until:
                raise
        time.sleep(0.1)


ray._private.services.get_node = get_node_when_it_is_there
"""
"""Lets `ray.init` wait longer than 30 seconds for its node, as `cluster` of clusters.py does."""
AFTER_LOGOUT = """
until = time.monotonic() + 60
while ray.util.list_named_actors(all_namespaces=True) and time.monotonic() < until:
    time.sleep(0.1)
print(share.closed, ray.util.list_named_actors(all_namespaces=True))
"""
"""The pushing thread notices the logout after a moment."""


def test_the_tasks_of_the_notebook_read_the_same_past_an_expiry_until_the_logout(
    cognito: LocalCognito, tmp_path: Path
) -> None:
    cognito.knobs.credentials_seconds = LIFETIME
    cognito.aws.proxy.requests.clear()
    variables = {**cognito.environment, **START_TIMEOUTS, "HOME": str(tmp_path), "BROWSER": "true"}
    # Without what the other tests of Ray have set: with a token the processes of this cluster would refuse each other.
    environment = {
        name: value
        for name, value in clean_environment(tmp_path, variables).items()
        if not name.startswith("RAY_") or name in START_TIMEOUTS
    }
    reader, began = LinkFollower(cognito), time.time()
    shown = []
    with Kernel(environment, folder=tmp_path) as kernel:
        prepared = kernel.run_cell(BEFORE_ALL, timeout=120)
        assert prepared.error is None, prepared.error
        for source in code_cells(find_notebooks() / "ray.ipynb"):
            run = kernel.run_cell(source, on_output=reader.follow, timeout=120)
            assert run.error is None, f"{source}\n{run.error}"
            shown.append(run.text)
            if source == "%cognito_logout":
                assert kernel.run_cell(AFTER_LOGOUT, timeout=120).text == "True []\n"
    assert reader.sign_ins == 1
    rounds = re.findall(r"round (\d), (\w+): (\d+) stars, as before", "".join(shown))
    assert rounds == [(str(number), name, str(STARS)) for number in (1, 2, 3) for name in ("tasks", "actor")]
    assert re.search(r"cognito-jupyter-Analyst, with \d workers? of the Ray cluster at 127.0.0.1:", "".join(shown))
    requests = list(cognito.aws.proxy.requests)
    assert {request.status for request in requests if request.status >= 400} == set()
    keys = [cognito.aws.issued_keys.get(key) for key in {request.access_key_id for request in requests}]
    assert [key for key in keys if key is not None and began < key.expires < time.time()]
    secrets = cognito.secrets | {key.session_token for key in keys if key is not None}
    assert not [secret for secret in secrets if secret in "".join(shown)]
