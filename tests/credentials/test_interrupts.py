"""The stop button, pressed again and again while a cell works: whatever it hits, the next call works.

A KeyboardInterrupt can hit the main thread between the acquisition of a lock of urllib3's pool, which Python code
acquires, and the statement that releases it.
"""

from __future__ import annotations

import json
import queue
import random
import signal
import subprocess
import sys
import threading
import time

import pytest

from cognito_jupyter._util.http.connection_queue import ConnectionQueue
from cognito_jupyter._util.process_local import InterruptibleClient
from cognito_jupyter._util.single_flight import SingleFlight
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.errors import CognitoError
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator
from tests.conftest import as_tokens, manager_for
from tests.support.systems import needs_sigint

STORM = """
import faulthandler, json, signal, sys, threading, time
from cognito_jupyter import CognitoCredentialsManager, CognitoOAuthAuthenticator

facts = json.load(sys.stdin)
authenticator = CognitoOAuthAuthenticator(facts["domain"], facts["client_id"])
manager = CognitoCredentialsManager(*facts["pools"], facts["tokens"], authenticator)
session = manager.make_refreshing_session("Analyst")
faulthandler.dump_traceback_later(facts["seconds"] + 60, exit=True)
interrupts, armed = 0, False

def interrupt(*_):
    # Not while the loop below handles the last one.
    global armed
    if armed:
        armed = False
        raise KeyboardInterrupt

signal.signal(signal.SIGINT, interrupt)
print("ready", flush=True)
until = time.monotonic() + facts["seconds"]
while time.monotonic() < until or interrupts <= facts["interrupts"]:
    try:
        while time.monotonic() < until or interrupts <= facts["interrupts"]:
            armed = True
            manager.refresh_user_pool_tokens()
            manager.get_credentials(role_suffix="Analyst")
    except KeyboardInterrupt:
        interrupts += 1
signal.signal(signal.SIGINT, signal.SIG_IGN)
print("calm", flush=True)
"""
CALM = """
began = time.monotonic()
manager.refresh_user_pool_tokens()
manager.get_credentials(role_suffix="Analyst")
results = []
thread = threading.Thread(target=lambda: results.append(manager.get_credentials(role_suffix="Uploader")))
thread.start()
thread.join(10)
if thread.is_alive(): faulthandler.dump_traceback()
print(json.dumps([interrupts, len(results), time.monotonic() - began]), flush=True)
"""


@needs_sigint
@pytest.mark.parametrize("seed", range(3))
def test_after_a_storm_of_interrupts_every_call_works_without_a_restart(cognito: LocalCognito, seed: int) -> None:
    facts = {
        "domain": cognito.domain,
        "client_id": cognito.client_id,
        "pools": (cognito.identity_pool_id, cognito.user_pool_id, cognito.region),
        "tokens": dict(as_tokens(cognito.issue_tokens())),
        "seconds": 4,
        "interrupts": 50,
    }
    command = [sys.executable, "-c", STORM + CALM]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        process.stdin.write(json.dumps(facts))
        process.stdin.close()
        assert process.stdout.readline() == "ready\n"
        calm = threading.Thread(target=process.stdout.readline)
        calm.start()
        draw = random.Random(seed)
        # The process ends by itself if it hangs.
        while calm.is_alive():
            process.send_signal(signal.SIGINT)
            time.sleep(draw.uniform(0.0005, 0.03))
        interrupts, results, seconds = json.loads(process.stdout.readline())
    assert process.returncode == 0
    assert interrupts > 50
    assert results == 1
    assert seconds < 20


def test_no_pool_of_connections_has_a_lock_of_python_code(
    cognito: LocalCognito, manager: CognitoCredentialsManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of both clients, with and without a proxy: urllib3 takes it in the interrupted call, and once it is collected."""
    made: list[object] = []
    original = queue.LifoQueue.__init__

    def count(self: queue.LifoQueue[object], maxsize: int = 0) -> None:
        made.append(self)
        original(self, maxsize)

    monkeypatch.setattr(queue.LifoQueue, "__init__", count)
    manager.refresh_user_pool_tokens()
    manager.get_credentials(role_suffix="Analyst")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    other = manager_for(cognito, CognitoOAuthAuthenticator(cognito.domain, cognito.client_id))
    for call in (other.refresh_user_pool_tokens, other.get_credentials):
        with pytest.raises(CognitoError):
            call()
    assert made == []


def test_connections_are_used_again_last_one_first() -> None:
    connections = ConnectionQueue(2)
    connections.put("first")
    connections.put("second")
    with pytest.raises(queue.Full):
        connections.put("third")
    assert [connections.get(), connections.get(block=False), connections.qsize()] == ["second", "first", 0]
    with pytest.raises(queue.Empty):
        connections.get(timeout=1)


def test_the_aws_client_is_replaced_after_an_interrupt_and_stays_after_an_error(
    cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    manager.get_credentials(role_suffix="Analyst")
    pool = manager._identity_pool
    first = pool._client._client()
    cognito.knobs.fail(LocalCognito.EXCHANGE, status=400, body="{}", times=2)
    cognito.knobs.fail(LocalCognito.GET_ID, status=400, body="{}", times=2)
    with pytest.raises(ConnectionError):
        manager.get_credentials(role_suffix="Analyst")
    assert pool._client._client() is first

    def interrupt(**_: object) -> None:
        raise KeyboardInterrupt

    first.meta.events.register("before-send.cognito-identity", interrupt)
    with pytest.raises(KeyboardInterrupt):
        manager.get_credentials(role_suffix="Analyst")
    cognito.knobs.faults.clear()
    manager.get_credentials(role_suffix="Analyst")
    assert pool._client._client() is not first


def test_an_interrupt_of_the_main_thread_does_not_take_the_client_from_another_thread() -> None:
    clients = InterruptibleClient(object)
    seen: list[object] = []
    for _ in range(2):
        thread = threading.Thread(target=lambda: seen.append(clients.begin_call()))
        thread.start()
        thread.join()
    assert seen[0] is seen[1] is clients.begin_call()
    assert clients.begin_call() is not seen[0]


def test_an_interrupted_refresh_ahead_of_time_leaves_the_single_flight_free() -> None:
    single_flight = SingleFlight()

    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        single_flight.run_if_idle(lambda: True, interrupted)
    with pytest.raises(KeyboardInterrupt):
        single_flight.run(lambda: None, interrupted)
    assert single_flight.run(lambda: None, lambda: "free") == "free"
