"""The store: what is stored, for which user, and until when."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from cognito_jupyter.credentials.store.sign_in import StoredSignIn, StoreKey, endpoint_overrides
from cognito_jupyter.credentials.store.store import Store
from cognito_jupyter.errors import SignedOutError, UnavailableError
from cognito_jupyter.oauth.tokens import CognitoTokens
from tests.credentials.store.sign_ins import (
    ID_TOKEN,
    KEY,
    OTHER_UID,
    file_endings,
    in_child,
    make_sign_in,
)
from tests.support.new_processes import new_process_context
from tests.support.systems import needs_fork, needs_root

# -- what is stored


def test_a_stored_sign_in_is_read_back(filled_store: Store) -> None:
    assert Store(KEY, filled_store.path.parent).read_sign_in() == make_sign_in()
    assert filled_store.warning is None


def test_an_empty_store_has_no_sign_in(store: Store) -> None:
    assert store.read_sign_in() is None
    store.delete()
    assert not store.path.parent.exists()


def test_a_login_replaces_what_is_there(filled_store: Store) -> None:
    filled_store.save_new(make_sign_in("another"))
    found = filled_store.read_sign_in()
    assert found is not None
    assert found.tokens["access_token"] == "another"
    assert file_endings(filled_store) == {""}


def test_a_sign_in_without_identity_and_credentials_is_read_back(store: Store) -> None:
    bare = StoredSignIn(CognitoTokens(id_token=ID_TOKEN, access_token="b", refresh_token=""), None, {})
    store.save_new(bare)
    assert store.read_sign_in() == bare


def test_the_default_folder_is_in_the_users_state(own_environment: Path) -> None:
    store = Store(KEY)
    store.save_new(make_sign_in())
    assert store.path.parent == own_environment / "state" / "sign-ins"
    assert store.read_sign_in() == make_sign_in()


@pytest.mark.parametrize("change", ["domain", "client_id", "user_pool_id", "identity_pool_id", "endpoints"])
def test_each_part_of_the_key_leads_to_a_separate_file(filled_store: Store, change: str) -> None:
    parts = {name: getattr(KEY, name) for name in KEY.__dataclass_fields__}
    other = StoreKey(**{**parts, change: ("http://127.0.0.1:8",) if change == "endpoints" else "other"})
    assert Store(other, filled_store.path.parent).read_sign_in() is None
    assert Store(other, filled_store.path.parent).path != filled_store.path


def test_parts_of_the_key_do_not_run_into_each_other(tmp_path: Path) -> None:
    assert (
        Store(StoreKey("a", "b", "c", "", ("d",)), tmp_path).path
        != Store(StoreKey("a", "b", "c", "d", ()), tmp_path).path
    )


@needs_fork
@needs_root
def test_each_user_of_a_shared_folder_has_a_separate_file(tmp_path: Path) -> None:
    def name_for_other_user() -> str:
        os.setuid(OTHER_UID)
        return Store(KEY, tmp_path).path.name

    assert in_child(name_for_other_user) != Store(KEY, tmp_path).path.name


@pytest.mark.parametrize("bad", ["a\nb", "ä", "\x00"])
def test_unreadable_content_is_not_written(filled_store: Store, bad: str) -> None:
    with pytest.raises(UnavailableError, match="not in a form that can be stored"):
        filled_store.save_new(make_sign_in(bad))
    with filled_store.transaction() as transaction, pytest.raises(UnavailableError):
        transaction.replace_sign_in(make_sign_in(bad))
    assert filled_store.read_sign_in() == make_sign_in()


# -- under the lock


def test_an_update_is_seen_by_all(filled_store: Store) -> None:
    with filled_store.transaction() as transaction:
        assert transaction.sign_in == make_sign_in()
        transaction.replace_sign_in(make_sign_in("second"))
        transaction.replace_sign_in(make_sign_in("third"))
        assert transaction.sign_in == make_sign_in("third")
    assert filled_store.read_sign_in() == make_sign_in("third")


def test_waiting_for_the_lock_times_out(filled_store: Store) -> None:
    with filled_store.transaction(), pytest.raises(UnavailableError, match=r"has been using .* for 0\.2 seconds"):
        with Store(KEY, filled_store.path.parent).transaction(timeout=0.2):
            pass


def test_nothing_is_replaced_after_the_lock_is_released(filled_store: Store) -> None:
    with filled_store.transaction() as transaction:
        pass
    with pytest.raises(UnavailableError, match="does not hold the lock"):
        transaction.replace_sign_in(make_sign_in("late"))
    assert filled_store.read_sign_in() == make_sign_in()


def test_an_error_under_the_lock_releases_it(filled_store: Store) -> None:
    with pytest.raises(ZeroDivisionError), filled_store.transaction():
        _ = 1 / 0
    with filled_store.transaction(timeout=0) as transaction:
        transaction.replace_sign_in(make_sign_in("next"))


def test_reading_does_not_wait_for_the_lock(filled_store: Store) -> None:
    with filled_store.transaction() as transaction:
        assert filled_store.read_sign_in() == make_sign_in()
        transaction.replace_sign_in(make_sign_in("second"))
        assert filled_store.read_sign_in() == make_sign_in("second")


def count_up(folder: str, times: int) -> None:
    """Adds one to the number in the access token, many times."""
    store = Store(KEY, Path(folder))
    for _ in range(times):
        with store.transaction() as transaction:
            assert transaction.sign_in is not None
            transaction.replace_sign_in(make_sign_in(str(int(transaction.sign_in.tokens["access_token"]) + 1)))


def test_ten_processes_lose_nothing(store: Store) -> None:
    store.save_new(make_sign_in("0"))
    context = new_process_context()
    processes = [context.Process(target=count_up, args=(str(store.path.parent), 12)) for _ in range(10)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 10
    assert store.read_sign_in() == make_sign_in("120")
    assert file_endings(store) == {""}


def test_threads_of_one_process_lose_nothing(store: Store) -> None:
    store.save_new(make_sign_in("0"))
    threads = [threading.Thread(target=count_up, args=(str(store.path.parent), 5)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.read_sign_in() == make_sign_in("30")


# -- signing out


def test_signing_out_leaves_nothing_but_the_lock(filled_store: Store) -> None:
    filled_store.path.write_bytes(b"broken")
    filled_store.save_new(make_sign_in())
    filled_store.path.with_name(f"{filled_store.path.name}.0123.part").write_text("a-refresh-token", encoding="ascii")
    other = Store(StoreKey("other", "", "", ""), filled_store.path.parent)
    other.save_new(make_sign_in())
    filled_store.delete()
    assert filled_store.read_sign_in() is None
    assert {path for path in filled_store.path.parent.iterdir() if path.suffix != ".lock"} == {other.path}
    filled_store.delete()


@pytest.mark.parametrize("how", ["remove", "unlink", "everything", "another file", "a later login"])
def test_a_deleted_file_is_not_written_back(filled_store: Store, how: str) -> None:
    with filled_store.transaction() as transaction:
        if how == "everything":
            shutil.rmtree(filled_store.path.parent)
        else:
            filled_store.path.unlink()
        if how == "another file":
            filled_store.path.symlink_to("/etc/hostname")
        if how == "a later login":
            os.rename(filled_store.path.with_name(f"{filled_store.path.name}.lock"), filled_store.path.parent / "moved")
            threaded = threading.Thread(target=filled_store.save_new, args=(make_sign_in("later"),))
            threaded.start()
            threaded.join()
        with pytest.raises(SignedOutError, match="signed out"):
            transaction.replace_sign_in(make_sign_in("revived"))
    assert filled_store.read_sign_in() == (make_sign_in("later") if how == "a later login" else None)


def test_nothing_is_written_without_a_sign_in(store: Store) -> None:
    with store.transaction() as transaction:
        assert transaction.sign_in is None
        with pytest.raises(SignedOutError):
            transaction.replace_sign_in(make_sign_in())
    assert file_endings(store) == set()


@needs_fork
def test_a_kernel_that_waited_while_another_signed_out_finds_no_sign_in(filled_store: Store) -> None:
    def read_under_lock() -> str:
        with filled_store.transaction(timeout=10) as transaction:
            return str(transaction.sign_in)

    results: list[str] = []
    with filled_store.transaction():
        thread = threading.Thread(target=lambda: results.append(in_child(read_under_lock)))
        thread.start()
        time.sleep(0.2)
        filled_store.path.unlink()
    thread.join()
    assert results == ["None"]


# -- what it costs


def test_reading_imports_neither_botocore_nor_the_lock(filled_store: Store) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from cognito_jupyter.credentials.store.sign_in import StoreKey\n"
        "from cognito_jupyter.credentials.store.store import Store\n"
        f"key = StoreKey({KEY.domain!r}, {KEY.client_id!r}, {KEY.user_pool_id!r}, {KEY.identity_pool_id!r},"
        f" {KEY.endpoints!r})\n"
        f"assert Store(key, Path({str(filled_store.path.parent)!r})).read_sign_in() is not None\n"
        "print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"boto3", "botocore", "requests", "filelock", "platformdirs", "asyncio", "IPython"}
    assert not heavy & {name.partition(".")[0] for name in loaded}


def test_the_repr_of_a_key_shows_no_password_of_an_endpoint_url() -> None:
    environment = {"AWS_ENDPOINT_URL": "https://user:hunter2@proxy.example"}
    key = StoreKey("auth.example.org", "client", "user-pool", "identity-pool", endpoint_overrides(environment))
    assert "hunter2" in key.endpoints[0]
    assert "hunter2" not in repr(key)
