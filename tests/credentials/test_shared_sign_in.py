"""Kernels that share one sign-in: real processes, a real store, a Cognito that rotates without grace."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest

from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.credentials.store.store import Store
from cognito_jupyter.errors import SignedOutError, UnavailableError
from cognito_jupyter.local import LocalCognito
from tests.conftest import as_tokens, credentials_of
from tests.support import shared_kernels
from tests.support.clock import FakeClock
from tests.support.shared_kernels import new_manager, refresh_token_of, restart_kernel, run_in_processes, store_in
from tests.support.systems import needs_fork, needs_limits, needs_modes

EXCHANGE, REFRESH, GET_ID, REVOKE = (
    LocalCognito.EXCHANGE,
    LocalCognito.REFRESH,
    LocalCognito.GET_ID,
    LocalCognito.REVOKE,
)


@pytest.fixture
def folder(cognito: LocalCognito, tmp_path: Path) -> Path:
    """The folder in which the sign-in of the demo user is stored."""
    cognito.knobs.rotation, cognito.knobs.grace = True, 0
    folder = tmp_path / "sign-ins"
    sign_in_and_store(cognito, folder)
    return folder


@pytest.fixture
def store(folder: Path) -> Store:
    return store_in(folder)


def sign_in_and_store(cognito: LocalCognito, folder: Path, username: str = "demo") -> CognitoCredentialsManager:
    """Returns the manager of a kernel in which a user has just signed in to stay signed in."""
    manager = new_manager()
    manager.adopt_tokens(as_tokens(cognito.issue_tokens(username)), store_in(folder))
    return manager


def stored_refresh_token(store: Store) -> str | None:
    found = store.read_sign_in()
    return found.tokens["refresh_token"] if found is not None else None


# -- one sign-in for all


def test_ten_processes_that_refresh_at_once_make_one_call(cognito: LocalCognito, folder: Path) -> None:
    """With rotation and no grace, a second call with the same refresh token would end the sign-in."""
    before = cognito.counts[REFRESH]
    results = run_in_processes(shared_kernels.refresh_tokens, folder)
    assert [each.error for each in results] == [""] * 10
    assert len({each.value for each in results}) == 1
    assert cognito.counts[REFRESH] - before == 1
    assert {each.value for each in results} == {stored_refresh_token(store_in(folder))}


def test_ten_processes_make_one_exchange_for_each_role(cognito: LocalCognito, folder: Path) -> None:
    before = cognito.counts.copy()
    results = run_in_processes(shared_kernels.get_credentials_of_two_roles, folder)
    assert [each.error for each in results] == [""] * 10
    assert len({each.value for each in results}) == 1
    assert cognito.counts[EXCHANGE] - before[EXCHANGE] == 2
    assert cognito.counts[GET_ID] - before[GET_ID] == 1


def test_a_kernel_that_starts_again_signs_without_any_call(cognito: LocalCognito, folder: Path) -> None:
    first = restart_kernel(folder)
    keys = credentials_of(first, "Analyst").get_cached_credentials()
    before = cognito.counts.copy()
    second = restart_kernel(folder)
    session = second.make_refreshing_session("Analyst")
    assert credentials_of(second, "Analyst").get_cached_credentials().frozen == keys.frozen
    assert second.identity_id == first.identity_id
    assert cognito.counts == before
    session.client("s3").get_object(Bucket=cognito.bucket, Key=cognito.data_key)


def test_a_kernel_that_starts_again_waits_for_no_refresh(cognito: LocalCognito, folder: Path) -> None:
    """Its id token has expired and cannot be refreshed now; the credentials are valid, which is enough to start."""
    cognito.knobs.id_token_seconds = 1
    credentials_of(sign_in_and_store(cognito, folder), "Analyst")
    cognito.knobs.fail(REFRESH, status=503, times=None)
    session = restart_kernel(folder).make_refreshing_session("Analyst")
    session.client("s3").get_object(Bucket=cognito.bucket, Key=cognito.data_key)


def test_credentials_that_another_kernel_refreshed_are_used(cognito: LocalCognito, folder: Path) -> None:
    cognito.knobs.credentials_seconds = 3
    first, second = restart_kernel(folder), restart_kernel(folder)
    for manager in (first, second):
        credentials_of(manager, "Analyst").get_cached_credentials()
    time.sleep(3.1)
    cognito.knobs.credentials_seconds = 3600
    before = cognito.counts[EXCHANGE]
    frozen = [credentials_of(manager, "Analyst").get_cached_credentials().frozen for manager in (first, second)]
    assert frozen[0] == frozen[1]
    assert cognito.counts[EXCHANGE] - before == 1


def test_a_wider_margin_than_the_stored_credentials_have_is_honoured(cognito: LocalCognito, folder: Path) -> None:
    cognito.knobs.credentials_seconds = 60
    restart_kernel(folder).ensure_credentials("Analyst", timedelta(0))
    time.sleep(2)
    before = cognito.counts[EXCHANGE]
    manager = restart_kernel(folder)
    manager.ensure_credentials("Analyst", timedelta(seconds=58.5))
    assert cognito.counts[EXCHANGE] - before == 1


def test_refreshing_in_turns_never_uses_a_token_twice(cognito: LocalCognito, folder: Path, store: Store) -> None:
    first, second = restart_kernel(folder), restart_kernel(folder)
    for manager in (first, second, second, first, second):
        manager.refresh_user_pool_tokens()
        assert refresh_token_of(manager) == stored_refresh_token(store)
    assert not first.ended
    assert not second.ended


def test_a_callback_may_request_credentials_when_tokens_are_refreshed_for_an_exchange(
    cognito: LocalCognito, folder: Path
) -> None:
    """The thread that refreshes them then holds the role's lock, for which the callback would wait."""
    manager = new_manager()
    expired = int(time.time()) - 1
    manager.adopt_tokens(as_tokens(cognito.issue_tokens("demo", iat=expired - 300, exp=expired)), store_in(folder))
    access_keys: list[str] = []

    def callback() -> None:
        if not access_keys:
            access_keys.append("")
            access_keys.append(manager.get_credentials(role_suffix="Analyst")["access_key_id"])

    manager.on_change(callback)
    thread = threading.Thread(target=manager.make_refreshing_session, args=["Analyst"], daemon=True)
    thread.start()
    thread.join(30)
    assert not thread.is_alive()
    assert access_keys[1].startswith("ASIA")


