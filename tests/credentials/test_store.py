"""The store: real files, real processes, real signals. Some of it gives files away, which takes root."""

from __future__ import annotations

import copy
import json
import multiprocessing
import os
import pickle
import random
import re
import resource
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from pathlib import Path

import filelock  # before any child is forked: one that is nobody may not read where it is installed
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from cognito_jupyter.credentials import store_file
from cognito_jupyter.credentials.store import (
    VERSION,
    Store,
    StoredCredentials,
    StoredSignIn,
    StoreKey,
    decode,
    encode,
)
from cognito_jupyter.credentials.store_file import LARGEST_FILE, BadFileError
from cognito_jupyter.errors import SignedOutError, UnavailableError
from cognito_jupyter.oauth.tokens import CognitoTokens

NOBODY = 65534
# Other users, full disks and read-only homes are made by root alone.
pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root can play another user")
KEY = StoreKey("https://demo.example.com", "client1", "eu-west-1_pool", "eu-west-1:1234", ("http://127.0.0.1:9",))
ROLE = "arn:aws:iam::123456789012:role/Reader"
SECRETS = ("an-id-token", "an-access-token", "a-refresh-token", "a-secret-key", "a-session-token")
SPAWN = multiprocessing.get_context("spawn")


def sign_in(access_token: str = "an-access-token", session_token: str = "a-session-token") -> StoredSignIn:
    tokens = CognitoTokens(
        id_token="an-id-token", access_token=access_token, refresh_token="a-refresh-token", expires_in=3600
    )
    keys = StoredCredentials("AKIA1", "a-secret-key", session_token, 1800003600.25, 1800003599.5, 18e8, 18e8 + 3500)
    return StoredSignIn(tokens, "eu-west-1:identity", {ROLE: keys, "": keys})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(KEY, tmp_path / "sign-ins")


@pytest.fixture
def kept(store: Store) -> Store:
    """A store with a sign-in in it."""
    store.create(sign_in())
    return store


def names(store: Store) -> set[str]:
    """The endings of the files beside the store's own, the lock's left out."""
    return {path.name.removeprefix(store.path.name) for path in store.path.parent.iterdir()} - {".lock"}


