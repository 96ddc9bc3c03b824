"""Forked children that outlive the id token: they get newer tokens from their parent, which alone refreshes them.

With rotation, a child that spent its copy of the refresh token would sign its parent out for good.
"""

from __future__ import annotations

import gc
import hashlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cognito_jupyter.credentials.fork_channel import ForkChannel
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.errors import SignedOutError, UnavailableError
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator
from tests.conftest import as_tokens, manager_for
from tests.credentials.store.sign_ins import in_child
from tests.support.followers import Followers, follow
from tests.support.fork import holds_in_forked_child
from tests.support.laptop import SimulatedLaptop
from tests.support.polling import wait_until
from tests.support.refresh_times import assert_one_refresh_for_each_id_token, refresh_times_of
from tests.support.systems import needs_fork, needs_sigkill

REFRESH = LocalCognito.REFRESH
FORK: Any = multiprocessing.get_context("fork" if hasattr(os, "fork") else "spawn")
ALWAYS = timedelta(hours=5)
"""A margin that no token fulfils."""
BY_SHARE = """
import json, multiprocessing, sys, time
from concurrent.futures import ProcessPoolExecutor

def work(until):
    import boto3
    keys = set()
    client = boto3.client("s3")
    while len(keys) < 4 and time.time() < until:
        client.list_objects_v2(Bucket="cognito-jupyter-demo")
        keys.add(client._request_signer._credentials.get_frozen_credentials().access_key)
        time.sleep(0.5)
    return len(keys)

if __name__ == "__main__":
    from cognito_jupyter import CognitoCredentialsManager, CognitoOAuthAuthenticator
    from cognito_jupyter.sharing import share

    facts = json.load(sys.stdin)
    authenticator = CognitoOAuthAuthenticator(facts["domain"], facts["client_id"])
    manager = CognitoCredentialsManager(*facts["pools"], facts["tokens"], authenticator)
    with share(manager, ["Analyst"]):
        until = [time.time() + 100] * 3
        if facts["method"] == "loky":
            from joblib import Parallel, delayed
            keys = Parallel(n_jobs=3)(delayed(work)(each) for each in until)
        else:
            context = multiprocessing.get_context(facts["method"])
            with ProcessPoolExecutor(3, context) as pool:
                keys = list(pool.map(work, until))
    print(json.dumps([keys, manager.warning is None]))
"""


def id_token_of(manager: CognitoCredentialsManager) -> str:
    tokens = manager.auth_tokens
    return hashlib.sha256(tokens["id_token"].encode()).hexdigest() if tokens is not None else ""


@needs_fork
@pytest.mark.parametrize("grace", [0, 60])
@pytest.mark.parametrize("parent_refreshes", [True, False])
def test_parent_and_forked_workers_go_on_across_three_id_tokens_with_one_refresh_for_each(
    short_lived: SimulatedLaptop, grace: int, parent_refreshes: bool
) -> None:
    """DataLoader, Pool and ProcessPoolExecutor fork so; with and without the parent's own background refresher."""
    cognito, manager = short_lived.cognito, short_lived.manager
    cognito.knobs.rotation, cognito.knobs.grace = True, grace
    client = manager.make_refreshing_session("Analyst").client("s3")
    if not parent_refreshes:
        manager.close()

    def work() -> str:
        client.list_objects_v2(Bucket="cognito-jupyter-demo")
        return id_token_of(manager)

    before, all_seen = cognito.counts[REFRESH], {id_token_of(manager)}
    pipes = [FORK.Pipe() for _ in range(3)]
    workers = [FORK.Process(target=follow, args=(theirs, short_lived.clock, work), daemon=True) for _, theirs in pipes]
    for worker in workers:
        worker.start()
    followers = Followers([mine for mine, _ in pipes])
    for _ in range(14):
        short_lived.advance_when_idle(60)
        all_seen |= {*followers.step(60), work() if parent_refreshes else id_token_of(manager)}
    followers.end()
    for worker in workers:
        worker.join(30)
    assert [worker.exitcode for worker in workers] == [0] * 3
    manager.close()
    wait_until(lambda: not short_lived.running)
    refreshed = cognito.counts[REFRESH] - before
    assert refreshed >= 3
    assert len(all_seen | {id_token_of(manager)}) == 1 + refreshed
    assert (manager.warning, manager.ended) == (None, False)
    manager.refresh_user_pool_tokens()


