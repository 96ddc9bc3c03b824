"""A stored sign-in that the user pool has ended: one kernel gets the refusal, and all others know without a call."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.errors import SignedOutError
from cognito_jupyter.local import LocalCognito
from tests.conftest import as_tokens, credentials_of
from tests.support.forked_commands import SCRIPT
from tests.support.shared_kernels import new_manager, refresh_token_of, restart_kernel, store_in

REFRESH = LocalCognito.REFRESH


@pytest.fixture
def folder(cognito: LocalCognito, tmp_path: Path) -> Path:
    folder = tmp_path / "sign-ins"
    sign_in_and_store(cognito, folder)
    return folder


def sign_in_and_store(cognito: LocalCognito, folder: Path) -> CognitoCredentialsManager:
    manager = new_manager()
    manager.adopt_tokens(as_tokens(cognito.issue_tokens()), store_in(folder))
    return manager


def end_the_sign_in(manager: CognitoCredentialsManager) -> None:
    """Has the user pool end the sign-in, and this kernel get the refusal."""
    assert manager.authenticator is not None
    manager.authenticator.revoke(refresh_token_of(manager))
    with pytest.raises(SignedOutError, match="has ended"):
        manager.refresh_user_pool_tokens()


def test_a_kernel_that_starts_later_knows_it_without_a_call(cognito: LocalCognito, folder: Path) -> None:
    """Also while the stored credentials are valid: nothing new starts after the user pool has refused."""
    first = restart_kernel(folder)
    credentials_of(first, "Analyst")
    end_the_sign_in(first)
    before = cognito.counts.copy()
    for _ in range(3):
        manager = restart_kernel(folder)
        assert manager.ended
        for call in (manager.make_refreshing_session, manager.ensure_credentials, manager.refresh_user_pool_tokens):
            with pytest.raises(SignedOutError, match=r"The sign-in has ended: .* Sign in again: %cognito_login"):
                call()
    assert cognito.counts == before


def test_a_running_kernel_notices_at_its_next_refresh_without_a_call(cognito: LocalCognito, folder: Path) -> None:
    first, second = restart_kernel(folder), restart_kernel(folder)
    session = second.make_refreshing_session("Analyst")
    end_the_sign_in(first)
    before = cognito.counts.copy()
    with pytest.raises(SignedOutError, match="has ended"):
        second.make_refreshing_session("Uploader")
    assert second.ended
    assert cognito.counts == before
    session.client("s3").get_object(Bucket=cognito.bucket, Key=cognito.data_key)


def test_signing_in_again_revives_all_kernels(cognito: LocalCognito, folder: Path) -> None:
    first, second = restart_kernel(folder), restart_kernel(folder)
    end_the_sign_in(first)
    with pytest.raises(SignedOutError):
        second.refresh_user_pool_tokens()
    sign_in_and_store(cognito, folder)
    for manager in (first, second, restart_kernel(folder)):
        manager.refresh_user_pool_tokens()
        assert not manager.ended
        assert credentials_of(manager, "Analyst").access_key


def test_signing_out_deletes_the_ended_sign_in(folder: Path) -> None:
    end_the_sign_in(restart_kernel(folder))
    restart_kernel(folder).sign_out()
    assert {path.suffix for path in folder.iterdir()} == {".lock"}


def test_the_end_is_not_written_while_another_kernel_holds_the_lock(folder: Path) -> None:
    """It may have newer tokens already, and be about to write them."""
    manager = restart_kernel(folder, lock_timeout=0.1)
    store = store_in(folder)
    before = store.path.read_bytes()
    with store.transaction() as transaction:
        end_the_sign_in(manager)
        assert store.path.read_bytes() == before
        assert transaction.sign_in is not None
        transaction.replace_sign_in(transaction.sign_in)
    assert not restart_kernel(folder).ended


def test_a_credential_process_reports_the_end_without_a_call(cognito: LocalCognito, folder: Path) -> None:
    end_the_sign_in(restart_kernel(folder))
    before = cognito.counts.copy()
    command = [SCRIPT, "credential-process"]
    done = subprocess.run([*command, str(store_in(folder).path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "The sign-in has ended" in done.stderr
    assert "cognito-jupyter login" in done.stderr
    assert cognito.counts == before


def test_an_outage_does_not_count_as_the_end(cognito: LocalCognito, folder: Path) -> None:
    cognito.knobs.fail(REFRESH, status=400, body='{"error":"invalid_client"}')
    with pytest.raises(PermissionError):
        restart_kernel(folder).refresh_user_pool_tokens()
    assert not restart_kernel(folder).ended
