"""What the store trusts: owners, modes, links, and what lies where its file should be."""

from __future__ import annotations

import os
import re
import shutil
import socket
import stat
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import filelock
import pytest

from cognito_jupyter.credentials import store_file
from cognito_jupyter.credentials.private_file import LARGEST_FILE, BadFileError
from cognito_jupyter.credentials.store import Store
from cognito_jupyter.credentials.store_format import StoredSignIn, decode, encode
from cognito_jupyter.errors import UnavailableError
from tests.credentials.stored import (
    KEY,
    NOBODY,
    halved,
    in_child,
    names,
    needs_root,
    of_another_sign_in,
    of_version_2,
    sign_in,
)

pytestmark = needs_root


def test_folder_and_files_are_the_users_alone(tmp_path: Path) -> None:
    def create(umask: int) -> str:
        os.umask(umask)
        store = Store(KEY, tmp_path / f"umask{umask}" / "sign-ins")
        store.create(sign_in())
        with store.locked() as locked:
            locked.replace(sign_in("second"))
        return " ".join(f"{stat.S_IMODE(each.stat().st_mode):o}" for each in sorted(store.path.parent.iterdir()))

    for umask in (0, 0o022, 0o077):
        assert in_child(partial(create, umask)) == "600 600"
        assert stat.S_IMODE((tmp_path / f"umask{umask}" / "sign-ins").stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o701, 0o750, 0o770, 0o755])
def test_a_folder_that_is_open_to_others_is_not_trusted(kept: Store, mode: int) -> None:
    kept.path.parent.chmod(mode)
    for use in (kept.read, kept.remove, lambda: kept.create(sign_in()), lambda: kept.locked().__enter__()):
        with pytest.raises(UnavailableError, match=f"open to others than you.*{mode:04o}.*chmod 700"):
            use()
    kept.path.parent.chmod(0o700)
    assert kept.read() == sign_in()


def test_a_folder_of_somebody_else_is_not_trusted(kept: Store) -> None:
    os.chown(kept.path.parent, NOBODY, NOBODY)
    with pytest.raises(UnavailableError, match=f"belongs to another user .uid {NOBODY}"):
        kept.read()
    with pytest.raises(UnavailableError, match="belongs to another user"):
        kept.create(sign_in())


@pytest.mark.parametrize("leads_to", ["a folder", "nowhere"])
def test_a_folder_behind_a_link_is_not_trusted(kept: Store, leads_to: str) -> None:
    folder = kept.path.parent
    elsewhere = folder.with_name("elsewhere")
    if leads_to == "a folder":
        folder.rename(elsewhere)
    else:
        shutil.rmtree(folder)
    folder.symlink_to(elsewhere)
    for use in (kept.read, lambda: kept.create(sign_in())):
        with pytest.raises(UnavailableError, match="is a symbolic link"):
            use()


def test_a_file_where_the_folder_should_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "sign-ins").write_text("", encoding="ascii")
    with pytest.raises(UnavailableError, match="sign-ins is not a folder"):
        Store(KEY, tmp_path / "sign-ins").create(sign_in())
    assert Store(KEY, tmp_path / "sign-ins" / "below").read() is None
    with pytest.raises(UnavailableError, match="cannot be made: Not a directory"):
        Store(KEY, tmp_path / "sign-ins" / "below").create(sign_in())


def open_to_others(path: Path) -> None:
    path.chmod(0o640)


def given_away(path: Path) -> None:
    os.chown(path, NOBODY, NOBODY)


def linked(path: Path) -> None:
    path.rename(path.with_name("target"))
    path.symlink_to(path.with_name("target"))


def linked_nowhere(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.with_name("nowhere"))


def made_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def made_a_socket(path: Path) -> None:
    path.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"/proc/self/fd/{folder}/{path.name}")  # the whole path is too long for a socket
    os.close(folder)


def made_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def bloated(path: Path) -> None:
    path.write_bytes(b" " * LARGEST_FILE + path.read_bytes())


