"""Forked and spawned processes, and the exit of the interpreter: refreshes work there without the thread."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

import pytest

from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator
from cognito_jupyter.oauth.tokens import CognitoTokens
from tests.conftest import as_tokens, credentials_of
from tests.support.clock import FakeClock
from tests.support.followers import Followers, follow
from tests.support.keep_alive_proxy import KeepAliveProxy
from tests.support.laptop import SimulatedLaptop, wait_until_nothing_is_due
from tests.support.latency_proxy import LatencyProxy
from tests.support.new_processes import run_in_environment
from tests.support.polling import wait_until
from tests.support.systems import needs_fork

EXCHANGE = LocalCognito.EXCHANGE
AT_EXIT = """
import atexit, json, sys, threading, time
from cognito_jupyter import CognitoCredentialsManager, CognitoOAuthAuthenticator

facts = json.loads(sys.stdin.readline())
authenticator = CognitoOAuthAuthenticator(facts["domain"], facts["client_id"])
manager = CognitoCredentialsManager(*facts["pools"], facts["tokens"], authenticator)
session = manager.make_refreshing_session("Analyst")
client = session.client("s3")
# From now on credentials last.
print("ready", flush=True)
sys.stdin.readline()

@atexit.register
def list_objects_at_exit():
    time.sleep(facts["sleep"])
    threads = [thread.name for thread in threading.enumerate()]
    print(json.dumps([client.list_objects_v2(Bucket=facts["bucket"])["KeyCount"], threads]))

class Late:
    def __del__(self):
        # The interpreter is finalizing, and the refresher's thread is gone: this must neither hang nor crash.
        try:
            session.get_credentials().get_frozen_credentials()
        except Exception:
            pass

late = Late()
if facts["close"]:
    manager.close()
"""


def succeeds_in_child(work: Callable[[], bool]) -> bool:
    """Returns whether the work succeeds in a forked child; a child that hangs is killed."""
    child = os.fork()
    if child == 0:
        succeeded = False
        try:
            succeeded = work()
        finally:
            os._exit(0 if succeeded else 1)
    until = time.monotonic() + 60
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status == 0
        time.sleep(0.02)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return False


def access_key_of(manager: CognitoCredentialsManager) -> str:
    return str(credentials_of(manager, "Analyst").get_frozen_credentials().access_key)


@needs_fork
def test_a_forked_child_refreshes_in_its_own_threads_once_refresh_is_due(
    cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    """The parent's thread does not exist there: the first caller refreshes, although the old credentials are valid."""
    credentials = credentials_of(manager, "Analyst")
    role = next(iter(manager._role_credentials.values()))
    first = role.cached
    assert first is not None
    assert manager._refresher.loop.running
    knobs_before = cognito.counts[EXCHANGE]

    def refreshes() -> bool:
        clock = role._now
        role._now = lambda: clock() + first.lifetime * 0.9
        return credentials.get_cached_credentials() is not first and not manager._refresher.loop.running

    assert succeeds_in_child(refreshes)
    assert cognito.counts[EXCHANGE] == knobs_before + 1
    assert role.cached is first
    assert manager._refresher.loop.running


