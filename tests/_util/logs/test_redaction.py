"""Secrets stay out of other packages' logs."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterator
from urllib.parse import quote

import boto3
import pytest
import urllib3
from botocore.exceptions import ClientError

from cognito_jupyter._util.logs.redaction import RedactingFilter, install_redaction, suppress_debug_logs
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.local import LocalCognito
from tests.conftest import as_tokens


class SecretHolder:
    """An object with secrets, as a manager is."""

    def __init__(self) -> None:
        self.values = ["first+secret"]

    def secrets(self) -> Iterator[str]:
        yield from self.values


@pytest.fixture
def logger(caplog: pytest.LogCaptureFixture) -> logging.Logger:
    logger = logging.getLogger("botocore.auth")
    caplog.set_level(logging.DEBUG, "botocore.auth")
    return logger


def test_a_secret_is_redacted_plain_and_percent_encoded(
    logger: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    holder = SecretHolder()
    install_redaction(holder.secrets)
    logger.debug("token %s in %s", "first+secret", {"url": quote("first+secret", safe="")})
    assert caplog.messages == ["token ... in {'url': '...'}"]
    holder.values = ["second"]
    logger.info("second and third")
    assert caplog.messages[-1] == "... and third"


def test_debug_logs_are_suppressed_inside_the_context(logger: logging.Logger, caplog: pytest.LogCaptureFixture) -> None:
    install_redaction(SecretHolder().secrets)
    with suppress_debug_logs():
        logger.debug("nothing of this")
        logger.warning("but this")
    logger.debug("and this")
    assert caplog.messages == ["but this", "and this"]


def test_the_logger_keeps_no_manager_alive_and_forgets_those_that_are_gone(logger: logging.Logger) -> None:
    (redacting_filter,) = (each for each in logger.filters if isinstance(each, RedactingFilter))
    holders = [SecretHolder() for _ in range(200)]
    for holder in holders:
        install_redaction(holder.secrets)
        install_redaction(holder.secrets)
    assert len([each for each in redacting_filter.sources if each() is not None]) >= 200
    del holder
    holders.clear()
    gc.collect()
    last = SecretHolder()
    install_redaction(last.secrets)
    assert len(redacting_filter.sources) < 200
    assert len([each for each in logger.filters if isinstance(each, RedactingFilter)]) == 1


class BrokenRepr:
    """An object of a user's that cannot be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")


@pytest.mark.parametrize("name", ["requests", "urllib3.connectionpool", "botocore.auth"])
@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        ("%d", ("x",)),
        ("%s %s", ("one",)),
        ("no place", ("one",)),
        ("%(name)s", ({"other": 1},)),
        ("%s", (BrokenRepr(),)),
        ("%", (1,)),
        ("%(x", ({"x": 1},)),
        (object(), (1,)),
        (BrokenRepr(), ()),
    ],
)
def test_a_faulty_record_never_raises_in_the_caller(
    name: str, message: object, arguments: tuple[object, ...], caplog: pytest.LogCaptureFixture
) -> None:
    install_redaction(SecretHolder().secrets)
    caplog.set_level(logging.DEBUG)
    logging.getLogger(name).warning(message, *arguments)
    assert len(caplog.records) == 1


