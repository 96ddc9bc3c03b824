"""The command `cognito-jupyter demo`, and the quickstart, with the packages of the extra `demo`."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
import requests

from cognito_jupyter.demo.check import code_cells, run_notebook
from cognito_jupyter.demo.demo import find_notebooks
from cognito_jupyter.demo.jupyterlab import clean_environment
from cognito_jupyter.local import LocalCognito
from tests.cli.test_main import COMMAND, assert_gone, listening, process_tree, running
from tests.local.test_template import TEMPLATE, parameters
from tests.support.systems import needs_sigint, needs_sigkill

pytestmark = pytest.mark.long

QUICKSTART = find_notebooks() / "quickstart.ipynb"


@pytest.mark.timeout(180)
def test_the_demo_check_runs_without_a_screen() -> None:
    done = subprocess.run([*COMMAND, "demo", "--check"], capture_output=True, text=True, check=False, timeout=150)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Everything works, in \d+ s; the first read of S3 after \d+ s\.$", done.stdout.strip())
    assert r"\x20" not in done.stdout
    assert done.stderr == ""


@needs_sigint
@needs_sigkill
@pytest.mark.parametrize("name", ["SIGTERM", "SIGKILL"])
def test_the_demo_shows_jupyterlab_and_ends_with_all_of_it(name: str) -> None:
    """It listens only on loopback, and its token is in no process's arguments."""
    with running("demo", "--no-browser", until="Ctrl-C") as (process, printed):
        assert "AWS          account 123456789012, region us-east-1, bucket cognito-jupyter-demo" in printed
        assert "credentials  valid for 30 s" in printed
        found = re.search(r"http://127\.0\.0\.1:\d+/lab/tree/panel\.ipynb\?token=(\S+)", printed)
        assert found is not None
        assert requests.get(found[0], timeout=30).status_code == 200
        assert "/login?" in requests.get(found[0].partition("?")[0], timeout=30).url
        api = found[0].partition("/lab/")[0] + "/api/kernels"
        assert requests.post(api, headers={"Authorization": f"token {found[1]}"}, timeout=30).status_code == 201
        time.sleep(1)
        members = process_tree(process)
        assert len(members) > 3
        assert listening(members) <= {"127.0.0.1", "::1"}
        assert not [each for each in members if found[1] in " ".join(each.cmdline())]
        process.send_signal(signal.Signals[name])
        assert_gone(members)


@pytest.mark.timeout(180)
def test_the_quickstart_notebook_passes_the_demo_check(cognito: LocalCognito, tmp_path: Path) -> None:
    """One sign-in: pandas reads and draws, a role is denied, another one writes Parquet, credentials are refreshed."""
    written: list[str] = []
    cognito.aws.proxy.requests.clear()
    first_use = run_notebook(
        cognito, QUICKSTART, clean_environment(tmp_path, cognito.environment), written.append, credentials_seconds=10
    )
    text = "\n".join(written)
    for part in (
        "360 measurements of 12 stars",
        "<Figure size 800x300 with 1 Axes>",
        "AccessDenied",
        "CJ-12",
        "12 reads with boto3 and with pandas, one a second",
        "credentials refreshed",
        "one sign-in",
    ):
        assert part in text
    assert first_use < time.monotonic()
    paths = [each.path for each in cognito.aws.proxy.requests if each.method == "PUT" and each.status == 200]
    assert paths == ["/cognito-jupyter-demo/stars/measurements.parquet"]
    assert len(code_cells(QUICKSTART)) == 11


@pytest.mark.timeout(180)
def test_the_quickstart_runs_on_what_an_administrator_deploys(tmp_path: Path) -> None:
    written: list[str] = []
    with LocalCognito.from_template(TEMPLATE, parameters(UploadScope="bucket")) as cognito:
        environment = clean_environment(tmp_path, cognito.environment)
        run_notebook(cognito, QUICKSTART, environment, written.append)
    for part in ("AccessDenied", "CJ-12", "credentials refreshed", "one sign-in"):
        assert part in "\n".join(written)