@needs_fork
def test_a_forked_child_opens_connections_of_its_own(
    cognito: LocalCognito, manager: CognitoCredentialsManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes on one persistent connection would read each other's responses."""
    with KeepAliveProxy(cognito.port) as front, LatencyProxy(front.port, 0) as path:
        monkeypatch.setenv("AWS_ENDPOINT_URL_COGNITO_IDENTITY", f"http://127.0.0.1:{path.port}")
        manager.authenticator = CognitoOAuthAuthenticator(f"http://127.0.0.1:{path.port}", cognito.client_id)
        tokens = as_tokens(cognito.issue_tokens())

        def work() -> bool:
            # The manager's own refresh would be the parent's, which has the refresh token.
            manager.authenticator.refresh_tokens(tokens["refresh_token"])  # type: ignore[union-attr]
            return manager.get_credentials(role_suffix="Analyst")["access_key_id"] != ""

        assert work()
        opened = path.connections
        assert work()
        assert path.connections == opened
        assert succeeds_in_child(work)
        assert path.connections == 2 * opened
        assert work()
        assert path.connections == 2 * opened


@needs_fork
def test_a_fork_during_a_refresh_blocks_neither_process(
    cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    credentials = credentials_of(manager, "Analyst")
    role = next(iter(manager._role_credentials.values()))
    cognito.knobs.latency[EXCHANGE] = 1.0
    before = cognito.counts[EXCHANGE]
    role.refresh_due_at = 0.0
    manager._refresher.loop.ensure_running(run_now=True)
    wait_until(lambda: cognito.counts[EXCHANGE] > before)
    role.cached = None
    assert succeeds_in_child(lambda: bool(credentials.get_frozen_credentials().access_key))
    assert credentials.get_frozen_credentials().access_key


def use_a_session(
    pipe: Connection, pools: tuple[str, str, str], tokens: CognitoTokens, client: tuple[str, str], now: float
) -> None:
    """Runs in another process: uses a new manager past several expiries."""
    clock = FakeClock(now)
    authenticator = CognitoOAuthAuthenticator(*client, now=lambda: clock.now)
    manager = CognitoCredentialsManager(*pools, tokens, authenticator, clock=clock.clock)
    s3 = manager.make_refreshing_session("Analyst").client("s3")

    def read() -> int:
        key_count = int(s3.list_objects_v2(Bucket="cognito-jupyter-demo")["KeyCount"])
        wait_until_nothing_is_due(manager, clock)
        return key_count

    follow(pipe, clock, read)
    pipe.send((manager._refresher.loop.running, manager.warning))


@pytest.mark.parametrize(
    "method",
    [pytest.param("fork", marks=needs_fork), "spawn", pytest.param("forkserver", marks=needs_fork)],
)
def test_a_manager_made_in_a_multiprocessing_child_refreshes(short_lived: SimulatedLaptop, method: str) -> None:
    cognito = short_lived.cognito
    context = multiprocessing.get_context(method)
    mine, theirs = context.Pipe()
    pools = (cognito.identity_pool_id, cognito.user_pool_id, cognito.region)
    tokens = dict(as_tokens(cognito.issue_tokens()))
    before = cognito.counts[EXCHANGE]
    arguments = (theirs, pools, tokens, (cognito.domain, cognito.client_id), short_lived.clock.now)
    # Each context has its own Process class, which the common base class does not declare.
    process = context.Process(  # type: ignore[attr-defined]
        # The server of forkserver keeps the environment of the test that first needed it.
        target=run_in_environment,
        args=(dict(os.environ), use_a_session, arguments),
    )
    process.start()
    follower = Followers([mine])
    for _ in range(14):
        cognito.knobs.clock_offset += 60
        assert follower.step(60)[0] >= 2
    follower.end()
    assert mine.poll(90)
    assert mine.recv() == (True, None)
    process.join(30)
    assert process.exitcode == 0
    assert cognito.counts[EXCHANGE] - before >= 3


@needs_fork
def test_a_pool_of_forked_workers_uses_the_session_that_it_inherited(
    short_lived: SimulatedLaptop,
) -> None:
    cognito = short_lived.cognito
    client = short_lived.manager.make_refreshing_session("Analyst").client("s3")

    def read() -> int:
        return int(client.list_objects_v2(Bucket=cognito.bucket)["KeyCount"])

    context = multiprocessing.get_context("fork")
    pipes = [context.Pipe() for _ in range(3)]
    workers = [
        context.Process(target=follow, args=(theirs, short_lived.clock, read), daemon=True) for _, theirs in pipes
    ]
    # Forked by several threads, as a pool does that replaces its workers.
    threads = [threading.Thread(target=worker.start) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    followers = Followers([mine for mine, _ in pipes])
    for _ in range(7):
        short_lived.advance_when_idle(60)
        assert min(followers.step(60)) >= 2
    followers.end()
    for worker in workers:
        worker.join(30)
    assert [worker.exitcode for worker in workers] == [0] * 3


@pytest.mark.parametrize("close", [False, True])
def test_credentials_are_refreshed_while_the_interpreter_exits(cognito: LocalCognito, close: bool) -> None:
    """No thread can be started then; a log that is written to S3 at exit, for example, needs credentials too."""
    cognito.knobs.credentials_seconds = 2
    facts = {
        "domain": cognito.domain,
        "client_id": cognito.client_id,
        "pools": (cognito.identity_pool_id, cognito.user_pool_id, cognito.region),
        "tokens": dict(as_tokens(cognito.issue_tokens())),
        "bucket": cognito.bucket,
        "sleep": 2.5,
        "close": close,
    }
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", AT_EXIT], stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{json.dumps(facts)}\n")
        process.stdin.flush()
        assert process.stdout.readline() == "ready\n"
        cognito.knobs.credentials_seconds = 3600
        output, errors = process.communicate("\n", timeout=90)
    assert (process.returncode, errors) == (0, "")
    key_count, threads = json.loads(output)
    assert key_count >= 2
    assert ("cognito-refresh" in threads) is not close