@needs_fork
def test_a_pool_of_workers_that_need_newer_tokens_at_once_makes_one_refresh(
    cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    cognito.knobs.rotation, cognito.knobs.latency[REFRESH] = True, 0.5
    before = cognito.counts[REFRESH]
    barrier = FORK.Barrier(8)
    results: Any = FORK.SimpleQueue()

    def refresh() -> None:
        barrier.wait()
        manager.ensure_credentials("Analyst", ALWAYS)
        results.put(id_token_of(manager))

    workers = [FORK.Process(target=refresh, daemon=True) for _ in range(8)]
    for worker in workers:
        worker.start()
    id_tokens = {results.get() for _ in workers}
    for worker in workers:
        worker.join(30)
    assert cognito.counts[REFRESH] == before + 1
    assert id_tokens == {id_token_of(manager)}


@needs_fork
def test_a_process_forked_from_a_forked_one_uses_the_tokens_of_the_process_of_the_sign_in(
    cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    cognito.knobs.rotation = True
    before, first = cognito.counts[REFRESH], id_token_of(manager)

    def in_grandchild() -> str:
        manager.refresh_user_pool_tokens()
        return id_token_of(manager)

    theirs = in_child(lambda: in_child(in_grandchild))
    assert theirs == id_token_of(manager) != first
    assert cognito.counts[REFRESH] == before + 1


@needs_sigkill
@needs_fork
@pytest.mark.parametrize("rotation", [False, True])
def test_a_child_whose_parent_has_ended_says_so_and_never_spends_the_refresh_token(
    cognito: LocalCognito, manager: CognitoCredentialsManager, rotation: bool
) -> None:
    """Until the id token expires, it goes on."""
    cognito.knobs.rotation = rotation
    before = cognito.counts[REFRESH]

    reader, writer = os.pipe()

    def report() -> bool:
        def in_orphan() -> None:
            parent = os.getppid()
            os.kill(parent, signal.SIGKILL)
            wait_until(lambda: os.getppid() != parent)
            works = bool(manager.get_credentials(role_suffix="Analyst"))
            try:
                manager.refresh_user_pool_tokens()
            except UnavailableError as error:
                os.write(writer, f"{works} {error}".encode())
            os._exit(0)

        manager.auth_tokens = as_tokens(cognito.issue_tokens())  # now this is the process of the sign-in
        if os.fork() == 0:
            in_orphan()
        time.sleep(60)
        return False

    assert not holds_in_forked_child(report)
    os.close(writer)
    with open(reader, encoding="utf-8") as pipe:
        text = pipe.read()
    assert text.startswith("True The process that this one was forked from")
    assert "--remember" in text
    assert cognito.counts[REFRESH] == before


@needs_fork
def test_a_child_that_signs_out_leaves_its_parent_signed_in(
    cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    before = cognito.counts[LocalCognito.REVOKE]

    def sign_out() -> bool:
        manager.sign_out()
        return manager.auth_tokens is None

    assert holds_in_forked_child(sign_out)
    manager.refresh_user_pool_tokens()
    assert cognito.counts[LocalCognito.REVOKE] == before


@needs_fork
def test_a_child_whose_parent_has_signed_out_says_so_and_gets_no_other_users_tokens(
    cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    cognito.add_user("other", "other-password")
    for tokens in (None, as_tokens(cognito.issue_tokens("other"))):
        ready, go_on = FORK.Event(), FORK.Event()
        results: Any = FORK.SimpleQueue()

        def refresh(ready: Any = ready, go_on: Any = go_on, results: Any = results) -> None:
            ready.set()
            go_on.wait()
            try:
                manager.refresh_user_pool_tokens()
            except SignedOutError as error:
                results.put(str(error))

        signed_in = manager.auth_tokens
        child = FORK.Process(target=refresh, daemon=True)
        child.start()
        ready.wait()
        manager.auth_tokens = tokens
        go_on.set()
        assert "in the process that this one was forked from" in results.get()
        child.join(30)
        manager.auth_tokens = signed_in


@needs_fork
def test_a_child_goes_on_after_its_parent_has_signed_in_again(
    cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    mine, theirs = FORK.Pipe()

    def work() -> None:
        for _ in range(2):
            theirs.recv()
            try:
                manager.ensure_credentials("Analyst", ALWAYS)
                theirs.send("works")
            except SignedOutError:
                theirs.send("signed out")

    child = FORK.Process(target=work, daemon=True)
    child.start()
    manager.authenticator.revoke(manager.auth_tokens["refresh_token"])  # type: ignore[union-attr,index]
    mine.send(1)
    assert mine.recv() == "signed out"
    assert manager.ended
    manager.auth_tokens = as_tokens(cognito.issue_tokens())
    mine.send(2)
    assert mine.recv() == "works"
    child.join(30)


@needs_fork
def test_a_child_that_signs_in_itself_refreshes_its_own_tokens(
    cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    cognito.knobs.rotation = True
    before, mine = cognito.counts[REFRESH], id_token_of(manager)
    tokens = as_tokens(cognito.issue_tokens())

    def sign_in() -> bool:
        manager.auth_tokens = tokens
        manager.refresh_user_pool_tokens()
        return holds_in_forked_child(lambda: bool(manager.refresh_user_pool_tokens()))

    assert holds_in_forked_child(sign_in)
    assert cognito.counts[REFRESH] == before + 2
    assert id_token_of(manager) == mine


@needs_fork
def test_nothing_is_opened_before_a_fork_and_nothing_stays_after_the_manager(
    cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator
) -> None:
    def threads() -> int:
        return sum(thread.name == "cognito-forks" for thread in threading.enumerate())

    def descriptors() -> int:
        return len(os.listdir("/dev/fd"))

    gc.collect()
    wait_until(lambda: threads() == 0)
    before = descriptors()
    manager = manager_for(cognito, authenticator)
    assert (threads(), descriptors()) == (0, before)
    for _ in range(3):
        assert holds_in_forked_child(lambda: threads() == 0 and descriptors() <= before + 1)
    assert (threads(), descriptors()) == (1, before + 2)
    leaked = "import os, sys; sys.exit(len(os.listdir('/dev/fd')) > 4)"
    assert holds_in_forked_child(lambda: subprocess.run([sys.executable, "-c", leaked], check=False).returncode == 0)
    del manager
    gc.collect()
    wait_until(lambda: (threads(), descriptors()) == (0, before))


@needs_sigkill
@needs_fork
def test_a_child_that_ends_while_it_waits_does_not_end_the_channel() -> None:
    class Parent:
        def __init__(self) -> None:
            self.channel = ForkChannel(self.respond)
            self.entered = threading.Event()

        def respond(self, request: bytes) -> bytes:
            self.entered.set()
            time.sleep(0.2)
            return request.upper()

    parent = Parent()
    child = os.fork()
    if child == 0:
        parent.channel.request(b"first")
        os._exit(0)
    assert parent.entered.wait(10)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert in_child(lambda: parent.channel.request(b"second").decode()) == "SECOND"


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn", "loky"])
def test_workers_of_every_kind_use_a_share_across_three_id_tokens_with_rotation(
    cognito: LocalCognito, tmp_path: Path, method: str
) -> None:
    """A worker that is not forked from the process of the sign-in has its share's environment."""
    # A file, because a worker that is not forked imports the program.
    program = tmp_path / "program.py"
    program.write_text(BY_SHARE)
    # A third of the credentials' lifetime is left when they are replaced: time for a machine that stands still.
    cognito.knobs.rotation, cognito.knobs.id_token_seconds, cognito.knobs.credentials_seconds = True, 6, 9
    tokens = as_tokens(cognito.issue_tokens())
    facts = {
        "domain": cognito.domain,
        "client_id": cognito.client_id,
        "pools": (cognito.identity_pool_id, cognito.user_pool_id, cognito.region),
        "tokens": dict(tokens),
        "method": method,
    }
    before = cognito.counts[REFRESH]
    done = subprocess.run(
        [sys.executable, str(program)],
        input=json.dumps(facts),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    keys, is_well = json.loads(done.stdout)
    assert is_well
    assert keys == [4] * 3
    assert len(refresh_times_of(cognito, tokens)) >= 3
    assert_one_refresh_for_each_id_token(cognito, tokens, cognito.counts[REFRESH] - before)
