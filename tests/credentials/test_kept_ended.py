"""A kept sign-in that the user pool has ended: whoever is told so tells the others, and nobody asks again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cognito_jupyter.credentials import keeper
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.errors import SignedOutError
from cognito_jupyter.local import LocalCognito
from tests.conftest import as_tokens
from tests.credentials.kernels import new_manager, restarted, store_in, token_of

REFRESH = "token:refresh_token"


@pytest.fixture
def folder(cognito: LocalCognito, tmp_path: Path) -> Path:
    folder = tmp_path / "sign-ins"
    signed_in(cognito, folder)
    return folder


def signed_in(cognito: LocalCognito, folder: Path) -> CognitoCredentialsManager:
    manager = new_manager()
    manager.sign_in(as_tokens(cognito.issue_tokens()), store_in(folder))
    return manager


def end(manager: CognitoCredentialsManager) -> None:
    """The user pool ends it, and this kernel hears of it."""
    assert manager.authenticator is not None
    manager.authenticator.revoke(token_of(manager))
    with pytest.raises(SignedOutError, match="has ended"):
        manager.refresh_user_pool_tokens()


def test_a_kernel_that_starts_later_knows_it_and_does_not_ask(cognito: LocalCognito, folder: Path) -> None:
    """Also while the keys in the file are good: nobody begins anything new behind the user pool's back."""
    first = restarted(folder)
    first.live_credentials("Analyst")
    end(first)
    asked = cognito.counts.copy()
    for _ in range(3):
        manager = restarted(folder)
        assert manager.ended
        for call in (manager.make_refreshing_session, manager.ensure_credentials, manager.refresh_user_pool_tokens):
            with pytest.raises(SignedOutError, match=r"The sign-in has ended: .* Sign in again\."):
                call()
    assert cognito.counts == asked


def test_a_kernel_that_runs_hears_of_it_at_its_next_renewal_and_does_not_ask(
    cognito: LocalCognito, folder: Path
) -> None:
    first, second = restarted(folder), restarted(folder)
    session = second.make_refreshing_session("Analyst")
    end(first)
    asked = cognito.counts.copy()
    with pytest.raises(SignedOutError, match="has ended"):
        second.make_refreshing_session("Uploader")
    assert second.ended
    assert cognito.counts == asked
    session.client("s3").get_object(Bucket=cognito.bucket, Key=cognito.data_key)


def test_whoever_signs_in_again_revives_all_kernels(cognito: LocalCognito, folder: Path) -> None:
    first, second = restarted(folder), restarted(folder)
    end(first)
    with pytest.raises(SignedOutError):
        second.refresh_user_pool_tokens()
    signed_in(cognito, folder)
    for manager in (first, second, restarted(folder)):
        manager.refresh_user_pool_tokens()
        assert not manager.ended
        assert manager.live_credentials("Analyst").access_key


def test_signing_out_takes_away_what_is_left_of_it(folder: Path) -> None:
    end(restarted(folder))
    restarted(folder).sign_out()
    assert {path.suffix for path in folder.iterdir()} == {".lock"}


def test_while_another_kernel_holds_the_lock_nothing_is_noted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have newer tokens already, and be about to write them."""
    monkeypatch.setattr(keeper, "_PATIENCE", 0.1)
    manager = restarted(folder)
    store = store_in(folder)
    before = store.path.read_bytes()
    with store.locked() as turn:
        end(manager)
        assert store.path.read_bytes() == before
        assert turn.sign_in is not None
        turn.replace(turn.sign_in)
    assert not restarted(folder).ended


def test_a_credential_process_says_it_and_asks_nobody(cognito: LocalCognito, folder: Path) -> None:
    end(restarted(folder))
    asked = cognito.counts.copy()
    command = [str(Path(sys.executable).with_name("cognito-jupyter")), "credential-process"]
    done = subprocess.run([*command, str(store_in(folder).path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "The sign-in has ended" in done.stderr
    assert "cognito-jupyter login" in done.stderr
    assert cognito.counts == asked


def test_an_outage_is_not_taken_for_the_end(cognito: LocalCognito, folder: Path) -> None:
    cognito.knobs.fail(REFRESH, status=400, body='{"error":"invalid_client"}')
    with pytest.raises(PermissionError):
        restarted(folder).refresh_user_pool_tokens()
    assert not restarted(folder).ended
