"""The store between processes: forked ones, and killed ones."""

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

# -- forks


def test_a_child_forked_under_the_lock_does_not_hold_it(filled_store: Store) -> None:
    """Neither writes by it, nor lets go of the parent's, even when it leaves the block."""

    def leave() -> str:
        try:
            locked.replace_sign_in(make_sign_in("child"))
        except UnavailableError as error:
            block.__exit__(None, None, None)
            return str(error)
        return "replaced"

    def wait() -> str:
        with filled_store.transaction(timeout=0.3):
            return "had it"

    block = filled_store.transaction()
    with block as locked:
        assert "does not hold the lock" in in_child(leave)
        assert "UnavailableError: Another kernel" in in_child(wait)
        locked.replace_sign_in(make_sign_in("parent"))
    assert in_child(wait) == "had it"
    assert filled_store.read_sign_in() == make_sign_in("parent")


def test_a_child_that_outlives_its_parents_transaction_does_not_hold_the_lock(filled_store: Store) -> None:
    with filled_store.transaction():
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], close_fds=False)
        forked = os.fork()
        if forked == 0:
            time.sleep(60)
            os._exit(0)
    try:
        with filled_store.transaction(timeout=1) as locked:
            locked.replace_sign_in(make_sign_in("next"))
    finally:
        child.kill()
        child.wait()
        os.kill(forked, 9)
        os.waitpid(forked, 0)


def test_a_child_forked_while_another_thread_holds_the_lock_gets_it_later(filled_store: Store) -> None:
    held, over = threading.Event(), threading.Event()

    def hold() -> None:
        with filled_store.transaction() as locked:
            held.set()
            over.wait(10)
            locked.replace_sign_in(make_sign_in("thread"))

    def follow() -> str:
        with filled_store.transaction(timeout=10) as locked:
            assert locked.sign_in is not None
            return locked.sign_in.tokens["access_token"]

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    threading.Timer(0.3, over.set).start()
    assert in_child(follow) == "thread"
    thread.join()


# -- kill -9


def write_forever(folder: str, size: int) -> None:
    """Writes for as long as it lives."""
    store = Store(KEY, Path(folder))
    for number in range(10**9):
        with store.transaction() as locked:
            locked.replace_sign_in(make_sign_in(str(number), "t" * size))


def test_a_killed_writer_leaves_a_whole_file_and_no_lock(store: Store) -> None:
    """Killed at any moment, a hundred times; what it left half written is gone after the next write."""
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
    assert halves, "not once was it killed while it wrote"
    with store.transaction(timeout=1) as locked:
        locked.replace_sign_in(make_sign_in("last"))
    assert store.read_sign_in() == make_sign_in("last")
    assert file_endings(store) == {""}


@contextmanager
def killed_at(moment: float) -> Iterator[list[str]]:
    """Kills this process before the call of the operating system, or of a file, of that number; what was called.

    Args:
        moment: Counted from 0; infinity: it lives.
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
    with store.transaction() as locked, killed_at(moment) as called:
        locked.replace_sign_in(make_sign_in(access_token))
    return called


def kill_a_writer(store: Store, moment: float) -> None:
    child = os.fork()
    if child == 0:
        try:
            write_once(store, "new", moment)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 9


def test_a_writer_killed_before_any_step_leaves_the_old_file_or_the_new_one(store: Store) -> None:
    """Between the half-written file's end and its renaming too; and the next write leaves nothing of it."""
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


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_logout_deletes_what_a_killed_writer_left(store: Store, step: str) -> None:
    """It holds tokens."""
    store.save_new(make_sign_in())
    kill_a_writer(store, write_once(store, "old", float("inf")).index(step))
    assert len(file_endings(store)) == 2
    store.delete()
    assert file_endings(store) == set()