def in_child(action: Callable[[], str]) -> str:
    """What an action returns, or how its error reads, in a child that was forked for it."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            said = action()
        except BaseException as error:  # noqa: BLE001 - the child has nobody else to tell
            said = f"{type(error).__name__}: {error}"
        os.write(writer, said.encode())
        os._exit(0)
    os.close(writer)
    with open(reader, encoding="utf-8") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return said


# -- what is kept


def test_what_is_kept_comes_back(kept: Store) -> None:
    assert Store(KEY, kept.path.parent).read() == sign_in()
    assert kept.problem is None


def test_nobody_is_signed_in_where_nothing_is_kept(store: Store) -> None:
    assert store.read() is None
    store.remove()
    assert not store.path.parent.exists()


def test_a_login_replaces_what_is_there(kept: Store) -> None:
    kept.create(sign_in("another"))
    found = kept.read()
    assert found is not None
    assert found.tokens["access_token"] == "another"
    assert names(kept) == {""}


def test_a_sign_in_without_identity_and_keys_yet_comes_back(store: Store) -> None:
    bare = StoredSignIn(CognitoTokens(id_token="a", access_token="b", refresh_token=""), None, {})
    store.create(bare)
    assert store.read() == bare


def test_the_default_folder_is_in_the_users_state(own_environment: Path) -> None:
    store = Store(KEY)
    store.create(sign_in())
    assert store.path.parent == own_environment / "state" / "cognito_jupyter" / "sign-ins"
    assert store.read() == sign_in()


@pytest.mark.parametrize("change", ["domain", "client_id", "user_pool_id", "identity_pool_id", "endpoints"])
def test_each_part_of_the_key_has_a_file_of_its_own(kept: Store, change: str) -> None:
    parts = {name: getattr(KEY, name) for name in KEY.__dataclass_fields__}
    other = StoreKey(**{**parts, change: ("http://127.0.0.1:8",) if change == "endpoints" else "other"})
    assert Store(other, kept.path.parent).read() is None
    assert Store(other, kept.path.parent).path != kept.path


def test_parts_of_the_key_do_not_run_into_each_other(tmp_path: Path) -> None:
    assert (
        Store(StoreKey("a", "b", "c", "", ("d",)), tmp_path).path
        != Store(StoreKey("a", "b", "c", "d", ()), tmp_path).path
    )


def test_each_user_of_a_folder_has_a_file_of_their_own(tmp_path: Path) -> None:
    def name_for_nobody() -> str:
        os.setuid(NOBODY)
        return Store(KEY, tmp_path).path.name

    assert in_child(name_for_nobody) != Store(KEY, tmp_path).path.name


@pytest.mark.parametrize("bad", ["a\nb", "ä", "\x00"])
def test_what_could_not_be_read_back_is_not_written(kept: Store, bad: str) -> None:
    with pytest.raises(UnavailableError, match="not in a shape that can be kept"):
        kept.create(sign_in(bad))
    with kept.locked() as locked, pytest.raises(UnavailableError):
        locked.replace(sign_in(bad))
    assert kept.read() == sign_in()


# -- under the lock


def test_an_update_is_seen_by_all(kept: Store) -> None:
    with kept.locked() as locked:
        assert locked.sign_in == sign_in()
        locked.replace(sign_in("second"))
        locked.replace(sign_in("third"))
        assert locked.sign_in == sign_in("third")
    assert kept.read() == sign_in("third")


def test_the_lock_is_had_for_a_while_only(kept: Store) -> None:
    with kept.locked(), pytest.raises(UnavailableError, match=r"has been at .* for 0\.2 seconds"):
        with Store(KEY, kept.path.parent).locked(timeout=0.2):
            pass


def test_after_the_lock_nothing_is_replaced(kept: Store) -> None:
    with kept.locked() as locked:
        pass
    with pytest.raises(UnavailableError, match="does not hold the lock"):
        locked.replace(sign_in("late"))
    assert kept.read() == sign_in()


def test_an_error_under_the_lock_lets_go_of_it(kept: Store) -> None:
    with pytest.raises(ZeroDivisionError), kept.locked():
        _ = 1 / 0
    with kept.locked(timeout=0) as locked:
        locked.replace(sign_in("next"))


def test_reading_does_not_wait_for_the_lock(kept: Store) -> None:
    with kept.locked() as locked:
        assert kept.read() == sign_in()
        locked.replace(sign_in("second"))
        assert kept.read() == sign_in("second")


def count(folder: str, times: int) -> None:
    """Adds one to the number in the access token, many times."""
    store = Store(KEY, Path(folder))
    for _ in range(times):
        with store.locked() as locked:
            assert locked.sign_in is not None
            locked.replace(sign_in(str(int(locked.sign_in.tokens["access_token"]) + 1)))


def test_ten_processes_lose_nothing(store: Store) -> None:
    store.create(sign_in("0"))
    crowd = [SPAWN.Process(target=count, args=(str(store.path.parent), 12)) for _ in range(10)]
    for process in crowd:
        process.start()
    for process in crowd:
        process.join()
    assert [process.exitcode for process in crowd] == [0] * 10
    assert store.read() == sign_in("120")
    assert names(store) == {""}


def test_threads_of_one_process_lose_nothing(store: Store) -> None:
    store.create(sign_in("0"))
    crowd = [threading.Thread(target=count, args=(str(store.path.parent), 5)) for _ in range(6)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    assert store.read() == sign_in("30")


# -- forks


def test_a_child_forked_under_the_lock_does_not_hold_it(kept: Store) -> None:
    """Neither writes by it, nor lets go of the parent's, even when it leaves the block."""

    def leave() -> str:
        try:
            locked.replace(sign_in("child"))
        except UnavailableError as error:
            block.__exit__(None, None, None)
            return str(error)
        return "replaced"

    def wait() -> str:
        with kept.locked(timeout=0.3):
            return "had it"

    block = kept.locked()
    with block as locked:
        assert "does not hold the lock" in in_child(leave)
        assert "UnavailableError: Another kernel" in in_child(wait)
        locked.replace(sign_in("parent"))
    assert in_child(wait) == "had it"
    assert kept.read() == sign_in("parent")