def test_the_promised_api_never_touches_the_store(
    cognito: LocalCognito, manager: CognitoCredentialsManager, own_environment: Path
) -> None:
    manager.ensure_credentials("Analyst")
    manager.refresh_user_pool_tokens()
    manager.make_refreshing_session("Uploader")
    manager.sign_out()
    assert not (own_environment / "state").exists()


# -- signing out


def test_signing_out_in_one_kernel_signs_the_others_out_at_their_next_refresh(
    cognito: LocalCognito, folder: Path, store: Store
) -> None:
    first, second = restart_kernel(folder), restart_kernel(folder)
    session = second.make_refreshing_session("Analyst")
    first.sign_out()
    assert session.get_credentials() is not None
    before = cognito.counts.copy()
    with pytest.raises(SignedOutError, match="in another kernel"):
        second.refresh_user_pool_tokens()
    with pytest.raises(SignedOutError):
        second.make_refreshing_session("Uploader")
    assert second.ended
    assert cognito.counts == before
    assert not store.path.exists()


def test_signing_out_is_noticed_when_credentials_are_refreshed(
    cognito: LocalCognito, folder: Path, store: Store
) -> None:
    """The other kernel's id token is valid for another hour, but is not exchanged any more."""
    first, second = restart_kernel(folder), restart_kernel(folder)
    credentials_of(second, "Analyst")
    store.path.unlink()
    before = cognito.counts[EXCHANGE]
    with pytest.raises(SignedOutError, match="in another kernel"):
        credentials_of(second, "Uploader")
    assert second.ended
    assert cognito.counts[EXCHANGE] == before
    assert not store.path.exists()
    del first


