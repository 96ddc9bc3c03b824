"""A remembered sign-in on a full disk, or in a read-only home: work continues, and nothing is lost."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.credentials.store.store import Store
from cognito_jupyter.errors import SignedOutError, UnavailableError
from cognito_jupyter.local import LocalCognito
from tests.conftest import as_tokens, credentials_of
from tests.support.polling import wait_until
from tests.support.shared_kernels import new_manager, refresh_token_of, restart_kernel, store_in
from tests.support.systems import needs_limits

from .disks import Disk, full_disk, read_only_folder

EXCHANGE = LocalCognito.EXCHANGE
FILE_UNCHANGED = re.compile(r".* is unchanged, .*: (File too large|Permission denied)\. Make .*\.")
pytestmark = needs_limits
each_disk = pytest.mark.parametrize("disk", [full_disk, read_only_folder])


@pytest.fixture
def folder(cognito: LocalCognito, tmp_path: Path) -> Path:
    """The folder of the demo user's stored sign-in; a refresh token can be used only once."""
    cognito.knobs.rotation, cognito.knobs.grace = True, 0
    signed_in(cognito, tmp_path / "sign-ins")
    return tmp_path / "sign-ins"


@pytest.fixture
def store(folder: Path) -> Store:
    return store_in(folder)


def signed_in(cognito: LocalCognito, folder: Path) -> CognitoCredentialsManager:
    manager = new_manager()
    manager.adopt_tokens(as_tokens(cognito.issue_tokens()), store_in(folder))
    return manager


def stored_refresh_token(store: Store) -> str:
    found = store.read_sign_in()
    assert found is not None
    return str(found.tokens["refresh_token"])


def files(folder: Path) -> set[str]:
    return {path.suffix for path in folder.iterdir()} if folder.exists() else set()


def can_refresh_twice(cognito: LocalCognito, manager: CognitoCredentialsManager) -> bool:
    """Refreshes the tokens twice, and exchanges them for valid credentials."""
    for _ in range(2):
        manager.refresh_user_pool_tokens()
    key = cognito.aws.issued_keys.get(manager.get_credentials(role_suffix="Analyst")["access_key_id"])
    return key is not None and key.expires > cognito.knobs.now()


@pytest.mark.parametrize(
    ("disk", "below"),
    [(full_disk, ""), (read_only_folder, ""), (read_only_folder, "state/sign-ins")],
    ids=["full", "read-only folder", "read-only home"],
)
def test_a_login_works_and_lasts_as_long_as_its_kernel_runs(
    cognito: LocalCognito, tmp_path: Path, disk: Disk, below: str
) -> None:
    """The next login, once the disk can be written to, is stored."""
    home = tmp_path / "sign-ins"
    home.mkdir(mode=0o700)
    folder = home / below
    with disk(home):
        manager = signed_in(cognito, folder)
        assert manager.shared_sign_in.path is None
        assert re.fullmatch(
            r"This sign-in lasts as long as its kernel\. .* Make .*\.", str(manager.shared_sign_in.warning)
        )
        assert can_refresh_twice(cognito, manager)
        s3 = manager.make_session("Analyst").client("s3")
        assert s3.list_objects_v2(Bucket=cognito.bucket)["KeyCount"]
    assert can_refresh_twice(cognito, manager)
    assert files(folder) <= {".lock"}
    assert signed_in(cognito, folder).shared_sign_in.warning is None
    assert can_refresh_twice(cognito, restart_kernel(folder))


@each_disk
def test_a_login_that_cannot_be_written_leaves_the_stored_sign_in_unchanged(
    cognito: LocalCognito, folder: Path, store: Store, disk: Disk
) -> None:
    before = store.path.read_bytes()
    with disk(folder):
        manager = signed_in(cognito, folder)
        assert can_refresh_twice(cognito, manager)
        assert "lasts as long as its kernel" in str(manager.shared_sign_in.warning)
    assert store.path.read_bytes() == before
    assert files(folder) == {".sign-in", ".lock"}
    assert can_refresh_twice(cognito, restart_kernel(folder))


@each_disk
def test_rotated_tokens_that_cannot_be_written_stay_in_memory_and_are_written_with_the_next_credentials(
    cognito: LocalCognito, folder: Path, store: Store, disk: Disk
) -> None:
    """Another kernel finds the sign-in ended, and continues as soon as the newest tokens are stored."""
    first, second = restart_kernel(folder), restart_kernel(folder)
    before = store.path.read_bytes()
    with disk(folder):
        assert can_refresh_twice(cognito, first)
        assert FILE_UNCHANGED.fullmatch(str(first.shared_sign_in.warning))
        with pytest.raises(SignedOutError):
            second.refresh_user_pool_tokens()
        assert store.path.read_bytes() == before
        assert files(folder) == {".sign-in", ".lock"}
    first.get_credentials(role_suffix="Analyst")
    assert first.shared_sign_in.warning is not None, "get_credentials does not write to the store"
    credentials_of(first, "Uploader")
    assert first.shared_sign_in.warning is None
    assert stored_refresh_token(store) == refresh_token_of(first)
    for manager in (second, first, restart_kernel(folder)):
        assert can_refresh_twice(cognito, manager)
        assert refresh_token_of(manager) == stored_refresh_token(store)