BAD: list[tuple[Callable[[Path], None], str]] = [
    (open_to_others, r"was open to others than you \(mode 0640\)"),
    (given_away, rf"belongs to another user \(uid {NOBODY}\)"),
    (linked, "is a symbolic link"),
    (linked_nowhere, "is a symbolic link"),
    (made_a_pipe, "is not a file"),
    (made_a_socket, "is not a file"),
    (made_a_folder, "is not a file"),
    (emptied, "is damaged"),
    (halved, "is damaged"),
    (bloated, "is longer than 4194304 bytes"),
    (of_version_2, "was written by another version of this package"),
    (of_another_sign_in, "is not what its name says"),
]


@pytest.mark.parametrize("way", ["read", "locked", "create"])
@pytest.mark.parametrize(("spoil", "sentence"), BAD, ids=[spoil.__name__ for spoil, _ in BAD])
def test_a_bad_file_is_set_aside_and_named(kept: Store, spoil: Callable[[Path], None], sentence: str, way: str) -> None:
    spoil(kept.path)
    before = kept.path.lstat()
    if way == "read":
        assert kept.read() is None
    if way == "locked":
        with kept.locked() as locked:
            assert locked.sign_in is None
    if way == "create":
        kept.create(sign_in("new"))
    aside = kept.path.with_name(f"{kept.path.name}.set-aside-1")
    assert aside.lstat().st_ino == before.st_ino
    assert aside.lstat().st_uid == before.st_uid
    assert kept.problem is not None
    assert re.fullmatch(f"{kept.path} {sentence}, and was set aside as {aside.name}\\.", kept.problem)
    assert kept.read() == (sign_in("new") if way == "create" else None)


def test_a_bad_file_that_takes_a_good_ones_place_at_the_last_moment_is_not_read(kept: Store) -> None:
    """What is looked at is what is read: another process changes the two files as fast as it can."""
    path = kept.path
    good, bad, new = (path.with_name(name) for name in ("good", "bad", "new"))
    os.link(path, good)
    bad.write_bytes(encode(KEY, sign_in("somebody else's")))
    given_away(bad)
    child = os.fork()
    while child == 0:
        for each in (bad, good):
            os.link(each, new)
            os.replace(new, path)
    try:
        until, found = time.monotonic() + 1.5, set()
        while time.monotonic() < until:
            with suppress(BadFileError):
                found.add(store_file.read(path))
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
    assert found == {good.read_bytes()}


def test_what_is_set_aside_is_closed_and_does_not_replace_what_was_before(kept: Store) -> None:
    for number in (1, 2, 3):
        kept.create(sign_in(str(number)))
        open_to_others(kept.path)
        assert kept.read() is None
        aside = kept.path.with_name(f"{kept.path.name}.set-aside-{number}")
        assert stat.S_IMODE(aside.stat().st_mode) == 0o600
        assert decode(KEY, aside.read_bytes()) == sign_in(str(number))
    assert names(kept) == {".set-aside-1", ".set-aside-2", ".set-aside-3"}


def test_a_good_file_that_took_a_bad_ones_place_is_not_set_aside(kept: Store) -> None:
    """A reader that found a bad file waits for the lock; meanwhile a login puts a good one there."""
    found: list[StoredSignIn | None] = []
    with filelock.FileLock(kept.path.with_name(f"{kept.path.name}.lock")):
        good = kept.path.read_bytes()
        kept.path.write_bytes(b"bad")
        thread = threading.Thread(target=lambda: found.append(kept.read()))
        thread.start()
        time.sleep(0.3)
        kept.path.write_bytes(good)
    thread.join()
    assert found == [sign_in()]
    assert kept.problem is None


def test_a_lock_that_is_a_link_is_not_followed(kept: Store, tmp_path: Path) -> None:
    lock = kept.path.with_name(f"{kept.path.name}.lock")
    lock.unlink()
    lock.symlink_to(tmp_path / "precious")
    with pytest.raises(UnavailableError, match="cannot be locked, and is as it was"):
        kept.create(sign_in("new"))
    assert not (tmp_path / "precious").exists()
    assert kept.read() == sign_in()
