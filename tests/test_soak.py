"""How the soak judges; it is run itself by nox -s soak."""

from __future__ import annotations

from itertools import islice

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, IncompleteReadError

from cognito_jupyter.errors import SignedOutError, UnavailableError
from tests.soak.faults import faults
from tests.soak.growth import Size, grown, thirds
from tests.soak.work import Work, own_fault


def refusal(code: str, status: int) -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "GetObject")  # type: ignore[typeddict-item]


@pytest.mark.parametrize(
    "error",
    [
        refusal("InternalError", 500),
        refusal("SlowDown", 503),
        ConnectionClosedError(endpoint_url="http://127.0.0.1"),
        IncompleteReadError(actual_bytes=1, expected_bytes=2),
    ],
)
def test_what_went_wrong_at_s3_is_its_own_fault(error: Exception) -> None:
    assert own_fault(error)


@pytest.mark.parametrize(
    "error",
    [
        refusal("ExpiredToken", 400),
        refusal("AccessDenied", 403),
        refusal("InvalidAccessKeyId", 403),
        UnavailableError("Cognito is away.", "Wait."),
        SignedOutError("Over.", "Sign in again."),
        RuntimeError("a mistake"),
    ],
)
def test_what_went_wrong_for_the_credentials_is_ours(error: Exception) -> None:
    assert not own_fault(error)


def test_every_failure_of_ours_is_counted_and_the_first_ones_are_kept() -> None:
    def fail() -> None:
        raise refusal("ExpiredToken", 400)

    work = Work([fail], 8)
    work.start()
    while work.outcomes["ours"] < 8:
        pass
    work.stop()
    assert len(work.ours) == 5
    assert not work.outcomes["well"]


def test_growth_is_the_last_third_beside_the_first() -> None:
    steady, large = Size(20, 30, 90.0), Size(30, 60, 150.0)
    peak = [steady] * 4 + [large] * 4 + [steady] * 4
    assert grown(*thirds(peak)) == []
    assert grown(*thirds([steady] * 8 + [large] * 4)) == ["threads", "sockets", "memory"]
    assert grown(steady, Size(22, 38, 98.0)) == []


def test_the_same_seed_brings_the_same_faults() -> None:
    assert list(islice(faults(7), 50)) == list(islice(faults(7), 50)) != list(islice(faults(8), 50))
