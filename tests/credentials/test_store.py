"""The store: what it keeps, for whom, and until when."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from cognito_jupyter.credentials.store import Store
from cognito_jupyter.credentials.store_format import StoredSignIn, StoreKey
from cognito_jupyter.errors import SignedOutError, UnavailableError
from cognito_jupyter.oauth.tokens import CognitoTokens
from tests.credentials.stored import KEY, NOBODY, SPAWN, in_child, names, needs_root, sign_in

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


@needs_root
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
