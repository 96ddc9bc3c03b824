"""A share in a real kernel, used by programs that the kernel starts."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.kernel import Kernel
from tests.patience import until_true

from .conftest import Notebook, Person

LIST = """
import os, subprocess, sys
PROGRAM = "import boto3; boto3.client('s3').list_objects_v2(Bucket='cognito-jupyter-demo'); print('listed')"
done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
print(done.stdout + done.stderr[-500:])
"""
WHO = LIST.replace(
    "boto3.client('s3').list_objects_v2(Bucket='cognito-jupyter-demo'); print('listed')",
    "print(boto3.client('sts').get_caller_identity()['Arn'])",
)
ENDPOINT = 'os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"]'
REMEMBER = "import os\nbefore = dict(os.environ)"
AS_BEFORE = "dict(os.environ) == before"


def endpoint_of(notebook: Notebook) -> psutil.Process:
    """The child process of the kernel that answers for the share."""
    kernel = psutil.Process(int(notebook.value("__import__('os').getpid()")))
    (child,) = [each for each in kernel.children() if each.cmdline()[-1].endswith("endpoint.py")]
    return child


def is_over(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def test_one_line_signs_in_and_programs_can_use_it_until_the_logout(notebook: Notebook) -> None:
    notebook.text(REMEMBER)
    shown = notebook.text("%cognito_login --role-suffix Analyst --share")
    assert "role cognito-jupyter-Analyst, with programs and libraries by the environment" in shown
    assert "nobody has asked yet" in shown
    assert "listed" in notebook.text(LIST)
    until_true(lambda: "asked for last" in notebook.text("%cognito_status"))
    endpoint = endpoint_of(notebook)
    notebook.text("%cognito_logout")
    assert is_over(endpoint)
    assert notebook.value(AS_BEFORE) == "True"
    assert "NoCredentialsError" in notebook.text(LIST)


def test_the_share_goes_along_with_the_session_and_not_with_a_second_one(notebook: Notebook) -> None:
    notebook.text("%cognito_login -r Analyst")
    shown = notebook.text("%cognito_share")
    assert "role cognito-jupyter-Analyst" in shown
    assert "%cognito_share --stop ends it" in shown
    notebook.text("%cognito_login -r Uploader --name uploads")
    assert "Analyst" in notebook.text(WHO)
    notebook.text("%cognito_login -r Uploader")
    assert "Uploader" in notebook.text(WHO)


def test_a_role_that_was_named_stays_shared(notebook: Notebook) -> None:
    notebook.text("%cognito_login -r Analyst")
    notebook.text("%cognito_share Uploader Analyst")
    assert notebook.value(f"{ENDPOINT} if (os := __import__('os')) else 0").endswith("/cognito-jupyter-Uploader")
    notebook.text("%cognito_login -r Analyst")
    assert "Uploader" in notebook.text(WHO)


def test_it_can_be_stopped_and_what_was_there_comes_back(notebook: Notebook) -> None:
    notebook.text("import os\nos.environ['AWS_PROFILE'] = 'mine'")
    notebook.text(REMEMBER)
    assert "You are not signed in" in notebook.text("%cognito_share")
    assert "Nothing was shared" in notebook.text("%cognito_share --stop")
    notebook.text("%cognito_login -r Analyst")
    notebook.text("%cognito_share --default-session --hide-credentials-file")
    assert notebook.value("__import__('boto3').client('sts').get_caller_identity()['Arn']").count("Analyst") == 1
    assert "Nothing is shared any more" in notebook.text("%cognito_share --stop")
    assert notebook.value(AS_BEFORE) == "True"
    assert notebook.value("__import__('boto3').DEFAULT_SESSION") == "None"
    assert "Leave out the rest" in notebook.error("%cognito_share Analyst --stop")


def test_a_default_profile_that_would_be_taken_first_is_pointed_out(notebook: Notebook, own_environment: Path) -> None:
    Path(os.environ["AWS_SHARED_CREDENTIALS_FILE"]).write_text("[default]\naws_access_key_id = AKIA\n")
    notebook.text("%cognito_login -r Analyst")
    assert "hide that file with %cognito_share --hide-credentials-file" in notebook.text("%cognito_share")
    assert "has a default profile" in notebook.text("%cognito_status")
    assert "has a default profile" not in notebook.text("%cognito_share --hide-credentials-file")


def test_a_setting_shares_every_sign_in(notebook: Notebook) -> None:
    notebook.text("%config CognitoMagics.share = True")
    notebook.text("%cognito_login -r Analyst")
    assert "listed" in notebook.text(LIST)


def test_unloading_ends_the_share(notebook: Notebook) -> None:
    notebook.text(REMEMBER)
    notebook.text("%cognito_login -r Analyst --share")
    endpoint = endpoint_of(notebook)
    notebook.text("%unload_ext cognito_jupyter")
    assert is_over(endpoint)
    assert notebook.value(AS_BEFORE) == "True"


ASK_ALL_THE_TIME = """
import json, os, time, urllib.request
request = urllib.request.Request(os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
request.add_header("Authorization", os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"])
answered = []
while not os.path.exists("enough"):
    json.load(urllib.request.urlopen(request, timeout=10))["AccessKeyId"]
    answered.append(time.time())
    time.sleep(0.05)
open("answered", "w").write(json.dumps(answered))
"""
TICK = """
import threading, time
ticks, over = [], threading.Event()

def tick():
    while not over.wait(0.05):
        ticks.append(time.time())

threading.Thread(target=tick).start()
"""
# One call of C, in which no other thread of the kernel runs: as many rounds as take some seconds.
BUSY = """
import itertools, time
first = last = time.time()
rounds = 10**8
while last - first < 3:
    first = time.time(); sum(itertools.repeat(1, rounds)); last = time.time()
    rounds *= 2
"""


def test_a_kernel_in_one_long_call_of_c_is_missed_by_nobody(
    cognito: LocalCognito, environment: dict[str, str], tmp_path: Path
) -> None:
    with Kernel(environment, folder=tmp_path) as kernel:
        notebook = Notebook(kernel, Person(cognito))
        notebook.text("%load_ext cognito_jupyter")
        notebook.text("%cognito_login -r Analyst --share")
        notebook.text("import subprocess, sys")
        notebook.text(f"asking = subprocess.Popen([sys.executable, '-c', '''{ASK_ALL_THE_TIME}'''])")
        until_true(lambda: "asked for last" in notebook.text("%cognito_status"))
        # A thread of the kernel's shows that nothing else could run there.
        notebook.text(TICK)
        notebook.text(BUSY)
        notebook.text("over.set()\nopen('enough', 'w').close()\nassert asking.wait(30) == 0")
        first, last = json.loads(notebook.value("[first, last]"))
        ticks = json.loads(notebook.value("ticks"))
    answered = json.loads((tmp_path / "answered").read_text())
    assert not [tick for tick in ticks if first + 0.5 < tick < last - 0.5]
    assert len([when for when in answered if first + 0.5 < when < last - 0.5]) > 3


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no process groups of this kind.")
def test_the_stop_button_leaves_the_share_alone(notebook: Notebook) -> None:
    notebook.text("%cognito_login -r Analyst --share")
    endpoint = endpoint_of(notebook)
    notebook.kernel.manager.interrupt_kernel()
    assert "listed" in notebook.text(LIST)
    assert not is_over(endpoint)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither fork nor SIGKILL.")
def test_a_kernel_that_is_killed_takes_the_endpoint_along_also_when_a_fork_of_it_lives(notebook: Notebook) -> None:
    notebook.text("%cognito_login -r Analyst --share")
    endpoint = endpoint_of(notebook)
    file = Path(notebook.value("__import__('os').environ['AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE']"))
    assert file.exists()
    notebook.text("import os, time\nforked = os.fork()\nif not forked:\n    time.sleep(100)\n    os._exit(0)")
    forked = int(notebook.value("forked"))
    os.kill(int(notebook.value("os.getpid()")), signal.SIGKILL)
    try:
        # The issue's own bound.
        until_true(lambda: is_over(endpoint), patience=2.0)
        assert not is_over(psutil.Process(forked))
        assert not file.exists()
    finally:
        os.kill(forked, signal.SIGKILL)


def test_a_kernel_that_is_shut_down_leaves_nothing(
    cognito: LocalCognito, environment: dict[str, str], tmp_path: Path
) -> None:
    with Kernel(environment | {"TMPDIR": str(tmp_path)}) as kernel:
        notebook = Notebook(kernel, Person(cognito))
        notebook.text("%load_ext cognito_jupyter")
        notebook.text("%cognito_login -r Analyst --share")
        endpoint = endpoint_of(notebook)
        assert list(tmp_path.glob("cognito-share-*"))
        kernel.manager.shutdown_kernel(now=False)
        until_true(lambda: is_over(endpoint))
        assert not list(tmp_path.glob("cognito-share-*"))


def test_tab_offers_the_roles_and_the_options(notebook: Notebook) -> None:
    notebook.text("%cognito_login -r Analyst")
    reply = notebook.kernel.client.complete("%cognito_share ", reply=True, timeout=30)
    assert {"Analyst", "Uploader", "--stop"} <= set(reply["content"]["matches"])
