"""Whole runs, searched for every secret that was issued or typed."""

from __future__ import annotations

import json
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from cognito_jupyter.demo.jupyterlab import clean_environment
from cognito_jupyter.demo.kernel import Kernel
from cognito_jupyter.local import LocalCognito
from tests.support.forked_commands import SCRIPT
from tests.support.notebook import NotebookUser
from tests.support.polling import wait_until
from tests.support.systems import ON_WINDOWS

# At DEBUG, the loggers of botocore, urllib3 and comm too, from before the extension is loaded; ipykernel's as with
# --debug; and http.client prints into the output of the cell.
LOG_EVERYTHING = """
import http.client, logging
logging.basicConfig(level=logging.DEBUG, filename="debug.log")
http.client.HTTPConnection.debuglevel = 1
get_ipython().kernel.parent.log_level = logging.DEBUG
get_ipython().kernel.log.addHandler(logging.getLogger().handlers[0])
"""
# No name stands before this secret, so that nothing can tell that it is one.
PRINT_BY_HTTP_CLIENT = """
connection = http.client.HTTPConnection(DOMAIN.partition("://")[2])
connection.request("GET", "/" + session.get_credentials().secret_key)
connection.close()
"""
USE_S3 = """
import time
s3 = session.client("s3")
first = session.get_credentials().access_key
for number in range(60):
    s3.list_objects_v2(Bucket="cognito-jupyter-demo")
    s3.get_object(Bucket="cognito-jupyter-demo", Key="stars/measurements.csv")["Body"].read()
    if session.get_credentials().access_key != first:
        break
    time.sleep(1)
assert number < 59
s3.generate_presigned_url("get_object", Params={"Bucket": "cognito-jupyter-demo", "Key": "x"}) and None
"""
INSPECT = """
display(cognito, session, cognito.auth_tokens, cognito.credentials, cognito.creds_response, vars(cognito))
display(session.get_credentials(), session.get_credentials().get_frozen_credentials(), cognito.authenticator)
cognito.get_credentials(); cognito.ensure_credentials("Uploader")
"""
# A separate program, a client in this kernel that calls the endpoint, and what a user might display.
SHARE = """
import botocore.session, subprocess, sys
PROGRAM = "import boto3; boto3.client('s3').list_objects_v2(Bucket='cognito-jupyter-demo')"
subprocess.run([sys.executable, "-c", PROGRAM], check=True)
client = botocore.session.get_session().create_client("s3")
for _ in range(3):
    client.list_objects_v2(Bucket="cognito-jupyter-demo")
    time.sleep(1)
from cognito_jupyter import sharing
with sharing.share(cognito, ["Uploader"], environ={}) as share:
    display(share, share.roles, share.environment(), vars(share)["_endpoint"], share.manager)
    logging.debug("%r %r", share, share.environment())
"""
FAILED_CALLS = """
exchange = lambda: cognito.authenticator.exchange_code_for_tokens("an-unknown-" + "code", "an-unknown-" + "verifier")
for call in (cognito.refresh_user_pool_tokens, cognito.get_credentials, exchange):
    try:
        call()
    except (PermissionError, ConnectionError) as error:
        logging.exception("as a user would log it")
        print(repr(error))
"""

WAITING_PROCESS = """
import subprocess, sys
waiting = subprocess.Popen([sys.executable, "-c", "input()", TOKEN], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
"""
"""A process that ends when its input does."""
CREDENTIAL_PROCESS = f"{SCRIPT!r}, 'credential-process'"


class SecretSearch:
    """Collects everything that a run shows or leaves behind.

    Attributes:
        texts: The texts by the place where they were found.
    """

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def add(self, where: str, text: str) -> None:
        self.texts[where] = self.texts.get(where, "") + text

    def add_folder(self, folder: Path) -> None:
        for path in folder.rglob("*"):
            if path.is_file():
                with suppress(OSError):
                    self.add(f"the file {path.name}", path.read_bytes().decode("utf-8", "replace"))

    def found(self, secrets: set[str]) -> list[str]:
        """Return which secret is where, naming it only by its first characters."""
        return sorted(
            f"{secret[:6]}... in {where}"
            for where, text in list(self.texts.items())
            for secret in secrets
            if secret in text
        )

    @contextmanager
    def watch_processes(self) -> Iterator[None]:
        """Record the arguments of every process of this machine while the block runs."""
        stop = threading.Event()

        def watch() -> None:
            while not stop.is_set():
                for process in psutil.process_iter():
                    with suppress(psutil.Error):
                        where, arguments = f"the arguments of process {process.pid}", " ".join(process.cmdline())
                        # Added, because a process that is ending has none any more.
                        if arguments not in self.texts.get(where, ""):
                            self.add(where, f"{arguments}\n")
                time.sleep(0.05)

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