def test_a_faulty_source_of_secrets_never_raises_in_the_caller(
    logger: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    class BrokenHolder(SecretHolder):
        """An object that is being taken apart, as at the end of the interpreter."""

        def secrets(self) -> Iterator[str]:
            raise RuntimeError("no secrets")

    holder = BrokenHolder()
    install_redaction(holder.secrets)
    logger.warning("a line")
    del holder
    gc.collect()
    assert len(caplog.records) == 1


def test_a_record_that_does_not_fit_its_arguments_is_logged_without_its_secrets(
    logger: logging.Logger, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """logging would print both to stderr."""
    holder = SecretHolder()
    install_redaction(holder.secrets)
    logger.warning("%d tokens", "first+secret")
    logger.warning("%d", {"X-Amz-Security-Token": "of-an-earlier-exchange"})
    assert caplog.messages == ["%d tokens ('...',)", "%d {'X-Amz-Security-Token': '...'}"]
    assert "Logging error" not in capsys.readouterr().err


def test_a_secret_in_a_logged_traceback_is_redacted(logger: logging.Logger, caplog: pytest.LogCaptureFixture) -> None:
    install_redaction(SecretHolder().secrets)
    try:
        raise ConnectionError("no connection to https://s3/?X-Amz-Security-Token=of-an-earlier-exchange&X-Amz-Date=1")
    except ConnectionError:
        logger.debug("failed", exc_info=True)
    try:
        raise ValueError("harmless")
    except ValueError:
        logger.debug("failed", exc_info=True)
    assert "of-an-earlier-exchange" not in caplog.text
    assert "X-Amz-Security-Token=...&X-Amz-Date=1" in caplog.text
    assert caplog.records[-1].exc_info


def test_botocore_at_debug_shows_neither_token_nor_key(
    cognito: LocalCognito, manager: CognitoCredentialsManager, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client = manager.make_refreshing_session("Analyst").client("s3")
    client.list_objects_v2(Bucket=cognito.bucket)
    text = "\n".join(record.getMessage() for record in caplog.records)
    assert "X-Amz-Security-Token" in text
    assert not [secret for secret in manager._secrets() if secret in text]
    assert "AWSCognitoIdentityService" not in text


Scenario = Callable[[CognitoCredentialsManager, LocalCognito], list[str]]


def use(session: boto3.Session, cognito: LocalCognito) -> list[str]:
    """Uses a session in each way that logs its session token, and returns that and the secret key."""
    client = session.client("s3")
    client.list_objects_v2(Bucket=cognito.bucket)
    with pytest.raises(ClientError):
        client.head_object(Bucket=cognito.bucket, Key="no/such/object")
    url = client.generate_presigned_url("get_object", Params={"Bucket": cognito.bucket, "Key": "x"})
    urllib3.PoolManager().request("GET", url)
    session.client("sts").get_caller_identity()
    credentials = session.get_credentials()
    assert credentials is not None
    frozen = credentials.get_frozen_credentials()
    return [str(frozen.token), str(frozen.secret_key)]


def after_collection(manager: CognitoCredentialsManager, cognito: LocalCognito) -> list[str]:
    session = make_session_of_a_manager_that_is_gone(cognito)
    return use(session, cognito)


def make_session_of_a_manager_that_is_gone(cognito: LocalCognito) -> boto3.Session:
    tokens = as_tokens(cognito.issue_tokens())
    gone = CognitoCredentialsManager(cognito.identity_pool_id, cognito.user_pool_id, cognito.region, tokens)
    session = gone.make_session("Analyst")
    del gone
    gc.collect()
    return session


def after_sign_out(manager: CognitoCredentialsManager, cognito: LocalCognito) -> list[str]:
    session = manager.make_session("Analyst")
    manager.sign_out()
    return use(session, cognito)


def after_two_exchanges(manager: CognitoCredentialsManager, cognito: LocalCognito) -> list[str]:
    session = manager.make_session("Analyst")
    manager.get_credentials(role_suffix="Analyst")
    manager.get_credentials(role_suffix="Analyst")
    return use(session, cognito)


def after_other_tokens(manager: CognitoCredentialsManager, cognito: LocalCognito) -> list[str]:
    session = manager.make_session("Analyst")
    manager.auth_tokens = as_tokens(cognito.issue_tokens())
    return use(session, cognito)


def signed_in(manager: CognitoCredentialsManager, cognito: LocalCognito) -> list[str]:
    return use(manager.make_session("Analyst"), cognito) + use(manager.make_refreshing_session("Uploader"), cognito)


def own_client(manager: CognitoCredentialsManager, cognito: LocalCognito) -> list[str]:
    """A user who calls the identity pool with boto3, and a manager that knows neither token nor response."""
    token = cognito.issue_tokens()["id_token"]
    client = boto3.client("cognito-identity", region_name=cognito.region)
    logins = {cognito.pool.issuer.removeprefix("https://"): token}
    identity = client.get_id(IdentityPoolId=cognito.identity_pool_id, Logins=logins)["IdentityId"]
    response = client.get_credentials_for_identity(IdentityId=identity, Logins=logins)["Credentials"]
    return [token, response["SecretKey"], response["SessionToken"]]


SCENARIOS: dict[str, Scenario] = {
    "signed in": signed_in,
    "after the manager's collection": after_collection,
    "after sign_out": after_sign_out,
    "after two more exchanges": after_two_exchanges,
    "after other tokens": after_other_tokens,
    "with a client of the user's own": own_client,
}


def check_that_debug_logs_show_no_secret(
    scenario: Scenario, cognito: LocalCognito, manager: CognitoCredentialsManager, caplog: pytest.LogCaptureFixture
) -> None:
    """Plays a scenario with all loggers at DEBUG, and searches their records.

    Args:
        scenario: Uses AWS, and returns the secrets to search for.
        cognito: The local Cognito.
        manager: The sign-in.
        caplog: Captures the records.
    """
    caplog.set_level(logging.DEBUG)
    secrets = scenario(manager, cognito)
    shown = caplog.text
    assert "botocore.endpoint" in shown
    assert "botocore.parsers" in shown
    assert [secret[:6] for secret in secrets if secret in shown or quote(secret, safe="") in shown] == []


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_all_loggers_at_debug_show_no_secret(
    scenario: str, cognito: LocalCognito, manager: CognitoCredentialsManager, caplog: pytest.LogCaptureFixture
) -> None:
    check_that_debug_logs_show_no_secret(SCENARIOS[scenario], cognito, manager, caplog)


def test_the_search_finds_what_botocore_logs_without_the_filter(
    cognito: LocalCognito, manager: CognitoCredentialsManager, caplog: pytest.LogCaptureFixture
) -> None:
    """Otherwise the test above could not fail."""
    caplog.set_level(logging.DEBUG)
    filters = [
        (logging.getLogger(name), list(logging.getLogger(name).filters)) for name in logging.root.manager.loggerDict
    ]
    session = manager.make_session("Analyst")
    try:
        for logger, _ in filters:
            logger.filters.clear()
        secrets = use(session, cognito)
    finally:
        for logger, present in filters:
            logger.filters[:] = present
    assert secrets[0] in caplog.text
