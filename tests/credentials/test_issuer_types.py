"""A user pool with either type of issuer, and one that is switched while users are signed in."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import jwt
import pytest

from cognito_jupyter import CognitoOAuthAuthenticator
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.credentials.remembered import default_store
from cognito_jupyter.errors import CredentialsError, SettingError, VerificationError
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.aws_responses import aws_error
from cognito_jupyter.local.login_page_client import submit_login
from cognito_jupyter.local.model import AppClient
from cognito_jupyter.oauth.tokens import CognitoTokens
from cognito_jupyter.settings import CognitoConfiguration, Settings


def log_in(cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator) -> CognitoTokens:
    """Returns the tokens of a login whose URL was pasted."""
    with authenticator.begin_login(listen=False) as login:
        user = cognito.demo_user
        login.handle_pasted_url(
            submit_login(login.authorization_url, user.username, user.password, follow_callback=False)
        )
        return login.tokens()


def issuer_of(tokens: CognitoTokens | None) -> str:
    assert tokens is not None
    return str(jwt.decode(tokens["id_token"], options={"verify_signature": False})["iss"])


def authenticator_for(cognito: LocalCognito, *, pinned: bool, region: str | None = None) -> CognitoOAuthAuthenticator:
    return CognitoOAuthAuthenticator(
        cognito.domain,
        cognito.client_id,
        cognito.redirect_uri,
        region or cognito.region,
        user_pool_id=cognito.user_pool_id if pinned else None,
    )


def manager_of(cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator) -> CognitoCredentialsManager:
    tokens = log_in(cognito, authenticator)
    return CognitoCredentialsManager(
        cognito.identity_pool_id, cognito.user_pool_id, cognito.region, tokens, authenticator
    )


@pytest.fixture
def replica(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalCognito]:
    """A user pool of Ireland with a replica in Frankfurt, which issues the tokens."""
    with LocalCognito(aws=False, region="eu-west-1", replica_regions=["eu-central-1"]) as cognito:
        for name, value in cognito.environment.items():
            monkeypatch.setenv(name, value)
        cognito.knobs.issuing_region = "eu-central-1"
        yield cognito


@pytest.mark.parametrize("pinned", [True, False])
def test_a_pool_with_the_updated_issuer_signs_a_user_in(cognito: LocalCognito, pinned: bool) -> None:
    cognito.knobs.issuer_type = "UPDATED"
    before = cognito.counts[cognito.GET_ID]
    manager = manager_of(cognito, authenticator_for(cognito, pinned=pinned))
    assert issuer_of(manager.auth_tokens).startswith("https://issuer-cognito-idp.us-east-1.")
    assert manager.ensure_credentials("Analyst")["access_key_id"].startswith("ASIA")
    assert cognito.counts[cognito.GET_ID] == before + 1, "the key in Logins follows the token's issuer"


@pytest.mark.parametrize(("before", "after"), [("ORIGINAL", "UPDATED"), ("UPDATED", "ORIGINAL")])
def test_a_pool_that_is_switched_goes_on_for_the_user_who_is_signed_in(
    cognito: LocalCognito, before: str, after: str
) -> None:
    cognito.knobs.issuer_type = before  # type: ignore[assignment]
    manager = manager_of(cognito, authenticator_for(cognito, pinned=True))
    session = manager.make_refreshing_session("Analyst")
    first, identity = frozen(session), manager.identity_id
    cognito.knobs.issuer_type = after  # type: ignore[assignment]
    old_issuer = issuer_of(manager.auth_tokens)
    manager.refresh_user_pool_tokens()
    assert issuer_of(manager.auth_tokens) != old_issuer
    assert manager.get_credentials(role_suffix="Analyst")["access_key_id"] != first
    assert frozen(session) != first, "the session of the time before the switch has the new credentials"
    assert manager.identity_id == identity
    assert manager.warning is None


def test_a_pool_that_is_switched_goes_on_for_a_remembered_sign_in(cognito: LocalCognito) -> None:
    """The stored tokens are of one form, and those of the next kernel's refresh of the other."""
    authenticator = authenticator_for(cognito, pinned=True)
    pools = CognitoConfiguration(
        cognito.domain,
        cognito.client_id,
        cognito.redirect_uri,
        cognito.region,
        cognito.user_pool_id,
        cognito.identity_pool_id,
    )
    store = default_store(Settings(pools))
    first = CognitoCredentialsManager.from_settings(Settings(pools), authenticator)
    first.adopt_tokens(log_in(cognito, authenticator), store)
    second = CognitoCredentialsManager.from_settings(Settings(pools), authenticator)
    assert second.restore_from_store(default_store(Settings(pools)))
    cognito.knobs.issuer_type = "UPDATED"
    second.refresh_user_pool_tokens()
    assert first.refresh_user_pool_tokens() == second.auth_tokens, "one kernel uses what the other has refreshed"
    assert first.ensure_credentials("Analyst")["access_key_id"].startswith("ASIA")


@pytest.mark.parametrize("pinned", [True, False])
@pytest.mark.parametrize("region", ["eu-west-1", "eu-central-1"])
def test_a_replica_signs_a_user_in(replica: LocalCognito, pinned: bool, region: str) -> None:
    authenticator = authenticator_for(replica, pinned=pinned, region=region)
    tokens = log_in(replica, authenticator)
    assert issuer_of(tokens) == f"https://cognito-idp.eu-central-1.amazonaws.com/{replica.user_pool_id}"


