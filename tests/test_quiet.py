"""What other packages log while we work."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.quiet import SecretFilter, keep_out_of_logs, quietly


class Holder:
    """Something that has secrets."""

    def __init__(self) -> None:
        self.held = ["first+secret"]

    def secrets(self) -> Iterator[str]:
        yield from self.held


@pytest.fixture
def logger(caplog: pytest.LogCaptureFixture) -> logging.Logger:
    logger = logging.getLogger("botocore.auth")
    caplog.set_level(logging.DEBUG, "botocore.auth")
    return logger


def test_a_secret_is_blotted_out_as_it_is_and_quoted(logger: logging.Logger, caplog: pytest.LogCaptureFixture) -> None:
    holder = Holder()
    keep_out_of_logs(holder.secrets)
    logger.debug("token %s in %s", "first+secret", {"url": quote("first+secret", safe="")})
    assert caplog.messages == ["token ... in {'url': '...'}"]
    holder.held = ["second"]
    logger.info("second and third")
    assert caplog.messages[-1] == "... and third"


def test_our_own_calls_are_not_logged_at_debug(logger: logging.Logger, caplog: pytest.LogCaptureFixture) -> None:
    keep_out_of_logs(Holder().secrets)
    with quietly():
        logger.debug("nothing of this")
        logger.warning("but this")
    logger.debug("and this")
    assert caplog.messages == ["but this", "and this"]


def test_a_filter_goes_with_its_manager(logger: logging.Logger) -> None:
    holder = Holder()
    keep_out_of_logs(holder.secrets)
    keep_out_of_logs(holder.secrets)
    mine = [each for each in logger.filters if isinstance(each, SecretFilter)]
    assert len([each for each in mine if each._secrets() is not None]) >= 1
    count = len(mine)
    del holder
    gc.collect()
    keep_out_of_logs(Holder().secrets)
    assert len([each for each in logger.filters if isinstance(each, SecretFilter)]) <= count


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
