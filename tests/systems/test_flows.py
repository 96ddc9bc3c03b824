"""One sign-in through every feature, on simulated Windows and macOS: real kernels and commands there, and a user.

The local Cognito runs outside of the simulation. At the end of each flow the simulation's log is empty: nothing was
done that only a real system would punish.
"""

from __future__ import annotations

import json
import os
import re
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cognito_jupyter.demo.kernel import Kernel
from cognito_jupyter.local import LocalCognito
from tests.support.notebook import READS_S3, Notebook, NotebookUser, started_notebook
from tests.support.polling import TEST_TIMEOUT, wait_until
from tests.support.terminal import run_in_terminal
from tests.systems.simulation import SYSTEMS, Simulation, all_files

COMMAND = [sys.executable, "-m", "cognito_jupyter.cli"]
USES_SHARE = """
import os, subprocess, sys
PROGRAM = "import boto3; boto3.client('s3').list_objects_v2(Bucket='cognito-jupyter-demo'); print('listed')"
done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
print(done.stdout + done.stderr[-500:])
"""


@pytest.fixture(params=SYSTEMS)
def simulation(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Simulation]:
    simulation = Simulation(request.param, tmp_path)
    yield simulation
    assert simulation.logged() == []


@pytest.fixture
def environment(simulation: Simulation, cognito: LocalCognito) -> dict[str, str]:
    """The environment of the simulated user, whose AWS files are where they are by default."""
    base = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_CONFIG", "AWS_SHARED"))}
    return simulation.environment(base | cognito.environment | {"BROWSER": "true"})


@pytest.fixture
def notebook(cognito: LocalCognito, environment: dict[str, str]) -> Iterator[Notebook]:
    with started_notebook(cognito, environment) as notebook:
        notebook.text("from cognito_jupyter._util import clock")
        assert notebook.value("clock.sys.platform") in {"win32", "darwin"}
        yield notebook


def command(cognito: LocalCognito, environment: dict[str, str], *words: str, code: int = 0) -> str:
    """Runs the command in a terminal, with a user who signs in if it prints a link."""
    encoding = environment.get("PYTHONIOENCODING", "utf-8")
    user = cognito.demo_user
    return run_in_terminal(
        [*COMMAND, *words], environment, (user.username, user.password), code=code, encoding=encoding
    )


def test_a_notebook_signs_in_reads_shares_and_signs_out(notebook: Notebook, cognito: LocalCognito) -> None:
    cognito.knobs.credentials_seconds = 6
    assert "Signed in" in notebook.text("%cognito_login Analyst")
    exchanges = cognito.counts[cognito.EXCHANGE]
    cognito.knobs.credentials_seconds = 3600
    assert notebook.text(READS_S3) == "361\n"
    notebook.text("import time; time.sleep(7)")
    assert notebook.text(READS_S3) == "361\n"
    assert cognito.counts[cognito.EXCHANGE] > exchanges
    assert "role cognito-jupyter-Uploader" in notebook.text("%cognito_login Uploader")
    assert "role cognito-jupyter-Analyst" in notebook.text("%cognito_share Analyst")
    assert "listed" in notebook.text(USES_SHARE)
    wait_until(lambda: "last used" in notebook.text("%cognito_status"))
    roles = notebook.text("%cognito_roles")
    assert all(role in roles for role in ("Analyst", "Uploader"))
    notebook.text("%cognito_share --stop")
    assert "Signed out" in notebook.text("%cognito_logout")
    assert "not signed in" in notebook.text("%cognito_status")
    assert notebook.user.login_count == 1


def test_a_pasted_address_signs_in(cognito: LocalCognito, environment: dict[str, str]) -> None:
    user = NotebookUser(cognito, remote_browser=True)
    with Kernel(environment) as kernel:
        kernel.run_cell("%load_ext cognito_jupyter")
        run = kernel.run_cell("%cognito_login --paste", on_output=user.on_output, on_input=lambda _: user.final_url)
        assert run.error is None, run.error
        assert kernel.run_cell(READS_S3).text == "361\n"


