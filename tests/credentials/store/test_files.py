"""What the store trusts: owners, modes, links, and kinds of files."""

from __future__ import annotations

import os
import re
import shutil
import socket
import stat
import subprocess
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import filelock
import pytest

from cognito_jupyter.credentials.store.files import MAX_FILE_SIZE, UntrustedFileError, check_directory, read_file
from cognito_jupyter.credentials.store.sign_in import StoredSignIn, parse, serialize
from cognito_jupyter.credentials.store.store import Store
from cognito_jupyter.errors import UnavailableError
from tests.credentials.store.sign_ins import (
    KEY,
    OTHER_UID,
    change_version,
    file_endings,
    in_child,
    make_sign_in,
    replace_by_other_sign_in,
    truncate,
)
from tests.support.systems import needs_fork, needs_root

pytestmark = needs_root


@needs_fork
def test_folder_and_files_belong_to_the_user_only(tmp_path: Path) -> None:
    def create(umask: int) -> str:
        os.umask(umask)
        store = Store(KEY, tmp_path / f"umask{umask}" / "state" / "sign-ins")
        store.save_new(make_sign_in())
        with store.transaction() as transaction:
            transaction.replace_sign_in(make_sign_in("second"))
        return " ".join(f"{stat.S_IMODE(each.stat().st_mode):o}" for each in sorted(store.path.parent.iterdir()))

    for umask in (0, 0o022, 0o077):
        assert in_child(partial(create, umask)) == "600 600"
        folders = [tmp_path / f"umask{umask}" / each for each in (".", "state", "state/sign-ins")]
        assert [stat.S_IMODE(folder.stat().st_mode) for folder in folders] == [0o700] * 3


@pytest.mark.parametrize("mode", [0o701, 0o750, 0o770, 0o755])
def test_a_folder_that_is_open_to_others_is_not_trusted(filled_store: Store, mode: int) -> None:
    filled_store.path.parent.chmod(mode)
    for use in (
        filled_store.read_sign_in,
        filled_store.delete,
        lambda: filled_store.save_new(make_sign_in()),
        lambda: filled_store.transaction().__enter__(),
    ):
        with pytest.raises(UnavailableError, match=f"open to others than you.*{mode:04o}.*chmod 700"):
            use()
    filled_store.path.parent.chmod(0o700)
    assert filled_store.read_sign_in() == make_sign_in()


@pytest.mark.parametrize("name", ["a folder", "it's", '"; touch done; "', "$(touch done)", "`touch done`"])
def test_the_command_that_closes_a_folder_does_so_whatever_the_folder_is_called(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir(mode=0o755)
    with pytest.raises(UnavailableError, match="open to others") as refused:
        check_directory(folder)
    command = refused.value.remedy.removeprefix("Run: ")
    subprocess.run(["sh", "-c", command], check=True, cwd=tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == [name]
    assert check_directory(folder)


def test_a_folder_of_another_user_is_not_trusted(filled_store: Store) -> None:
    os.chown(filled_store.path.parent, OTHER_UID, OTHER_UID)
    with pytest.raises(UnavailableError, match=f"belongs to another user .uid {OTHER_UID}"):
        filled_store.read_sign_in()
    with pytest.raises(UnavailableError, match="belongs to another user"):
        filled_store.save_new(make_sign_in())


@pytest.mark.parametrize("leads_to", ["a folder", "nowhere"])
def test_a_folder_behind_a_link_is_not_trusted(filled_store: Store, leads_to: str) -> None:
    folder = filled_store.path.parent
    elsewhere = folder.with_name("elsewhere")
    if leads_to == "a folder":
        folder.rename(elsewhere)
    else:
        shutil.rmtree(folder)
    folder.symlink_to(elsewhere)
    for use in (filled_store.read_sign_in, lambda: filled_store.save_new(make_sign_in())):
        with pytest.raises(UnavailableError, match="is a symbolic link"):
            use()


def test_a_file_where_the_folder_should_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "sign-ins").write_text("", encoding="ascii")
    with pytest.raises(UnavailableError, match="sign-ins is not a folder"):
        Store(KEY, tmp_path / "sign-ins").save_new(make_sign_in())
    assert Store(KEY, tmp_path / "sign-ins" / "below").read_sign_in() is None
    with pytest.raises(UnavailableError, match="cannot be created: Not a directory"):
        Store(KEY, tmp_path / "sign-ins" / "below").save_new(make_sign_in())


def open_to_others(path: Path) -> None:
    path.chmod(0o640)


def change_owner(path: Path) -> None:
    os.chown(path, OTHER_UID, OTHER_UID)


def replace_by_link(path: Path) -> None:
    path.rename(path.with_name("target"))
    path.symlink_to(path.with_name("target"))


def replace_by_dangling_link(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.with_name("nowhere"))


def replace_by_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def replace_by_socket(path: Path) -> None:
    path.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"/proc/self/fd/{folder}/{path.name}")  # the whole path is too long for a socket
    os.close(folder)


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def grow_beyond_limit(path: Path) -> None:
    path.write_bytes(b" " * MAX_FILE_SIZE + path.read_bytes())


