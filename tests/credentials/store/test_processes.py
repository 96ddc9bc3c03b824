"""The store in forked processes, and after killed ones."""

from __future__ import annotations

import io
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cognito_jupyter.credentials.store.store import Store
from cognito_jupyter.errors import UnavailableError
from tests.credentials.store.sign_ins import KEY, file_endings, in_child, make_sign_in
from tests.support.systems import needs_fork

# -- forks


@needs_fork
def test_a_child_forked_under_the_lock_does_not_hold_it(filled_store: Store) -> None:
    """The child can neither write with it nor release it, even when it leaves the `with` block."""

    def leave() -> str:
        try:
            transaction.replace_sign_in(make_sign_in("child"))
        except UnavailableError as error:
            block.__exit__(None, None, None)
            return str(error)
        return "replaced"

    def wait() -> str:
        with filled_store.transaction(timeout=0.3):
            return "had it"

    block = filled_store.transaction()
    with block as transaction:
        assert "does not hold the lock" in in_child(leave)
        assert "UnavailableError: Another kernel" in in_child(wait)
        transaction.replace_sign_in(make_sign_in("parent"))
    assert in_child(wait) == "had it"
    assert filled_store.read_sign_in() == make_sign_in("parent")


@needs_fork
def test_a_child_that_outlives_its_parents_transaction_does_not_hold_the_lock(filled_store: Store) -> None:
    with filled_store.transaction():
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], close_fds=False)
        forked = os.fork()
        if forked == 0:
            time.sleep(60)
            os._exit(0)
    try:
        with filled_store.transaction(timeout=1) as transaction:
            transaction.replace_sign_in(make_sign_in("next"))
    finally:
        child.kill()
        child.wait()
        os.kill(forked, 9)
        os.waitpid(forked, 0)


@needs_fork
def test_a_child_forked_while_another_thread_holds_the_lock_gets_it_later(filled_store: Store) -> None:
    locked, release = threading.Event(), threading.Event()

    def hold() -> None:
        with filled_store.transaction() as transaction:
            locked.set()
            release.wait(10)
            transaction.replace_sign_in(make_sign_in("thread"))

    def follow() -> str:
        with filled_store.transaction(timeout=10) as transaction:
            assert transaction.sign_in is not None
            return transaction.sign_in.tokens["access_token"]

    thread = threading.Thread(target=hold)
    thread.start()
    locked.wait()
    threading.Timer(0.3, release.set).start()
    assert in_child(follow) == "thread"
    thread.join()


# -- kill -9


def write_forever(folder: str, size: int) -> None:
    """Writes until it is killed."""
    store = Store(KEY, Path(folder))
    for number in range(10**9):
        with store.transaction() as transaction:
            transaction.replace_sign_in(make_sign_in(str(number), "t" * size))


@needs_fork
def test_a_killed_writer_leaves_a_whole_file_and_no_lock(store: Store) -> None:
    """Killed a hundred times at random moments; the next write deletes what it left half written."""
    store.save_new(make_sign_in())
    halves = 0
    for _ in range(100):
        child = os.fork()
        if child == 0:
            try:
                write_forever(str(store.path.parent), 300_000)
            finally:
                os._exit(1)
        time.sleep(random.uniform(0.005, 0.05))
        os.kill(child, 9)
        assert os.waitpid(child, 0)[1] == 9
        halves += any(name.endswith(".part") for name in file_endings(store))
        assert store.read_sign_in() is not None
        assert store.warning is None
    assert halves, "it was never killed during a write"
    with store.transaction(timeout=1) as transaction:
        transaction.replace_sign_in(make_sign_in("last"))
    assert store.read_sign_in() == make_sign_in("last")
    assert file_endings(store) == {""}


@contextmanager
def killed_at(moment: float) -> Iterator[list[str]]:
    """Kills this process before the given call of the operating system or of a file; yields the names of all calls.

    Args:
        moment: The number of the call, counted from 0; infinity: the process is not killed.
    """
    called: list[str] = []

    def look(_: object, event: str, function: object) -> None:
        if event != "c_call":
            return
        system = getattr(function, "__module__", None) == os.open.__module__
        if system or isinstance(getattr(function, "__self__", None), io.BufferedWriter):
            if len(called) == moment:
                os.kill(os.getpid(), 9)
            called.append(getattr(function, "__name__", ""))

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        yield called
    finally:
        sys.setprofile(before)


def write_once(store: Store, access_token: str, moment: float) -> list[str]:
    with store.transaction() as transaction, killed_at(moment) as called:
        transaction.replace_sign_in(make_sign_in(access_token))
    return called


def kill_a_writer(store: Store, moment: float) -> None:
    child = os.fork()
    if child == 0:
        try:
            write_once(store, "new", moment)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 9


@needs_fork
def test_a_writer_killed_before_any_step_leaves_the_old_file_or_the_new_one(store: Store) -> None:
    """Also between the last byte and the rename; and the next write deletes every half-written file."""
    store.save_new(make_sign_in("old"))
    steps = write_once(store, "old", float("inf"))
    assert {"open", "write", "fsync", "replace"} <= set(steps)
    made = max(number for number, step in enumerate(steps[: steps.index("write")]) if step == "open")
    renamed = steps.index("replace")
    for moment in range(len(steps)):
        write_once(store, "old", float("inf"))
        assert file_endings(store) == {""}
        kill_a_writer(store, moment)
        assert store.read_sign_in() == make_sign_in("old" if moment <= renamed else "new")
        assert store.warning is None
        assert any(name.endswith(".part") for name in file_endings(store)) == (made < moment <= renamed)


@needs_fork
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_logout_deletes_what_a_killed_writer_left(store: Store, step: str) -> None:
    """It contains tokens."""
    store.save_new(make_sign_in())
    kill_a_writer(store, write_once(store, "old", float("inf")).index(step))
    assert len(file_endings(store)) == 2
    store.delete()
    assert file_endings(store) == set()
