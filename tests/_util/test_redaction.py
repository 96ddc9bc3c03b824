"""Secrets stay out of reprs and of other packages' logs."""

from __future__ import annotations

import gc
import json
import logging
import pprint
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from IPython.lib.pretty import pretty

from cognito_jupyter._util.redaction import RedactingFilter, install_redaction, redacted, suppress_debug_logs
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.local import LocalCognito


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


def test_a_filter_is_removed_after_its_manager_is_gone(logger: logging.Logger) -> None:
    holder = SecretHolder()
    install_redaction(holder.secrets)
    install_redaction(holder.secrets)
    mine = [each for each in logger.filters if isinstance(each, RedactingFilter)]
    assert len([each for each in mine if each.get_secrets() is not None]) >= 1
    count = len(mine)
    del holder
    gc.collect()
    install_redaction(SecretHolder().secrets)
    assert len([each for each in logger.filters if isinstance(each, RedactingFilter)]) <= count


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


def test_redacted_dicts_show_only_their_keys() -> None:
    """Neither repr, str, format, pprint nor IPython's pretty printer shows a value."""
    tokens = redacted({"id_token": "s3cr3t", "expires_in": 3600})
    in_a_cell: str = pretty(tokens)  # type: ignore[no-untyped-call] # IPython ships no types for it
    for shown in (repr(tokens), str(tokens), f"{tokens}", pprint.pformat(tokens), in_a_cell, f"{[tokens]}"):
        assert "id_token" in shown
        assert "s3cr3t" not in shown
    assert tokens["id_token"] == "s3cr3t"
    assert json.loads(json.dumps(tokens)) == {"id_token": "s3cr3t", "expires_in": 3600}