@each_disk
def test_pending_tokens_are_written_as_soon_as_the_disk_has_room(
    cognito: LocalCognito, folder: Path, store: Store, disk: Disk
) -> None:
    """Only this kernel has them, and it may end at any time."""
    with disk(folder):
        manager = restart_kernel(folder)
        session = manager.make_refreshing_session("Analyst")
        manager.refresh_user_pool_tokens()
        assert stored_refresh_token(store) != refresh_token_of(manager)
    calls = cognito.counts.copy()
    manager._refresher.loop.ensure_running(run_now=True)
    wait_until(lambda: stored_refresh_token(store) == refresh_token_of(manager), "not written")
    assert cognito.counts == calls
    wait_until(lambda: manager.shared_sign_in.warning is None, lambda: str(manager.shared_sign_in.warning))
    assert session.get_credentials() is not None
    assert can_refresh_twice(cognito, restart_kernel(folder))


@each_disk
def test_a_kernel_whose_stored_tokens_are_refused_ends_the_sign_in_of_no_other_kernel(
    cognito: LocalCognito, folder: Path, store: Store, disk: Disk
) -> None:
    """It marks the stored tokens as refused; newer tokens replace the mark."""
    first, second = restart_kernel(folder), restart_kernel(folder)
    with disk(folder):
        first.refresh_user_pool_tokens()
    with pytest.raises(SignedOutError):
        second.refresh_user_pool_tokens()
    assert restart_kernel(folder).ended
    credentials_of(first, "Analyst")
    for manager in (second, first, restart_kernel(folder)):
        assert not manager.ended or manager is second
        assert can_refresh_twice(cognito, manager)
        assert not manager.ended


@each_disk
def test_refreshed_credentials_that_cannot_be_written_are_used_and_the_next_ones_are_shared(
    cognito: LocalCognito, folder: Path, store: Store, disk: Disk
) -> None:
    manager = restart_kernel(folder)
    before = store.path.read_bytes()
    with disk(folder):
        first = credentials_of(manager, "Analyst").get_cached_credentials()
        assert FILE_UNCHANGED.fullmatch(str(manager.shared_sign_in.warning))
        manager.ensure_credentials("Analyst", timedelta(hours=1))
        second = credentials_of(manager, "Analyst").get_cached_credentials()
        assert second.frozen != first.frozen
    assert store.path.read_bytes() == before
    manager.ensure_credentials("Analyst", timedelta(hours=1))
    assert manager.shared_sign_in.warning is None
    calls = cognito.counts[EXCHANGE]
    assert credentials_of(restart_kernel(folder), "Analyst").access_key == credentials_of(manager, "Analyst").access_key
    assert cognito.counts[EXCHANGE] == calls


@pytest.mark.parametrize("refreshed", [False, True])
def test_signing_out_on_a_full_disk_revokes_and_removes_everything(
    cognito: LocalCognito, folder: Path, store: Store, refreshed: bool
) -> None:
    """The newest refresh token is revoked too, although it was never written to a file."""
    manager = restart_kernel(folder)
    with full_disk(folder):
        if refreshed:
            manager.refresh_user_pool_tokens()
        newest = refresh_token_of(manager)
        manager.sign_out()
        assert files(folder) == {".lock"}
    check_refused(newest)


@pytest.mark.parametrize("refreshed", [False, True])
def test_signing_out_in_a_read_only_home_revokes_and_names_the_file_that_is_left(
    cognito: LocalCognito, folder: Path, store: Store, refreshed: bool
) -> None:
    """A second sign-out removes the file, once the home can be written to."""
    manager = restart_kernel(folder)
    session = manager.make_refreshing_session("Analyst")
    with read_only_folder(folder):
        if refreshed:
            manager.refresh_user_pool_tokens()
        newest = refresh_token_of(manager)
        with pytest.raises(UnavailableError, match=re.escape(str(store.path))) as caught:
            manager.sign_out()
        assert "could not be removed: Permission denied." in caught.value.what
        assert caught.value.remedy
        assert manager.auth_tokens is None
        credentials = session.get_credentials()
        assert credentials is not None
        with pytest.raises(SignedOutError):
            credentials.get_frozen_credentials()
    check_refused(newest)
    restart_kernel(folder).sign_out()
    assert files(folder) == {".lock"}


def check_refused(refresh_token: str) -> None:
    authenticator = new_manager().authenticator
    assert authenticator is not None
    with pytest.raises(SignedOutError):
        authenticator.refresh_tokens(refresh_token)
