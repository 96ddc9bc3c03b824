"""Who holds the lock of a stored sign-in: named after two seconds, and again when the wait ends."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cognito_jupyter.credentials.store.files import InterProcessLock
from cognito_jupyter.credentials.store.store import Store
from cognito_jupyter.errors import UnavailableError
from tests.credentials.store.sign_ins import KEY, make_sign_in
from tests.support.polling import wait_until
from tests.support.systems import needs_fork, needs_sigkill


@pytest.fixture
def holder(filled_store: Store) -> Iterator[int]:
    """The pid of another process, which holds the lock until it is killed."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        with filled_store.transaction():
            os.write(writer, b"x")
            signal.pause()
        os._exit(1)
    os.close(writer)
    assert os.read(reader, 1) == b"x"
    os.close(reader)
    yield pid
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


@needs_sigkill
@needs_fork
def test_a_caller_that_waits_learns_after_two_seconds_for_which_process(
    filled_store: Store, holder: int, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(KEY, filled_store.path.parent, lock_timeout=60)
    started, acquired = time.monotonic(), threading.Event()

    def acquire() -> None:
        with store.transaction() as transaction:
            assert transaction.sign_in == make_sign_in()
            acquired.set()

    thread = threading.Thread(target=acquire)
    thread.start()
    wait_until(lambda: caplog.records)
    assert 1.9 < time.monotonic() - started < 10
    assert not acquired.is_set()
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert f"another kernel or program (process {holder}), which is using {store.path}" in record.getMessage()
    os.kill(holder, signal.SIGKILL)
    assert acquired.wait(30)
    thread.join()


@needs_sigkill
@needs_fork
def test_the_error_after_the_wait_names_the_process(
    filled_store: Store, holder: int, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(KEY, filled_store.path.parent, lock_timeout=0.3)
    with pytest.raises(UnavailableError, match=rf"\(process {holder}\) has been using .* for 0\.3 seconds"):
        store.save_new(make_sign_in())
    assert not caplog.records


def test_a_short_wait_says_nothing(filled_store: Store, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(20):
        with filled_store.transaction():
            pass
    assert not caplog.records


@pytest.mark.parametrize("content", [b"", b"no number", b"1" * 100, b"\xff\x1b[31m"])
def test_what_else_a_lock_file_holds_is_not_shown(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    lock_file = tmp_path / "file.lock"
    with InterProcessLock(path, 1):
        lock_file.write_bytes(content)
        with (
            pytest.raises(UnavailableError, match=r"Another kernel or program has been using"),
            InterProcessLock(path, 0.1),
        ):
            pass


def test_a_lock_file_that_leads_elsewhere_is_not_written(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("1")
    with InterProcessLock(tmp_path / "file", 1):
        pass
    (tmp_path / "file.lock").unlink()
    (tmp_path / "file.lock").symlink_to(target)
    with pytest.raises(UnavailableError), InterProcessLock(tmp_path / "file", 0.1):
        pass
    assert target.read_text() == "1"
