"""Files that another program has open, on Windows: an operation waits until it is closed."""

from __future__ import annotations

import errno
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from cognito_jupyter._util.folders import retrying
from cognito_jupyter._util.folders.retrying import delete_folder, retry_while_in_use
from cognito_jupyter.demo import demo

IN_USE = PermissionError(errno.EACCES, "The process cannot access the file because it is being used by another process")


class VirtualTime:
    """Stands for the module `time`: only a sleep lets time pass, and it returns at once."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def virtual_time(monkeypatch: pytest.MonkeyPatch) -> VirtualTime:
    virtual_time = VirtualTime()
    monkeypatch.setattr(retrying, "time", virtual_time)
    return virtual_time


class OpenElsewhere:
    """An operation on a file that another program has open for a while.

    Args:
        time: What counts the seconds.
        seconds: How long.
        duration: Seconds that each attempt takes.
    """

    def __init__(self, time: VirtualTime, seconds: float, duration: float = 0.0) -> None:
        self._time = time
        self._until = time.monotonic() + seconds
        self._duration = duration
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        in_use = self._time.monotonic() < self._until
        self._time.sleep(self._duration)
        if in_use:
            raise IN_USE
        return "done"


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")


@pytest.mark.usefixtures("windows")
def test_what_a_virus_scanner_holds_for_a_moment_is_waited_for(virtual_time: VirtualTime) -> None:
    operation = OpenElsewhere(virtual_time, 0.3)
    assert retry_while_in_use(operation) == "done"
    assert operation.calls > 2


@pytest.mark.usefixtures("windows")
def test_what_is_held_for_good_fails_after_two_seconds(virtual_time: VirtualTime) -> None:
    began = virtual_time.now
    with pytest.raises(PermissionError):
        retry_while_in_use(OpenElsewhere(virtual_time, 60))
    assert retrying.RETRY_TIMEOUT <= virtual_time.now - began < retrying.RETRY_TIMEOUT + 0.1


@pytest.mark.usefixtures("windows")
def test_a_computer_that_sleeps_during_an_attempt_makes_another_one(virtual_time: VirtualTime) -> None:
    """The two seconds were over when the attempt had failed, but nothing has held the file since."""
    operation = OpenElsewhere(virtual_time, 1, duration=3600)
    assert retry_while_in_use(operation) == "done"
    assert operation.calls == 2


@pytest.mark.usefixtures("windows")
def test_other_errors_are_raised_at_once() -> None:
    calls = []

    def fail() -> None:
        calls.append(1)
        raise FileNotFoundError

    with pytest.raises(FileNotFoundError):
        retry_while_in_use(fail)
    assert calls == [1]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does wait.")
def test_other_systems_do_not_wait(virtual_time: VirtualTime) -> None:
    operation = OpenElsewhere(virtual_time, 60)
    with pytest.raises(PermissionError):
        retry_while_in_use(operation)
    assert operation.calls == 1


@pytest.mark.parametrize(
    "operation",
    [
        lambda path: os.close(retrying.open_file(path, os.O_RDONLY)),
        lambda path: retrying.replace_file(path, path.with_name("new")),
        lambda path: retrying.rename_file(path, path.with_name("new")),
        retrying.delete_file,
    ],
    ids=["open", "replace", "rename", "delete"],
)
def test_a_file_that_is_not_there_is_an_error_at_once(operation: Callable[[Path], object], tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        operation(tmp_path / "missing")


class UsedFolder:
    """Stands for `shutil.rmtree`, as Windows lets it work on a folder that a process uses for a while.

    Args:
        time: What counts the seconds.
        seconds: How long.
    """

    def __init__(self, time: VirtualTime, seconds: float) -> None:
        self._remove = shutil.rmtree
        self._time = time
        self._until = time.monotonic() + seconds

    def __call__(self, path: Path, *, ignore_errors: bool) -> None:
        if self._time.monotonic() >= self._until:
            self._remove(path, ignore_errors=ignore_errors)
        elif not ignore_errors:
            raise IN_USE


def test_a_folder_is_deleted_as_soon_as_the_last_kernel_in_it_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, virtual_time: VirtualTime
) -> None:
    folder = tmp_path / "demo"
    (folder / "notebooks").mkdir(parents=True)
    monkeypatch.setattr(shutil, "rmtree", UsedFolder(virtual_time, 0.5))
    assert not delete_folder(folder, timeout=0.1)
    assert delete_folder(folder)
    assert not folder.exists()


def test_the_demo_ends_without_a_traceback_and_names_a_folder_that_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, virtual_time: VirtualTime
) -> None:
    monkeypatch.setattr(shutil, "rmtree", UsedFolder(virtual_time, 60))
    monkeypatch.setattr(retrying, "_FOLDER_TIMEOUT", 0.1)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    written: list[str] = []
    with demo._temporary_folder(written.append) as folder:
        assert folder.parent == tmp_path
    assert written == [f"A program still uses {folder}, so that folder could not be removed."]
