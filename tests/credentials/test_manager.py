"""The manager against a Cognito on this machine, with S3 behind it."""

from __future__ import annotations

import copy
import gc
import pickle
import time
from collections import Counter
from datetime import datetime, timedelta
from types import FrameType

import boto3
import pytest
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import ClientError

from cognito_jupyter.credentials.manager import CognitoCredentialsManager, get_authenticated_cognito_manager
from cognito_jupyter.errors import RefusedError, RoleError, SignedOutError, VerificationError
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator
from cognito_jupyter.oauth.tokens import JwtPayload, claims_of
from tests.conftest import as_tokens, credentials_of, manager_for
from tests.support.clock import FakeClock


def test_credentials_come_in_the_promised_shape(manager: CognitoCredentialsManager) -> None:
    credentials = manager.ensure_credentials("Analyst")
    assert sorted(credentials) == ["access_key_id", "expiration", "secret_access_key", "session_token"]
    assert datetime.fromisoformat(credentials["expiration"]).tzinfo is not None
    assert manager.credentials == credentials
    response = manager.creds_response
    assert response is not None
    assert response["Credentials"]["AccessKeyId"] == credentials["access_key_id"]
    assert manager.identity_id == response["IdentityId"]
    assert manager.last_role_suffix == "Analyst"


def test_no_repr_shows_a_secret(manager: CognitoCredentialsManager) -> None:
    manager.ensure_credentials("Analyst")
    session = manager.make_refreshing_session("Analyst")
    credentials = session.get_credentials()
    assert credentials is not None
    shown: list[object] = [manager, manager.credentials, manager.creds_response, manager.auth_tokens, session]
    shown += [
        credentials,
        credentials.get_frozen_credentials(),
        vars(manager),
    ]
    static = manager.make_session("Analyst").get_credentials()
    assert static is not None
    shown += [static, vars(static), static.get_frozen_credentials(), static.secret_key, static.token]
    text = "".join(repr(each) for each in shown)
    secrets = [*dict(manager.auth_tokens or {}).values(), credentials.secret_key, credentials.token]
    assert not [secret for secret in secrets if str(secret) in text]


