"""The total deadline for responses of the identity pool, for which a private attribute of botocore is used."""

from __future__ import annotations

import pytest

from cognito_jupyter._util.timeouts import Timeouts
from cognito_jupyter.credentials.identity_pool.client import IdentityPool
from cognito_jupyter.errors import UnavailableError
from cognito_jupyter.local import LocalCognito
from tests.support.polling import TEST_TIMEOUT


@pytest.fixture(autouse=True)
def one_attempt_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the tests are quick."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")


def identity_pool_of(cognito: LocalCognito, total: float) -> IdentityPool:
    """Returns a client that waits for a whole response for so many seconds."""
    return IdentityPool(cognito.identity_pool_id, cognito.user_pool_id, cognito.region, timeouts=Timeouts(total=total))


@pytest.fixture
def identity_pool(cognito: LocalCognito) -> IdentityPool:
    """A client that has time on any machine."""
    return identity_pool_of(cognito, TEST_TIMEOUT)


def test_a_response_that_arrives_byte_by_byte_is_abandoned_at_the_deadline(cognito: LocalCognito) -> None:
    """Each byte comes within the read timeout, so that botocore itself would wait for all of them, and succeed."""
    cognito.knobs.fail(LocalCognito.GET_ID, kind="drip", seconds=0.1)
    token = cognito.issue_tokens()["id_token"]
    with pytest.raises(UnavailableError, match="ReadTimeoutError"):
        identity_pool_of(cognito, 0.5).fetch_identity_id(token)


def test_a_response_that_is_cut_off_is_an_error(cognito: LocalCognito, identity_pool: IdentityPool) -> None:
    cognito.knobs.fail(LocalCognito.GET_ID, kind="truncate")
    with pytest.raises(UnavailableError, match="ConnectionClosedError"):
        identity_pool.fetch_identity_id(cognito.issue_tokens()["id_token"])


def test_a_complete_response_is_returned(cognito: LocalCognito, identity_pool: IdentityPool) -> None:
    assert identity_pool.fetch_identity_id(cognito.issue_tokens()["id_token"]).startswith(cognito.region)
