"""How the soak judges errors and growth; `nox -s soak` runs the soak itself."""

from __future__ import annotations

from itertools import islice

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, IncompleteReadError

from cognito_jupyter.errors import SignedOutError, UnavailableError
from tests.soak.faults import random_faults
from tests.soak.growth import ProcessSize, find_growth, median_thirds
from tests.soak.workload import Outcome, Workload, is_s3_failure


def client_error(code: str, status: int) -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "GetObject")  # type: ignore[typeddict-item]


@pytest.mark.parametrize(
    "error",
    [
        client_error("InternalError", 500),
        client_error("SlowDown", 503),
        ConnectionClosedError(endpoint_url="http://127.0.0.1"),
        IncompleteReadError(actual_bytes=1, expected_bytes=2),
    ],
)
def test_a_failure_at_s3_is_not_a_failure_of_the_credentials(error: Exception) -> None:
    assert is_s3_failure(error)


@pytest.mark.parametrize(
    "error",
    [
        client_error("ExpiredToken", 400),
        client_error("AccessDenied", 403),
        client_error("InvalidAccessKeyId", 403),
        UnavailableError("Cognito is unreachable.", "Wait."),
        SignedOutError("Signed out.", "Sign in again."),
        RuntimeError("a mistake"),
    ],
)
def test_any_other_failure_is_a_failure_of_the_credentials(error: Exception) -> None:
    assert not is_s3_failure(error)


def test_every_failure_of_the_credentials_is_counted_and_the_first_ones_are_stored() -> None:
    def fail() -> None:
        raise client_error("ExpiredToken", 400)

    workload = Workload([fail], 8)
    workload.start()
    while workload.outcomes[Outcome.CREDENTIALS_FAILURE] < 8:
        pass
    workload.stop()
    assert len(workload.credentials_errors) == 5
    assert not workload.outcomes[Outcome.SUCCESS]


def test_growth_is_the_last_third_beside_the_first() -> None:
    steady, large = ProcessSize(20, 30, 90.0), ProcessSize(30, 60, 150.0)
    peak = [steady] * 4 + [large] * 4 + [steady] * 4
    assert find_growth(*median_thirds(peak)) == []
    assert find_growth(*median_thirds([steady] * 8 + [large] * 4)) == ["threads", "sockets", "memory"]
    assert find_growth(steady, ProcessSize(22, 38, 98.0)) == []


def test_the_same_seed_brings_the_same_faults() -> None:
    assert (
        list(islice(random_faults(7), 50)) == list(islice(random_faults(7), 50)) != list(islice(random_faults(8), 50))
    )