def test_signing_out_revokes_the_newest_token_and_leaves_no_file(cognito: LocalCognito, folder: Path) -> None:
    first, second = restart_kernel(folder), restart_kernel(folder)
    second.refresh_user_pool_tokens()
    newest = refresh_token_of(second)
    first.sign_out()
    assert not [path for path in folder.iterdir() if path.suffix != ".lock"]
    with pytest.raises(PermissionError):
        new_manager().authenticator.refresh_tokens(newest)  # type: ignore[union-attr]


def test_signing_out_leaves_another_users_stored_sign_in(cognito: LocalCognito, folder: Path) -> None:
    first = restart_kernel(folder)
    cognito.add_user("other", "other-password", ["Analyst"])
    other = sign_in_and_store(cognito, folder, "other")
    first.sign_out()
    assert stored_refresh_token(store_in(folder)) == refresh_token_of(other)


def test_another_users_sign_in_never_revives_a_session(cognito: LocalCognito, folder: Path) -> None:
    clock = FakeClock()
    session = restart_kernel(folder, clock=clock.clock).make_refreshing_session("Analyst")
    cognito.add_user("other", "other-password", ["Analyst"])
    other = sign_in_and_store(cognito, folder, "other")
    clock.advance(3600)
    keys = session.get_credentials()
    assert keys is not None
    with pytest.raises(SignedOutError, match="Another user has signed in"):
        keys.get_frozen_credentials()
    assert stored_refresh_token(store_in(folder)) == refresh_token_of(other)


def test_the_same_user_signing_in_again_in_another_kernel_revives_the_sessions(
    cognito: LocalCognito, folder: Path
) -> None:
    clock = FakeClock()
    first = restart_kernel(folder, clock=clock.clock)
    session = first.make_refreshing_session("Analyst")
    keys = session.get_credentials()
    assert keys is not None
    restart_kernel(folder).sign_out()
    clock.advance(3600)
    with pytest.raises(SignedOutError):
        keys.get_frozen_credentials()
    sign_in_and_store(cognito, folder)
    cognito.knobs.clock_offset = 3600
    clock.advance(60)  # until then the last failure is repeated
    assert keys.get_frozen_credentials().access_key
    assert not first.ended


@needs_fork
def test_a_kernel_killed_while_it_writes_leaves_a_usable_sign_in(
    cognito: LocalCognito, folder: Path, store: Store
) -> None:
    """With rotation, and a grace period for the responses that are lost with the killed kernel."""
    cognito.knobs.grace = 60
    (result,) = run_in_processes(shared_kernels.kill_children_while_they_refresh, folder, 1)
    assert (result.error, result.value) == ("", 25)
    assert store.read_sign_in() is not None
    assert store.warning is None
    manager = restart_kernel(folder)
    manager.refresh_user_pool_tokens()
    assert credentials_of(manager, "Analyst").access_key
    assert refresh_token_of(manager) == stored_refresh_token(store)
    assert {path.suffix for path in folder.iterdir()} == {".sign-in", ".lock"}


# -- a store that fails


def test_a_login_that_cannot_be_stored_works_with_a_warning(cognito: LocalCognito, tmp_path: Path) -> None:
    (tmp_path / "sign-ins").write_text("", encoding="ascii")
    manager = sign_in_and_store(cognito, tmp_path / "sign-ins")
    assert manager.shared_sign_in.path is None
    assert "lasts as long as its kernel" in str(manager.shared_sign_in.warning)
    assert "is not a folder" in str(manager.shared_sign_in.warning)
    assert credentials_of(manager, "Analyst").access_key
    manager.refresh_user_pool_tokens()