KernelRun = tuple[Kernel, SecretSearch, Path]


def run(kernel: Kernel, search: SecretSearch, user: NotebookUser, code: str, *, may_fail: bool = False) -> None:
    """Run a cell, and record everything that it showed at any moment, as the notebook would save it."""

    def on_output(text: str) -> None:
        search.add("what was shown", text)
        user.on_output(text)

    cell = kernel.run_cell(code, on_output=on_output, on_input=lambda _: user.final_url, timeout=90)
    search.add("the saved notebook", json.dumps([code, cell.outputs, cell.error]))
    assert may_fail or cell.error is None, cell.error


@pytest.fixture
def kernel_run(cognito: LocalCognito, tmp_path: Path) -> Iterator[KernelRun]:
    """A kernel that writes all its files to one folder."""
    home = tmp_path / "home"
    (home / "tmp").mkdir(parents=True)
    environment = clean_environment(home / "settings", cognito.environment)
    environment |= {"HOME": str(home), "TMPDIR": str(home / "tmp")}
    # USE_S3 lasts as long; when they are refreshed, time is left for a machine that stands still.
    cognito.knobs.credentials_seconds = 9
    cognito.knobs.rotation = True
    cognito.secrets.clear()
    search = SecretSearch()
    with search.watch_processes(), Kernel(environment, folder=home) as kernel:
        yield kernel, search, home


def test_no_secret_of_a_whole_run_is_found_anywhere(cognito: LocalCognito, kernel_run: KernelRun) -> None:
    """Login by listener and paste, S3 past a refresh, errors, other roles, logout; DEBUG logs, files, arguments."""
    kernel, search, home = kernel_run
    local_user, remote_user = NotebookUser(cognito), NotebookUser(cognito, remote_browser=True)
    for code in (LOG_EVERYTHING, "%load_ext cognito_jupyter", "%cognito_login --role-suffix Analyst", USE_S3, INSPECT):
        run(kernel, search, local_user, code)
    run(kernel, search, local_user, "%cognito_share --default-session")
    (token_file,) = (home / "tmp").glob("cognito-share-*/token")
    bearer_token = token_file.read_text()
    run(kernel, search, local_user, SHARE)
    run(kernel, search, local_user, "%cognito_share Uploader --hide-credentials-file")
    run(kernel, search, local_user, "%cognito_status\n%cognito_roles\n%cognito_login -r Uploader --name uploads")
    for endpoint in (cognito.REFRESH, cognito.EXCHANGE, cognito.GET_ID):
        cognito.knobs.fail(endpoint, status=400, body='{"error":"invalid_request","__type":"NotAuthorizedException"}')
    run(kernel, search, local_user, FAILED_CALLS)
    run(kernel, search, local_user, "%cognito_logout")
    run(kernel, search, remote_user, "%cognito_login --paste")
    run(kernel, search, remote_user, USE_S3)
    # The file of the endpoint's token is there until the kernel ends.
    kernel.manager.shutdown_kernel(now=False)
    wait_until(lambda: not token_file.parent.exists())
    search.add_folder(home)
    secrets = {*collect_secrets(cognito, remote_user), bearer_token}
    assert "endpoint/server.py" in "".join(search.texts.values())
    log = search.texts["the file debug.log"]
    assert "botocore.auth" in log
    assert "X-Amz-Security-Token" in log
    assert "X-Amz-Security-Token: ..." in search.texts["what was shown"]
    assert "   Content: " in log
    assert len(secrets) > 20
    assert search.found(secrets) == []