def test_a_child_that_outlives_its_parents_block_does_not_keep_the_lock(kept: Store) -> None:
    with kept.locked():
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], close_fds=False)
        forked = os.fork()
        if forked == 0:
            time.sleep(60)
            os._exit(0)
    try:
        with kept.locked(timeout=1) as locked:
            locked.replace(sign_in("next"))
    finally:
        child.kill()
        child.wait()
        os.kill(forked, 9)
        os.waitpid(forked, 0)


def test_a_child_forked_while_another_thread_holds_the_lock_gets_its_turn(kept: Store) -> None:
    held, over = threading.Event(), threading.Event()

    def hold() -> None:
        with kept.locked() as locked:
            held.set()
            over.wait(10)
            locked.replace(sign_in("thread"))

    def follow() -> str:
        with kept.locked(timeout=10) as locked:
            assert locked.sign_in is not None
            return locked.sign_in.tokens["access_token"]

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    threading.Timer(0.3, over.set).start()
    assert in_child(follow) == "thread"
    thread.join()


# -- signing out


def test_signing_out_leaves_nothing_but_the_lock(kept: Store) -> None:
    kept.path.write_bytes(b"broken")
    kept.create(sign_in())
    kept.path.with_name(f"{kept.path.name}.0123.part").write_text("a-refresh-token", encoding="ascii")
    other = Store(StoreKey("other", "", "", ""), kept.path.parent)
    other.create(sign_in())
    kept.remove()
    assert kept.read() is None
    assert {path for path in kept.path.parent.iterdir() if path.suffix != ".lock"} == {other.path}
    kept.remove()


@pytest.mark.parametrize("how", ["remove", "unlink", "everything", "somebody else's", "a later login"])
def test_a_file_that_is_gone_is_not_written_back(kept: Store, how: str) -> None:
    with kept.locked() as locked:
        if how == "everything":
            shutil.rmtree(kept.path.parent)
        else:
            kept.path.unlink()
        if how == "somebody else's":
            kept.path.symlink_to("/etc/hostname")
        if how == "a later login":
            os.rename(kept.path.with_name(f"{kept.path.name}.lock"), kept.path.parent / "moved")
            threaded = threading.Thread(target=kept.create, args=(sign_in("later"),))
            threaded.start()
            threaded.join()
        with pytest.raises(SignedOutError, match="signed out"):
            locked.replace(sign_in("revived"))
    assert kept.read() == (sign_in("later") if how == "a later login" else None)


def test_nobody_writes_where_nobody_is_signed_in(store: Store) -> None:
    with store.locked() as locked:
        assert locked.sign_in is None
        with pytest.raises(SignedOutError):
            locked.replace(sign_in())
    assert names(store) == set()


def test_a_kernel_that_waits_while_another_signs_out_finds_nobody(kept: Store) -> None:
    def follow() -> str:
        with kept.locked(timeout=10) as locked:
            return str(locked.sign_in)

    said: list[str] = []
    with kept.locked():
        thread = threading.Thread(target=lambda: said.append(in_child(follow)))
        thread.start()
        time.sleep(0.2)
        kept.path.unlink()
    thread.join()
    assert said == ["None"]


# -- kill -9


def write_on(folder: str, size: int) -> None:
    """Writes for as long as it lives."""
    store = Store(KEY, Path(folder))
    for number in range(10**9):
        with store.locked() as locked:
            locked.replace(sign_in(str(number), "t" * size))


def test_a_killed_writer_leaves_a_whole_file_and_no_lock(store: Store) -> None:
    """Killed at any moment, a hundred times; what it left half written is gone after the next write."""
    store.create(sign_in())
    halves = 0
    for _ in range(100):
        child = os.fork()
        if child == 0:
            try:
                write_on(str(store.path.parent), 300_000)
            finally:
                os._exit(1)
        time.sleep(random.uniform(0.005, 0.05))
        os.kill(child, 9)
        assert os.waitpid(child, 0)[1] == 9
        halves += any(name.endswith(".part") for name in names(store))
        assert store.read() is not None
        assert store.problem is None
    assert halves, "not once was it killed while it wrote"
    with store.locked(timeout=1) as locked:
        locked.replace(sign_in("last"))
    assert store.read() == sign_in("last")
    assert names(store) == {""}