def test_a_process_that_hangs_with_the_lock_does_not_end_the_sign_in(
    cognito: LocalCognito, folder: Path, store: Store
) -> None:
    """Both the memory and the file get the new tokens."""
    hold = (
        "import sys, time; from pathlib import Path\n"
        "from cognito_jupyter.credentials.store.files import InterProcessLock\n"
        "with InterProcessLock(Path(sys.argv[1]), 5):\n    print('locked', flush=True)\n    time.sleep(60)"
    )
    hung = subprocess.Popen([sys.executable, "-c", hold, str(store.path)], stdout=subprocess.PIPE)
    try:
        assert hung.stdout is not None
        assert hung.stdout.readline() == b"locked\n"
        manager = restart_kernel(folder, lock_timeout=0.2)
        assert credentials_of(manager, "Analyst").access_key
        assert "has been using" in str(manager.shared_sign_in.warning)
        manager.refresh_user_pool_tokens()
        assert refresh_token_of(manager) == stored_refresh_token(store)
    finally:
        hung.kill()
        hung.communicate()
    manager.refresh_user_pool_tokens()
    assert manager.shared_sign_in.warning is None
    assert refresh_token_of(manager) == stored_refresh_token(store)


def test_a_damaged_file_does_not_end_the_sign_in(cognito: LocalCognito, folder: Path, store: Store) -> None:
    manager = restart_kernel(folder)
    store.path.write_bytes(b"damaged")
    manager.refresh_user_pool_tokens()
    assert credentials_of(manager, "Analyst").access_key
    assert "is damaged, and was set aside as" in str(manager.shared_sign_in.warning)
    assert not store.path.exists()
    assert not manager.ended


def refresh_without_disk_space(manager: CognitoCredentialsManager) -> list[object]:
    """Refreshes twice while the file cannot be written, then makes room; returns both tokens and both warnings."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    manager.refresh_user_pool_tokens()
    first = refresh_token_of(manager)
    warning = manager.shared_sign_in.warning
    manager.refresh_user_pool_tokens()
    second = refresh_token_of(manager)
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    credentials_of(manager, "Analyst")
    return [first, second, warning, manager.shared_sign_in.warning]


@needs_limits
def test_a_rotated_token_that_could_not_be_written_is_written_with_the_next_write(
    cognito: LocalCognito, folder: Path, store: Store
) -> None:
    """While the disk is full this kernel continues; the others continue as soon as there is room."""
    other = restart_kernel(folder)
    old = stored_refresh_token(store)
    (result,) = run_in_processes(refresh_without_disk_space, folder, 1)
    assert result.error == ""
    first, second, warning, warning_afterwards = result.value
    assert len({old, first, second}) == 3
    assert "is unchanged" in str(warning)
    assert warning_afterwards is None
    assert stored_refresh_token(store) == second
    other.refresh_user_pool_tokens()
    assert refresh_token_of(other) == stored_refresh_token(store)


def test_a_kernel_refused_by_cognito_continues_once_newer_tokens_are_stored(
    cognito: LocalCognito, folder: Path, store: Store
) -> None:
    first, second = restart_kernel(folder), restart_kernel(folder)
    assert second.authenticator is not None
    newer = second.authenticator.refresh_tokens(refresh_token_of(first))
    with pytest.raises(SignedOutError):
        first.refresh_user_pool_tokens()
    before = cognito.counts[REFRESH]
    with pytest.raises(SignedOutError):
        first.refresh_user_pool_tokens()
    assert cognito.counts[REFRESH] == before
    stored = store.read_sign_in()
    assert stored is not None
    with store.transaction() as transaction:
        transaction.replace_sign_in(type(stored)(as_tokens({**stored.tokens, **newer}), None, {}))  # type: ignore[dict-item]
    first.refresh_user_pool_tokens()
    assert not first.ended


@needs_modes
def test_an_untrusted_folder_does_not_end_the_sign_in(folder: Path) -> None:
    manager = restart_kernel(folder)
    folder.chmod(0o755)
    manager.refresh_user_pool_tokens()
    assert credentials_of(manager, "Analyst").access_key
    assert "chmod 700" in str(manager.shared_sign_in.warning)
    with pytest.raises(UnavailableError, match="chmod 700"):
        new_manager().restore_from_store(store_in(folder))
    assert os.stat(folder).st_mode & 0o777 == 0o755