def test_a_user_goes_on_after_a_failover_to_a_replica(replica: LocalCognito) -> None:
    """The pool id and `sub` stay, while the issuer names another region."""
    replica.knobs.issuing_region = None
    manager = manager_of(replica, authenticator_for(replica, pinned=True))
    first = manager.ensure_credentials("Analyst")
    replica.knobs.issuing_region = "eu-central-1"
    manager.refresh_user_pool_tokens()
    assert manager.get_credentials(role_suffix="Analyst")["access_key_id"] != first["access_key_id"]


def test_tokens_from_a_region_in_which_the_pool_has_no_replica_are_refused(replica: LocalCognito) -> None:
    """They are signed with the pool's own keys, but that region's documents do not know such an issuer."""
    authenticator = authenticator_for(replica, pinned=True)
    elsewhere = f"https://cognito-idp.us-west-2.amazonaws.com/{replica.user_pool_id}"
    replica.knobs.fail(replica.CODE_EXCHANGE, status=200, body=tokens_as_json(replica, elsewhere))
    with pytest.raises(VerificationError, match="has no replica"):
        log_in(replica, authenticator)


@pytest.mark.parametrize(
    "change",
    [
        ("cognito-idp", "issuer-cognito-idp.evil.example/cognito-idp"),
        (".amazonaws.com", ".amazonaws.com.evil.example"),
        (".amazonaws.com", ".amazonaws.eu"),
        ("_", "_another"),
    ],
)
@pytest.mark.parametrize("pinned", [True, False])
def test_a_look_alike_or_another_pool_is_refused(cognito: LocalCognito, pinned: bool, change: tuple[str, str]) -> None:
    """With nothing pinned, another pool of the region is refused as well, since its keys are others."""
    authenticator = authenticator_for(cognito, pinned=pinned)
    cognito.knobs.issuer_type = "UPDATED"
    wrong = cognito.pool.issuer.replace(*change)
    cognito.knobs.fail(cognito.CODE_EXCHANGE, status=200, body=tokens_as_json(cognito, wrong))
    with pytest.raises((VerificationError, SettingError), match="user pool"):
        log_in(cognito, authenticator)


def test_a_refresh_from_a_look_alike_is_another_user_and_refused(cognito: LocalCognito) -> None:
    manager = manager_of(cognito, authenticator_for(cognito, pinned=True))
    old = manager.auth_tokens
    evil = cognito.pool.issuer.replace(".com/", ".com.evil.example/")
    cognito.knobs.fail(cognito.REFRESH, status=200, body=tokens_as_json(cognito, evil))
    with pytest.raises(VerificationError, match="another user's tokens"):
        manager.refresh_user_pool_tokens()
    assert manager.auth_tokens == old


@pytest.mark.parametrize(("issuer_type", "logins_keys"), [("UPDATED", "original"), ("ORIGINAL", "updated")])
def test_the_other_form_is_tried_once_where_the_identity_pool_does_not_know_the_provider(
    cognito: LocalCognito, issuer_type: str, logins_keys: str
) -> None:
    """Which key an identity pool wants for a user pool with the UPDATED issuer is not documented; it is remembered."""
    cognito.knobs.issuer_type, cognito.knobs.logins_keys = issuer_type, logins_keys  # type: ignore[assignment]
    manager = manager_of(cognito, authenticator_for(cognito, pinned=True))
    calls = cognito.counts[cognito.GET_ID], cognito.counts[cognito.EXCHANGE]
    assert manager.get_credentials(role_suffix="Analyst")["access_key_id"].startswith("ASIA")
    assert (cognito.counts[cognito.GET_ID], cognito.counts[cognito.EXCHANGE]) == (calls[0] + 2, calls[1] + 1)
    assert manager.get_credentials(role_suffix="Uploader")["access_key_id"].startswith("ASIA")
    assert cognito.counts[cognito.EXCHANGE] == calls[1] + 2
    cognito.knobs.logins_keys = "issuer"
    assert manager.get_credentials(role_suffix="Analyst")["access_key_id"].startswith("ASIA")
    assert cognito.counts[cognito.EXCHANGE] == calls[1] + 4, "the first form is tried again after the other one"


def test_an_identity_pool_that_knows_neither_form_is_called_twice_and_no_more(cognito: LocalCognito) -> None:
    manager = manager_of(cognito, authenticator_for(cognito, pinned=True))
    refused = aws_error("NotAuthorizedException", "Token is not from a supported provider of this identity pool.")
    cognito.knobs.fail(cognito.GET_ID, times=None, **refused)
    before = cognito.counts[cognito.GET_ID]
    with pytest.raises(CredentialsError, match="does not know this user pool's app client"):
        manager.get_credentials(role_suffix="Analyst")
    assert cognito.counts[cognito.GET_ID] == before + 2


def test_a_client_of_another_pool_with_the_updated_issuer_is_refused(cognito: LocalCognito) -> None:
    with LocalCognito(aws=False) as other:
        other.knobs.issuer_type = "UPDATED"
        other.add_client(AppClient(cognito.client_id, tuple(cognito.redirect_uri.split())))
        pinned = CognitoOAuthAuthenticator(
            other.domain, cognito.client_id, cognito.redirect_uri, user_pool_id=cognito.user_pool_id
        )
        with pytest.raises(VerificationError, match="not issued by user pool"):
            log_in(other, pinned)


def frozen(session: boto3.Session) -> str:
    credentials = session.get_credentials()
    assert credentials is not None
    return str(credentials.get_frozen_credentials().access_key)


def tokens_as_json(cognito: LocalCognito, issuer: str) -> str:
    """Returns a token response whose id token has another issuer, signed by the pool's own key."""
    tokens = cognito.issue_tokens(iss=issuer)
    return str({name: tokens[name] for name in ("id_token", "access_token", "refresh_token")}).replace("'", '"')
