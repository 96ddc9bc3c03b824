"""The total deadline for responses of the identity pool, for which a private attribute of botocore is used."""

from __future__ import annotations

import pytest

from cognito_jupyter._util.timeouts import Timeouts
from cognito_jupyter.credentials.identity_pool.client import IdentityPool
from cognito_jupyter.errors import UnavailableError
from cognito_jupyter.local import LocalCognito

TOTAL_TIMEOUT = 0.5


@pytest.fixture
def identity_pool(cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch) -> IdentityPool:
    """A client that makes one attempt only, so that the tests are quick."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    return IdentityPool(
        cognito.identity_pool_id, cognito.user_pool_id, cognito.region, timeouts=Timeouts(total=TOTAL_TIMEOUT)
    )


def test_a_response_that_arrives_byte_by_byte_is_abandoned_at_the_deadline(
    cognito: LocalCognito, identity_pool: IdentityPool
) -> None:
    """Each byte comes within the read timeout, so that botocore itself would wait for all of them, and succeed."""
    cognito.knobs.fail(LocalCognito.GET_ID, kind="drip", seconds=0.1)
    token = cognito.issue_tokens()["id_token"]
    with pytest.raises(UnavailableError, match="ReadTimeoutError"):
        identity_pool.fetch_identity_id(token)


def test_a_response_that_is_cut_off_is_an_error(cognito: LocalCognito, identity_pool: IdentityPool) -> None:
    cognito.knobs.fail(LocalCognito.GET_ID, kind="truncate")
    with pytest.raises(UnavailableError, match="ConnectionClosedError"):
        identity_pool.fetch_identity_id(cognito.issue_tokens()["id_token"])


def test_a_complete_response_is_returned(cognito: LocalCognito, identity_pool: IdentityPool) -> None:
    assert identity_pool.fetch_identity_id(cognito.issue_tokens()["id_token"]).startswith(cognito.region)