# -- modes and owners


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


def halved(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


def bloated(path: Path) -> None:
    path.write_bytes(b" " * LARGEST_FILE + path.read_bytes())


def of_version_2(path: Path) -> None:
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "version": VERSION + 1}), encoding="ascii")


def of_another_sign_in(path: Path) -> None:
    path.write_bytes(encode(StoreKey("other", "", "", ""), sign_in()))


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


# -- a disk that does not take it


@contextmanager
def small_disk() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp())
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", folder], check=True, capture_output=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)
        folder.rmdir()


@contextmanager
def small_files() -> Iterator[Path]:
    """For the children of this process, and for as long as it lasts for itself."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (256 * 1024, hard))
    try:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def may_mount() -> bool:
    try:
        with small_disk():
            return True
    except (OSError, subprocess.CalledProcessError):
        return False


@pytest.mark.parametrize("disk", [small_files, *([small_disk] if may_mount() else [])])
def test_a_full_disk_leaves_the_old_file_and_says_so(disk: Callable[[], AbstractContextManager[Path]]) -> None:
    with disk() as folder:
        store = Store(KEY, folder / "sign-ins")
        store.create(sign_in("old"))
        too_long = sign_in("new", "t" * 300_000)
        with store.locked() as locked:
            with pytest.raises(UnavailableError, match=r"is as it was, .* (File too large|No space left).* Make room"):
                locked.replace(too_long)
            assert locked.sign_in == sign_in("old")
        with pytest.raises(UnavailableError) as caught:
            store.create(too_long)
        assert caught.value.what.count(". ") == 0
        assert store.read() == sign_in("old")
        assert names(store) == {""}
        store.create(sign_in("new"))
        assert store.read() == sign_in("new")


@pytest.fixture
def nobodys_folder() -> Iterator[Path]:
    """A folder of a user who may do nothing, where that user can get at it."""
    with tempfile.TemporaryDirectory() as home:
        Path(home).chmod(0o755)
        folder = Path(home, "sign-ins")
        folder.mkdir(mode=0o700)
        os.chown(folder, NOBODY, NOBODY)
        yield folder


def in_read_only(folder: Path, action: Callable[[Store], object]) -> str:
    """What that user is told, and what is kept afterwards, once the folder is read-only."""

    def act() -> str:
        os.setuid(NOBODY)
        store = Store(KEY, folder)
        store.create(sign_in("old"))
        folder.chmod(0o500)
        try:
            action(store)
        except UnavailableError as error:
            said = str(error)
        else:
            said = str(store.problem)
        kept = store.read()
        return f"{said} Kept: {kept.tokens['access_token'] if kept is not None else None}"

    return in_child(act)


def replace(store: Store) -> None:
    with store.locked() as locked:
        locked.replace(sign_in("new"))


@pytest.mark.parametrize("write", [replace, lambda store: store.create(sign_in("new"))])
def test_a_read_only_folder_leaves_the_old_file_and_says_so(
    nobodys_folder: Path, write: Callable[[Store], object]
) -> None:
    said = in_read_only(nobodys_folder, write)
    assert "is as it was, because your sign-in could not be written there: Permission denied. Make it" in said
    assert said.endswith("Kept: old")


def test_signing_out_in_a_read_only_folder_says_that_the_file_is_still_there(nobodys_folder: Path) -> None:
    said = in_read_only(nobodys_folder, Store.remove)
    assert "which holds your sign-in, could not be removed: Permission denied." in said
    assert said.endswith("Kept: old")


def test_a_bad_file_in_a_read_only_folder_is_named_and_not_used(nobodys_folder: Path) -> None:
    def spoil(store: Store) -> None:
        store.path.write_bytes(b"bad")
        store.read()

    said = in_read_only(nobodys_folder, spoil)
    assert re.search(r"json is damaged, and could not be set aside \(.*Permission denied\)\. Kept: None", said)


def test_a_read_only_home_says_that_no_folder_can_be_made(nobodys_folder: Path) -> None:
    def create() -> str:
        os.setuid(NOBODY)
        nobodys_folder.chmod(0o500)
        Store(KEY, nobodys_folder / "sign-ins").create(sign_in())
        return "created"

    assert "which is to hold your sign-in, cannot be made: Permission denied." in in_child(create)


# -- secrets


def test_nothing_shows_a_secret(kept: Store) -> None:
    with kept.locked() as locked:
        shown = [repr(each) for each in (KEY, kept, locked, kept.read(), vars(kept), vars(sign_in()))]
        shown += [f"{sign_in().credentials}", f"{sign_in().tokens}"]
    shown += [path.name for path in kept.path.parent.iterdir()]
    assert not [text for text in shown if any(secret in text for secret in SECRETS)]


@pytest.mark.parametrize("content", [halved, of_version_2, of_another_sign_in])
def test_no_error_carries_a_secret(kept: Store, content: Callable[[Path], None]) -> None:
    """Neither its text nor its attributes, nor those of the errors behind it."""
    content(kept.path)
    with pytest.raises(BadFileError) as caught:
        decode(KEY, kept.path.read_bytes())
    error: BaseException | None = caught.value
    while error is not None:
        assert not any(secret in f"{error!r} {vars(error)}" for secret in SECRETS)
        error = error.__context__
    bad = sign_in(f"{SECRETS[1]}\n")
    with pytest.raises(UnavailableError) as refused:
        kept.create(bad)
    assert not any(secret in "".join(traceback.format_exception(refused.value)) for secret in SECRETS)


@pytest.mark.parametrize("leave", [pickle.dumps, copy.deepcopy, copy.copy])
def test_neither_a_sign_in_nor_its_keys_leave_the_process(leave: Callable[[object], object]) -> None:
    for each in (sign_in(), sign_in().credentials[""]):
        with pytest.raises(TypeError, match="would leave this process"):
            leave(each)


# -- any bytes


def spoilt(at: int, byte: int) -> bytes:
    content = bytearray(encode(KEY, sign_in()))
    content[at % len(content)] = byte
    return bytes(content)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=5,
)


def with_another_value(path: tuple[str, ...], value: object) -> bytes:
    document = json.loads(encode(KEY, sign_in()))
    table = document
    for name in path[:-1]:
        table = table[name]
    table[path[-1]] = value
    return json.dumps(document).encode()


PLACES = [("version",), ("key",), ("key", "endpoints"), ("tokens",), ("tokens", "id_token"), ("tokens", "expires_in")]
PLACES += [("identity_id",), ("credentials",), ("credentials", ""), ("credentials", "", "secret_access_key")]
PLACES += [("credentials", "", "useless_at"), ("credentials", "\ud800")]
contents = (
    st.binary()
    | st.builds(spoilt, st.integers(0), st.integers(0, 255))
    | st.builds(with_another_value, st.sampled_from(PLACES), json_values)
    | json_values.map(lambda value: json.dumps(value).encode())
    | st.sampled_from([b"[" * 100_000, b'{"version": 1' + b"0" * 5000 + b"}", b"\xff\xfe{\x00}\x00"])
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)
@given(content=contents)
def test_any_content_is_either_a_sign_in_or_set_aside(kept: Store, content: bytes) -> None:
    kept.remove()
    kept.problem = None
    kept.path.write_bytes(content)
    kept.path.chmod(0o600)
    found = kept.read()
    if found is None:
        assert kept.problem is not None
        assert kept.path.with_name(f"{kept.path.name}.set-aside-1").read_bytes() == content
        assert len(kept.problem) < 400
    else:
        assert kept.problem is None
        assert decode(KEY, encode(KEY, found)) == found


# -- what it costs


def test_reading_imports_neither_botocore_nor_the_lock(kept: Store) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from cognito_jupyter.credentials.store import Store, StoreKey\n"
        f"key = StoreKey({KEY.domain!r}, {KEY.client_id!r}, {KEY.user_pool_id!r}, {KEY.identity_pool_id!r},"
        f" {KEY.endpoints!r})\n"
        f"assert Store(key, Path({str(kept.path.parent)!r})).read() is not None\n"
        "print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"boto3", "botocore", "requests", "filelock", "platformdirs", "asyncio", "IPython"}
    assert not heavy & {name.partition(".")[0] for name in loaded}
