"""The adapters without their libraries; the tests with the libraries are in tests/sharing/libraries."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC

import pytest

from cognito_jupyter import sharing
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.errors import CognitoError, MissingLibraryError, RoleError, SignedOutError
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator
from tests.conftest import credentials_of, manager_for
from tests.support.clock import FakeClock
from tests.support.polling import wait_until

Make = Callable[[CognitoCredentialsManager], object]


@pytest.mark.parametrize(
    ("module", "extra", "make"),
    [
        ("aiobotocore", "s3fs", sharing.s3fs_session),
        ("pyarrow", "pyarrow", sharing.pyarrow_filesystem),
        ("duckdb", "duckdb", lambda manager: sharing.duckdb_secret(manager, None)),
        ("pyspark", "spark", lambda manager: sharing.spark(manager, None)),
    ],
)
def test_a_missing_library_is_named_with_its_pip_command(
    manager: CognitoCredentialsManager, monkeypatch: pytest.MonkeyPatch, module: str, extra: str, make: Make
) -> None:
    for loaded in [name for name in sys.modules if name.partition(".")[0] == module]:
        monkeypatch.delitem(sys.modules, loaded)
    # None in sys.modules makes an import raise ModuleNotFoundError.
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingLibraryError) as caught:
        make(manager)
    assert str(caught.value) == (
        f'The package {module} is not installed. Install it: pip install "cognito_jupyter[{extra}]"'
    )
    assert isinstance(caught.value, ImportError)
    assert isinstance(caught.value, CognitoError)


def test_importing_sharing_imports_no_library() -> None:
    program = "import sys, cognito_jupyter.sharing\nprint(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    libraries = {"aiobotocore", "boto3", "botocore", "duckdb", "obstore", "polars", "pyarrow", "requests", "s3fs"}
    assert not libraries & {name.partition(".")[0] for name in loaded}


def test_polars_gets_an_expiry_before_the_credentials_expire(manager: CognitoCredentialsManager) -> None:
    """polars uses what it has until the very second of the expiry, and refuses credentials that have expired."""
    provide = sharing.polars_provider(manager, "Analyst")
    cached = credentials_of(manager, "Analyst").get_cached_credentials()
    keys, expiry = provide()
    assert keys == {
        "aws_access_key_id": cached.frozen.access_key,
        "aws_secret_access_key": cached.frozen.secret_key,
        "aws_session_token": cached.frozen.token,
    }
    assert expiry == int(cached.advisory_refresh_at)


def test_polars_gets_the_last_possible_expiry_while_the_credentials_cannot_be_refreshed(
    cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator
) -> None:
    # polars goes by this machine's clock, by which a refresh is due already.
    behind = 50 * 60
    clock, cognito.knobs.clock_offset = FakeClock(time.time() - behind), -behind
    manager = manager_for(cognito, authenticator, clock=clock.clock)
    provide = sharing.polars_provider(manager, "Analyst")
    cached = credentials_of(manager, "Analyst").get_cached_credentials()
    cognito.counts.clear()
    cognito.knobs.fail(LocalCognito.EXCHANGE, status=500, times=None)
    clock.advance(45 * 60)
    cognito.knobs.clock_offset = clock.now - time.time()
    wait_until(lambda: cognito.counts[LocalCognito.EXCHANGE] > 0, "The credentials are not refreshed.")
    keys, expiry = provide()
    assert keys["aws_access_key_id"] == cached.frozen.access_key
    assert cached.advisory_refresh_at < time.time() < cached.mandatory_refresh_at
    assert expiry == int(cached.mandatory_refresh_at)


def test_obstore_gets_the_expiration_in_the_only_utc_that_it_accepts(
    cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    provide = sharing.obstore_provider(manager, "Analyst", region_name="eu-west-1")
    cached = credentials_of(manager, "Analyst").get_cached_credentials()
    response = provide()
    assert response["access_key_id"] == cached.frozen.access_key
    assert response["secret_access_key"] == cached.frozen.secret_key
    assert response["token"] == cached.frozen.token
    assert response["expires_at"] is not None
    assert response["expires_at"].tzinfo is UTC
    assert response["expires_at"].timestamp() == pytest.approx(cached.expires_at)
    assert provide.config == {"region": "eu-west-1"}


def test_a_provider_returns_the_newest_credentials(cognito: LocalCognito, manager: CognitoCredentialsManager) -> None:
    polars, obstore = sharing.polars_provider(manager, "Analyst"), sharing.obstore_provider(manager, "Analyst")
    seen = {polars()[0]["aws_access_key_id"], obstore()["access_key_id"]}
    newest = manager.get_credentials(role_suffix="Analyst")["access_key_id"]
    assert newest not in seen
    assert {polars()[0]["aws_access_key_id"], obstore()["access_key_id"]} == {newest}


def test_each_adapter_uses_the_role_that_it_was_made_for(
    cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    analyst, uploader = (sharing.polars_provider(manager, suffix) for suffix in ("Analyst", "Uploader"))
    keys = {
        name: cognito.aws.issued_keys.get(provide()[0]["aws_access_key_id"])
        for name, provide in (("Analyst", analyst), ("Uploader", uploader))
    }
    assert {name: key.role_arn for name, key in keys.items() if key is not None} == {
        name: cognito.roles[name] for name in keys
    }
    with pytest.raises(RoleError):
        sharing.polars_provider(manager, "Unknown")


def test_a_provider_raises_after_signing_out(manager: CognitoCredentialsManager) -> None:
    providers = (sharing.polars_provider(manager), sharing.obstore_provider(manager))
    manager.sign_out()
    for provide in providers:
        with pytest.raises(SignedOutError):
            provide()


def test_a_provider_shows_no_secret_and_is_not_pickled(manager: CognitoCredentialsManager) -> None:
    keys = manager.ensure_credentials("Analyst")
    for provide in (sharing.polars_provider(manager), sharing.obstore_provider(manager)):
        shown = repr(provide) + repr(vars(provide)) + repr(provide())
        assert keys["secret_access_key"] not in shown
        assert keys["session_token"] not in shown
        with pytest.raises(TypeError, match="in the process that"):
            pickle.dumps(provide)


@pytest.mark.parametrize(
    "make",
    [
        lambda manager: manager,
        lambda manager: manager.make_refreshing_session("Analyst"),
        lambda manager: manager.make_session("Analyst"),
    ],
    ids=["manager", "session", "session of one hour"],
)
def test_what_is_sent_to_another_process_says_how_that_gets_credentials(
    manager: CognitoCredentialsManager, make: Make
) -> None:
    for send in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError) as caught:
            send(make(manager))
        assert "%cognito_share" in str(caught.value)
        for name in ("sharing.dask(manager, client)", "sharing.ray(manager)", "sharing.spark(manager, session)"):
            assert name in str(caught.value)