UNTRUSTED: list[tuple[Callable[[Path], None], str]] = [
    (open_to_others, r"is open to others than you \(mode 0640\)"),
    (change_owner, rf"belongs to another user \(uid {OTHER_UID}\)"),
    (replace_by_link, "is a symbolic link"),
    (replace_by_dangling_link, "is a symbolic link"),
    (replace_by_pipe, "is not a file"),
    (replace_by_socket, "is not a file"),
    (replace_by_folder, "is not a file"),
    (empty, "is damaged"),
    (truncate, "is damaged"),
    (grow_beyond_limit, "is longer than 4194304 bytes"),
    (change_version, "was written by another version of this package"),
    (replace_by_other_sign_in, "is not what its name says"),
]


@pytest.mark.parametrize("way", ["read", "transaction", "create"])
@pytest.mark.parametrize(("damage", "sentence"), UNTRUSTED, ids=[damage.__name__ for damage, _ in UNTRUSTED])
def test_an_untrusted_file_is_quarantined_and_named(
    filled_store: Store, damage: Callable[[Path], None], sentence: str, way: str
) -> None:
    damage(filled_store.path)
    before = filled_store.path.lstat()
    if way == "read":
        assert filled_store.read_sign_in() is None
    if way == "transaction":
        with filled_store.transaction() as transaction:
            assert transaction.sign_in is None
    if way == "create":
        filled_store.save_new(make_sign_in("new"))
    aside = filled_store.path.with_name(f"{filled_store.path.name}.set-aside-1")
    assert aside.lstat().st_ino == before.st_ino
    assert aside.lstat().st_uid == before.st_uid
    assert filled_store.warning is not None
    assert re.fullmatch(
        f"{filled_store.path} {sentence}, and was set aside as {aside.name}\\.", str(filled_store.warning)
    )
    assert filled_store.read_sign_in() == (make_sign_in("new") if way == "create" else None)


@needs_fork
def test_an_untrusted_file_swapped_in_at_the_last_moment_is_not_read(filled_store: Store) -> None:
    """The file that is checked is the one that is read: another process swaps the two as fast as it can."""
    path = filled_store.path
    valid, untrusted, new = (path.with_name(name) for name in ("valid", "untrusted", "new"))
    os.link(path, valid)
    untrusted.write_bytes(serialize(KEY, make_sign_in("of-another-user")))
    change_owner(untrusted)
    child = os.fork()
    while child == 0:
        for each in (untrusted, valid):
            os.link(each, new)
            os.replace(new, path)
    try:
        until, found, refused = time.monotonic() + 1.5, set[bytes | None](), False
        while time.monotonic() < until or not (found and refused):
            try:
                found.add(read_file(path))
            except UntrustedFileError:
                refused = True
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
    assert found == {valid.read_bytes()}


def test_a_quarantined_file_is_private_and_replaces_no_earlier_one(filled_store: Store) -> None:
    for number in (1, 2, 3):
        filled_store.save_new(make_sign_in(str(number)))
        open_to_others(filled_store.path)
        assert filled_store.read_sign_in() is None
        aside = filled_store.path.with_name(f"{filled_store.path.name}.set-aside-{number}")
        assert stat.S_IMODE(aside.stat().st_mode) == 0o600
        assert parse(KEY, aside.read_bytes()) == make_sign_in(str(number))
    assert file_endings(filled_store) == {".set-aside-1", ".set-aside-2", ".set-aside-3"}


def test_a_valid_file_that_replaced_an_untrusted_one_is_not_quarantined(filled_store: Store) -> None:
    """A login replaces the damaged file while a reader that found it waits for the lock."""
    found: list[StoredSignIn | None] = []
    with filelock.FileLock(filled_store.path.with_name(f"{filled_store.path.name}.lock")):
        valid = filled_store.path.read_bytes()
        filled_store.path.write_bytes(b"bad")
        thread = threading.Thread(target=lambda: found.append(filled_store.read_sign_in()))
        thread.start()
        time.sleep(0.3)
        filled_store.path.write_bytes(valid)
    thread.join()
    assert found == [make_sign_in()]
    assert filled_store.warning is None


def test_a_lock_that_is_a_link_is_not_followed(filled_store: Store, tmp_path: Path) -> None:
    lock = filled_store.path.with_name(f"{filled_store.path.name}.lock")
    lock.unlink()
    lock.symlink_to(tmp_path / "precious")
    with pytest.raises(UnavailableError, match="cannot be locked, and is unchanged"):
        filled_store.save_new(make_sign_in("new"))
    assert not (tmp_path / "precious").exists()
    assert filled_store.read_sign_in() == make_sign_in()