def test_the_stop_button_ends_a_login_and_the_next_one_works(notebook: Notebook) -> None:
    shown = threading.Event()
    pressed: list[float] = []

    def press() -> None:
        assert shown.wait(TEST_TIMEOUT)
        time.sleep(0.5)  # into the wait
        pressed.append(time.monotonic())
        notebook.kernel.manager.interrupt_kernel()

    stop = threading.Thread(target=press)
    stop.start()
    run = notebook.kernel.run_cell("%cognito_login", on_output=lambda _: shown.set())
    assert run.error is not None
    assert time.monotonic() - pressed[0] < 10
    stop.join()
    notebook.user = NotebookUser(notebook.user._cognito)
    assert "Signed in" in notebook.text("%cognito_login")


def test_a_remembered_sign_in_serves_the_next_kernel_the_terminal_and_awss_tools(
    cognito: LocalCognito, environment: dict[str, str], simulation: Simulation
) -> None:
    """Everything lies in the user's own folder, and the logout leaves no secret in it."""
    with started_notebook(cognito, environment) as notebook:
        assert "yes, on this computer" in notebook.text("%cognito_login Analyst --remember")
        assert "aws --profile science" in notebook.text("%cognito_profile science")
    with started_notebook(cognito, environment) as notebook:
        assert "Signed in" in notebook.text("%cognito_login")
        assert notebook.user.login_count == 0
        assert notebook.text(READS_S3) == "361\n"
        notebook.text("cognito.refresh_user_pool_tokens() and None")
    (facts,) = json.loads(command(cognito, environment, "status", "--json"))
    assert not facts["ended"]
    reads = "import boto3; print(boto3.Session(profile_name='science').client('sts').get_caller_identity()['Arn'])"
    assert "cognito-jupyter-Analyst" in simulation.run([sys.executable, "-c", reads], environment).stdout
    stored = [path for path in all_files([simulation.folder]) if path.suffix == ".sign-in"]
    assert len(stored) == 1
    printed = json.loads(command(cognito, environment, "credential-process", stored[0].stem))
    assert printed["AccessKeyId"].startswith("ASIA")
    assert stored[0].is_relative_to(simulation.home)
    assert "Signed out" in command(cognito, environment, "logout")
    assert not [path for path in all_files([simulation.folder]) if path.suffix == ".sign-in"]


def test_the_terminal_signs_in_and_out(cognito: LocalCognito, environment: dict[str, str]) -> None:
    assert "Signed in" in command(cognito, environment, "login", "Analyst")
    assert "Analyst" in command(cognito, environment, "status")
    assert "Signed out" in command(cognito, environment, "logout")
    assert "You are not signed in" in command(cognito, environment, "status", code=1)


def test_a_program_signs_in_twenty_times_in_a_row_at_one_port(
    cognito: LocalCognito, environment: dict[str, str]
) -> None:
    """With a browser that follows each redirect at once, and a port that may hold old connections."""
    program = """
from cognito_jupyter import CognitoConfiguration, get_authenticated_cognito_manager
import os
names = ("DOMAIN", "CLIENT_ID", "REDIRECT_URI", "REGION", "USER_POOL_ID", "IDENTITY_POOL_ID")
settings = [os.environ["COGNITO_" + name].split()[0] for name in names]
from unittest import mock
for number in range(20):
    get_authenticated_cognito_manager(CognitoConfiguration(*settings))
    print("login", number + 1, flush=True)
"""
    user = cognito.demo_user
    seen = _run_with_logins([sys.executable, "-c", program], environment, (user.username, user.password))
    assert re.findall(r"login (\d+)", seen) == [str(number + 1) for number in range(20)]


def _run_with_logins(program: list[str], environment: dict[str, str], user: tuple[str, str]) -> str:
    """Runs a program, and signs in at every link that it prints; returns what it printed."""
    import subprocess

    from cognito_jupyter.local.login_page_client import submit_login
    from tests.support.printed_login import AUTHORIZE_URL

    seen, links = "", set[str]()
    with subprocess.Popen(
        program, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            seen += line
            found = AUTHORIZE_URL.search(line)
            if found is not None and found[0] not in links:
                links.add(found[0])
                submit_login(found[0], *user)
    assert process.returncode == 0, seen
    return seen