def test_a_remembered_sign_in_is_only_in_its_own_file(cognito: LocalCognito, kernel_run: KernelRun) -> None:
    """Refreshes and rotations, a restore as in a second kernel, the credential process, and the logout."""
    kernel, search, home = kernel_run
    user = NotebookUser(cognito)
    for code in (
        LOG_EVERYTHING,
        "%load_ext cognito_jupyter",
        "%cognito_login --role-suffix Analyst --remember",
        USE_S3,
        INSPECT,
    ):
        run(kernel, search, user, code)
    run(kernel, search, user, "%reload_ext cognito_jupyter\n%cognito_login -r Analyst\n%cognito_status")
    run(kernel, search, user, USE_S3)
    assert user.login_count == 1
    (path,) = home.rglob("*.sign-in")
    run(kernel, search, user, f"import subprocess; done = subprocess.run([{CREDENTIAL_PROCESS}, {path.stem!r}],"
        " capture_output=True, check=True) and None")  # fmt: skip
    assert ON_WINDOWS or stat.S_IMODE(path.stat().st_mode) == 0o600
    assert ON_WINDOWS or stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    search.add_folder(home)
    places = {place.partition(" in ")[2] for place in search.found(collect_secrets(cognito, user))}
    assert places == {f"the file {path.name}"}
    run(kernel, search, user, "%cognito_logout")
    after = SecretSearch()
    after.add_folder(home)
    assert after.found(collect_secrets(cognito, user)) == []


def test_the_search_finds_each_kind_of_leak(cognito: LocalCognito, kernel_run: KernelRun) -> None:
    """Otherwise the tests above could not fail."""
    kernel, search, home = kernel_run
    user = NotebookUser(cognito)
    for code in (LOG_EVERYTHING, "%load_ext cognito_jupyter", "%cognito_login --role-suffix Analyst"):
        run(kernel, search, user, code)
    run(kernel, search, user, "print(cognito.auth_tokens['id_token'])")
    run(kernel, search, user, "logging.debug(cognito.auth_tokens['refresh_token'])")
    run(kernel, search, user, "open('keys.txt', 'w').write(cognito.credentials['secret_access_key']) and None")
    run(kernel, search, user, PRINT_BY_HTTP_CLIENT.replace("DOMAIN", repr(cognito.domain)))
    run(kernel, search, user, WAITING_PROCESS.replace("TOKEN", "session.get_credentials().token"))
    secrets = collect_secrets(cognito, user)
    wait_until(lambda: "the arguments of process" in " ".join(search.found(secrets)))
    run(kernel, search, user, "done = waiting.communicate()")
    search.add_folder(home)
    where = " ".join(search.found(secrets))
    for place in ("what was shown", "the saved notebook", "debug.log", "keys.txt", "the arguments of process"):
        assert place in where
    assert "*** MESSAGE TYPE:execute_request***" in search.texts["the file debug.log"]
    sent = [line for line in search.texts["what was shown"].splitlines() if line.startswith("send: b'GET /")]
    assert any(secret in line for line in sent for secret in collect_secrets(cognito, user))


def collect_secrets(cognito: LocalCognito, user: NotebookUser) -> set[str]:
    """Return what the server issued and received, and the URL that the user copied."""
    return {*cognito.secrets, *([user.final_url] if user.final_url else [])} - {""}


def files_below(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def test_a_login_that_opens_a_browser_writes_no_file(cognito: LocalCognito, kernel_run: KernelRun) -> None:
    """The page that leads the browser to the sign-in comes from the listener; a file might be open to others."""
    kernel, _, home = kernel_run
    kernel.run_cell(
        "import os, webbrowser\nos.environ['DISPLAY'] = ':fake'\nopened = []\n"
        "class NoBrowser(webbrowser.BaseBrowser):\n"
        "    def open(self, url, new=0, autoraise=True): return opened.append(url) or True\n"
        "webbrowser.register('none', None, NoBrowser(), preferred=True)"
    )
    user = NotebookUser(cognito)
    kernel.run_cell("%load_ext cognito_jupyter")
    before = files_below(home / "tmp")
    while_waiting: list[set[Path]] = []

    def on_output(text: str) -> None:
        while_waiting.append(files_below(home / "tmp"))
        user.on_output(text)

    done = kernel.run_cell("%cognito_login", on_output=on_output)
    assert done.error is None
    assert "/start/" in kernel.run_cell("print(opened)").text
    assert not set[Path]().union(*while_waiting, files_below(home / "tmp")) - before