def test_two_roles_have_separate_credentials_at_the_same_time(
    cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    """S3 confirms which role signed, before and after every kind of refresh."""
    reader, writer = (manager.make_refreshing_session(suffix).client("s3") for suffix in ("Analyst", "Uploader"))
    for refresh in (
        lambda: None,
        manager.refresh_user_pool_tokens,
        lambda: manager.get_credentials(role_suffix="Analyst"),
    ):
        refresh()
        reader.get_object(Bucket=cognito.bucket, Key=cognito.data_key)
        assert cognito.aws.proxy.requests[-1].role_arn == cognito.roles["Analyst"]
        writer.put_object(Bucket=cognito.bucket, Key="out.txt", Body=b"mine")
        assert cognito.aws.proxy.requests[-1].role_arn == cognito.roles["Uploader"]
        with pytest.raises(ClientError, match="AccessDenied"):
            reader.put_object(Bucket=cognito.bucket, Key="out.txt", Body=b"not mine")


def test_the_id_token_is_decoded_once_however_often_its_claims_are_read(
    manager: CognitoCredentialsManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change of the role reads them twenty times."""
    decoded: list[str] = []

    def count_and_decode(id_token: str) -> JwtPayload:
        decoded.append(id_token)
        return claims_of(id_token)

    monkeypatch.setattr("cognito_jupyter.credentials.user_pool_tokens.claims_of", count_and_decode)
    roles = manager.roles
    for _ in range(3):
        assert manager.roles == roles
        assert manager.claims["sub"]
        manager.ensure_credentials("Analyst")
    assert len(decoded) <= 1
    before = len(decoded)
    manager.refresh_user_pool_tokens()
    assert manager.auth_tokens is not None
    assert manager.claims == claims_of(manager.auth_tokens["id_token"])
    assert len(decoded) > before


def test_a_caller_that_changes_the_claims_changes_nothing_of_the_sign_in(manager: CognitoCredentialsManager) -> None:
    roles = manager.roles
    claims = manager.claims
    claims["cognito:roles"].clear()
    claims["sub"] = "another"
    assert manager.roles == roles
    assert manager.claims["sub"] != "another"


def test_credentials_show_the_role_requested_last(manager: CognitoCredentialsManager) -> None:
    analyst = manager.ensure_credentials("Analyst")
    uploader = manager.ensure_credentials("Uploader")
    assert analyst != uploader == manager.credentials
    assert manager.ensure_credentials() == uploader
    assert manager.ensure_credentials("Analyst") == analyst == manager.credentials


def test_a_session_for_a_role_arn_changes_neither_the_credentials_nor_the_role_of_the_next_call(
    cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    """Sharing a role works so: the user's next call without a suffix still means the user's own role."""
    analyst = manager.ensure_credentials("Analyst")
    session = manager.session_for_role(cognito.roles["Uploader"])
    assert manager.credentials_for_role(cognito.roles["Uploader"]).role_arn == cognito.roles["Uploader"]
    assert frozen(session).access_key != analyst["access_key_id"]
    assert (manager.credentials, manager.last_role_suffix) == (analyst, "Analyst")
    assert manager.ensure_credentials() == analyst
    assert manager.select_role("Uploader") == cognito.roles["Uploader"]
    assert manager.resolve_role() == cognito.roles["Uploader"]


def test_a_role_that_does_not_exist_makes_no_call_to_aws_and_changes_nothing(
    cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    """The user pool is asked once whether the role has been granted since."""
    manager.ensure_credentials("Analyst")
    before, calls = manager.credentials, cognito.counts + Counter({cognito.REFRESH: 1})
    with pytest.raises(RoleError):
        manager.ensure_credentials("NoSuchRole")
    with pytest.raises(RoleError):
        manager.get_credentials(role_suffix="NoSuchRole")
    assert (manager.credentials, manager.last_role_suffix, cognito.counts) == (before, "Analyst", calls)


def test_a_user_without_roles_gets_the_pools_default_role(
    cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator
) -> None:
    """No CustomRoleArn is sent; a suffix is refused without any call."""
    cognito.identity_pool.authenticated_role = cognito.roles["Analyst"]
    cognito.add_user("guest", "guest-password")
    manager = manager_for(cognito, authenticator, "guest")
    manager.make_refreshing_session().client("s3").get_object(Bucket=cognito.bucket, Key=cognito.data_key)
    assert cognito.aws.proxy.requests[-1].role_arn == cognito.roles["Analyst"]
    with pytest.raises(RoleError):
        manager.ensure_credentials("Analyst")


def test_the_identity_id_is_requested_once(cognito: LocalCognito, manager: CognitoCredentialsManager) -> None:
    before = cognito.counts[LocalCognito.GET_ID]
    for suffix in ("Analyst", "Uploader"):
        manager.get_credentials(role_suffix=suffix)
    assert cognito.counts[LocalCognito.GET_ID] == before + 1


def test_get_credentials_always_exchanges_and_ensure_only_when_needed(
    cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    first = manager.get_credentials(role_suffix="Analyst")
    assert manager.ensure_credentials() == first
    assert manager.get_credentials() != first


@pytest.mark.parametrize(("seconds", "refreshes"), [(0, True), (1, False)])
def test_exactly_at_the_margin_counts_as_expiring(
    cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator, seconds: int, refreshes: bool
) -> None:
    fake_clock = FakeClock()
    manager = manager_for(cognito, authenticator, clock=fake_clock.clock)
    manager.get_credentials(role_suffix="Analyst")
    response = manager.creds_response
    assert response is not None
    fake_clock.now = response["Credentials"]["Expiration"].timestamp() - 300 - seconds
    calls = cognito.counts[LocalCognito.EXCHANGE]
    manager.ensure_credentials("Analyst", timedelta(minutes=5))
    assert cognito.counts[LocalCognito.EXCHANGE] - calls == int(refreshes)


def test_tokens_near_their_end_are_refreshed_first(
    cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator
) -> None:
    cognito.knobs.id_token_seconds = 200
    manager = manager_for(cognito, authenticator)
    old = dict(manager.auth_tokens or {})
    cognito.knobs.id_token_seconds = 3600
    manager.ensure_credentials("Analyst")
    new = dict(manager.auth_tokens or {})
    assert new["id_token"] != old["id_token"]
    assert new["refresh_token"] == old["refresh_token"]


def test_a_rotated_refresh_token_replaces_the_old_one(
    cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    cognito.knobs.rotation = True
    old = dict(manager.auth_tokens or {})["refresh_token"]
    for _ in range(3):
        new = manager.refresh_user_pool_tokens()["refresh_token"]
        assert new != old
        old = new


def test_a_failed_refresh_keeps_the_tokens(cognito: LocalCognito, manager: CognitoCredentialsManager) -> None:
    current = dict(manager.auth_tokens or {})
    cognito.knobs.fail(LocalCognito.REFRESH, status=400, body='{"error":"invalid_request"}')
    with pytest.raises(PermissionError):
        manager.refresh_user_pool_tokens()
    assert dict(manager.auth_tokens or {}) == current
    assert manager.refresh_user_pool_tokens()["refresh_token"] == current["refresh_token"]


def test_a_failed_exchange_is_a_connection_error_and_keeps_the_credentials(
    cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    current = manager.ensure_credentials("Analyst")
    body = (
        '{"__type":"NotAuthorizedException","message":"Token is not from a supported provider of this identity pool."}'
    )
    cognito.knobs.fail(LocalCognito.EXCHANGE, status=400, body=body, content_type="application/x-amz-json-1.1")
    cognito.knobs.fail(LocalCognito.GET_ID, status=400, body=body, content_type="application/x-amz-json-1.1")
    with pytest.raises(ConnectionError, match="does not know this user pool's app client") as raised:
        manager.get_credentials()
    assert "identity_pool_id, user_pool_id and client_id" in str(raised.value)
    assert manager.credentials == current


def test_a_refresh_that_returns_another_users_tokens_is_rejected(
    cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    cognito.add_user("other", "other-password", ["Analyst"])
    current = dict(manager.auth_tokens or {})
    other = cognito.issue_tokens("other")
    body = f'{{"id_token":"{other["id_token"]}","access_token":"{other["access_token"]}","token_type":"Bearer"}}'
    cognito.knobs.fail(LocalCognito.REFRESH, status=200, body=body)
    with pytest.raises(VerificationError, match="another user"):
        manager.refresh_user_pool_tokens()
    assert dict(manager.auth_tokens or {}) == current


def test_another_users_sign_in_never_revives_a_session(
    cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    """The session works again once the user it was made for has signed in again."""
    cognito.add_user("other", "other-password", ["Analyst"])
    session = manager.make_refreshing_session("Analyst")
    mine = manager.auth_tokens
    manager.sign_out()
    manager.auth_tokens = as_tokens(cognito.issue_tokens("other"))
    manager.ensure_credentials("Analyst")
    with pytest.raises(SignedOutError):
        frozen(session)
    assert mine is not None
    manager.auth_tokens = as_tokens(cognito.issue_tokens("demo"))
    assert frozen(session).access_key


def frozen(session: boto3.Session) -> ReadOnlyCredentials:
    credentials = session.get_credentials()
    assert credentials is not None
    return credentials.get_frozen_credentials()


def test_signing_out_revokes_the_token_and_clears_the_manager(
    cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    session = manager.make_refreshing_session("Analyst")
    refresh_token = dict(manager.auth_tokens or {})["refresh_token"]
    manager.sign_out()
    assert (manager.auth_tokens, manager.credentials, manager.creds_response) == (None, None, None)
    with pytest.raises(SignedOutError):
        session.client("s3").list_objects_v2(Bucket=cognito.bucket)
    assert manager.authenticator is not None
    with pytest.raises(SignedOutError):
        manager.authenticator.refresh_tokens(str(refresh_token))
    manager.sign_out()


def test_nothing_refers_to_a_secret_after_signing_out(manager: CognitoCredentialsManager) -> None:
    session = manager.make_refreshing_session("Analyst")
    manager.refresh_user_pool_tokens()
    assert frozen(session).access_key
    assert manager.claims
    tokens, response = manager.auth_tokens, manager.creds_response
    assert tokens is not None
    assert response is not None
    secrets = [
        tokens["id_token"],
        tokens["access_token"],
        tokens["refresh_token"],
        response["Credentials"]["SecretKey"],
    ]
    del tokens, response
    manager.sign_out()
    manager.close()
    gc.collect()
    for secret in secrets:
        referrers = [each for each in gc.get_referrers(secret) if each is not secrets]
        assert [type(each) for each in referrers if not isinstance(each, FrameType)] == []


def test_each_method_says_that_no_user_is_signed_in(
    cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator
) -> None:
    manager = CognitoCredentialsManager(cognito.identity_pool_id, cognito.user_pool_id, cognito.region)
    with pytest.raises(PermissionError, match="no user is signed in"):
        manager.get_credentials()
    for make in (manager.make_refreshing_session, manager.make_session, manager.select_role, manager.resolve_role):
        with pytest.raises(PermissionError, match="no user is signed in"):
            make()
    with pytest.raises(ConnectionError, match="no user is signed in"):
        manager.refresh_user_pool_tokens()
    manager.auth_tokens = as_tokens(cognito.issue_tokens())
    with pytest.raises(ConnectionError, match="no authenticator"):
        manager.refresh_user_pool_tokens()
    manager.authenticator = authenticator
    manager.refresh_user_pool_tokens()
    assert manager.ensure_credentials("Analyst")


def test_a_refresh_without_a_refresh_token_is_an_error(
    cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator
) -> None:
    manager = manager_for(cognito, authenticator)
    tokens = dict(manager.auth_tokens or {})
    del tokens["refresh_token"]
    manager.auth_tokens = tokens  # type: ignore[assignment]
    with pytest.raises(RefusedError, match="no refresh token"):
        manager.refresh_user_pool_tokens()


def test_an_explicit_id_token_is_exchanged(cognito: LocalCognito, manager: CognitoCredentialsManager) -> None:
    """Another user's credentials do not get into this user's sessions."""
    cognito.add_user("other", "other-password", ["Analyst"])
    session = manager.make_refreshing_session("Analyst")
    mine = frozen(session)
    theirs = manager.get_credentials(cognito.issue_tokens("other")["id_token"], "Analyst")
    assert theirs["access_key_id"] != mine.access_key
    assert manager.credentials == theirs
    assert frozen(session) == mine
    with pytest.raises(PermissionError, match="cannot be read"):
        manager.get_credentials("not a token")


def test_a_callback_that_uses_the_credentials_does_not_hang(
    cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    """A callback may request credentials, to write them to a file for example, also after a failed refresh."""
    calls: list[str] = []

    def export() -> None:
        if len(calls) < 4:
            calls.append("called")
            manager.refresh_user_pool_tokens()
            calls.append(manager.get_credentials(role_suffix="Analyst")["access_key_id"])

    manager.on_change(export)
    manager.ensure_credentials("Analyst")
    assert len(calls) >= 4
    assert "ASIA" in calls[-1]
    calls.clear()
    cognito.knobs.fail(LocalCognito.REFRESH, status=400, body='{"error":"invalid_request"}')
    with pytest.raises(PermissionError):
        manager.refresh_user_pool_tokens()
    assert len(calls) >= 4


def test_the_manager_and_its_credentials_cannot_be_pickled_or_copied(manager: CognitoCredentialsManager) -> None:
    session = manager.make_refreshing_session("Analyst")
    for thing in (manager, session.get_credentials(), manager.make_session().get_credentials()):
        for duplicate in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError):
                duplicate(thing)


def test_the_entry_point_signs_in_and_pins_the_pool(cognito: LocalCognito, capsys: pytest.CaptureFixture[str]) -> None:
    """The whole flow in one call, with a user who opens the printed URL."""
    from cognito_jupyter.settings import CognitoConfiguration
    from tests.support.printed_login import sign_in_at_printed_url

    configuration = CognitoConfiguration(
        cognito.domain, cognito.client_id, cognito.redirect_uri, cognito.region,
        cognito.user_pool_id, cognito.identity_pool_id,
    )  # fmt: skip
    with sign_in_at_printed_url(cognito, capsys):
        manager = get_authenticated_cognito_manager(configuration)
    assert manager.authenticator is not None
    assert manager.authenticator.user_pool_id == cognito.user_pool_id
    assert manager.ensure_credentials("Analyst")


def test_an_id_token_that_expired_only_by_the_clock_of_aws_is_refreshed(
    cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    """This machine's clock was two hours behind, and was not compared with AWS's yet."""
    session = manager.make_refreshing_session("Analyst")
    first = frozen(session).access_key
    cognito.knobs.clock_offset = 7200
    next(iter(manager._role_credentials.values())).cached = None
    assert frozen(session).access_key != first
    assert manager.get_credentials()["access_key_id"] != first
    cached = credentials_of(manager, "Analyst").get_cached_credentials()
    assert 3500 < cached.expires_at - time.time() < 3700
