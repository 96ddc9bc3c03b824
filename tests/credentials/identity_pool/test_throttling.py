"""Throttled requests to the identity pool: HTTP 400 "Rate exceeded", which is repeated with growing random delays."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from cognito_jupyter._util.retries import one_request_only
from cognito_jupyter._util.timeouts import DEFAULT_TIMEOUTS, Timeouts
from cognito_jupyter.credentials.identity_pool.client import IdentityPool
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.errors import UnavailableError
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.quotas import AWS_QUOTAS

RETRY_MODES = ("legacy", "standard", "adaptive")
ENDPOINTS = (LocalCognito.GET_ID, LocalCognito.EXCHANGE)


def identity_pool_of(cognito: LocalCognito, **timeouts: float) -> IdentityPool:
    ids = cognito.identity_pool_id, cognito.user_pool_id, cognito.region
    return IdentityPool(*ids, timeouts=Timeouts(**timeouts))  # type: ignore[arg-type]


@pytest.mark.parametrize("like", ["throttled", "throttled-429"])
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_a_sign_in_that_is_throttled_twice_succeeds(
    cognito: LocalCognito, manager: CognitoCredentialsManager, endpoint: str, like: str
) -> None:
    before = cognito.counts[endpoint]
    cognito.knobs.fail(endpoint, like=like, times=2)
    assert manager.ensure_credentials("Analyst")
    assert cognito.counts[endpoint] == before + 3


@pytest.mark.parametrize("mode", RETRY_MODES)
def test_each_retry_mode_of_botocore_repeats_a_throttled_request(
    cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """botocore's default, "legacy", repeats HTTP 429 but not 400 with TooManyRequestsException."""
    monkeypatch.setenv("AWS_RETRY_MODE", mode)
    cognito.knobs.fail(LocalCognito.GET_ID, like="throttled", times=2)
    token = cognito.issue_tokens()["id_token"]
    assert identity_pool_of(cognito).fetch_identity_id(token).startswith(cognito.region)


def test_throttling_that_lasts_is_an_error_when_the_time_is_over(cognito: LocalCognito) -> None:
    identity_pool, token = identity_pool_of(cognito, throttling=0.5), cognito.issue_tokens()["id_token"]
    identity_pool.preconnect()
    cognito.knobs.fail(LocalCognito.GET_ID, like="throttled", times=None)
    started = time.monotonic()
    with pytest.raises(UnavailableError, match="too many requests"):
        identity_pool.fetch_identity_id(token)
    assert 0.4 < time.monotonic() - started < DEFAULT_TIMEOUTS.throttling, "as long as without a limit of its own"


def test_the_machines_aws_max_attempts_limits_the_repetitions(
    cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    before = cognito.counts[LocalCognito.GET_ID]
    cognito.knobs.fail(LocalCognito.GET_ID, like="throttled", times=None)
    with pytest.raises(UnavailableError, match="too many requests"):
        identity_pool_of(cognito).fetch_identity_id(cognito.issue_tokens()["id_token"])
    assert cognito.counts[LocalCognito.GET_ID] == before + 2


@pytest.mark.parametrize(
    "fault",
    [{"like": "throttled"}, {"status": 503}, {"kind": "drop"}, {"like": "throttled", "headers": {"Retry-After": "1"}}],
    ids=["throttled", "503", "no response", "Retry-After"],
)
@pytest.mark.parametrize("mode", RETRY_MODES)
def test_an_attempt_that_a_later_one_follows_sends_one_request(
    cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch, mode: str, fault: dict[str, object]
) -> None:
    """During an outage the refresher itself comes back: to repeat each of its requests would multiply them."""
    monkeypatch.setenv("AWS_RETRY_MODE", mode)
    before = cognito.counts[LocalCognito.GET_ID]
    cognito.knobs.fail(LocalCognito.GET_ID, times=None, **fault)  # type: ignore[arg-type]
    with one_request_only(True), pytest.raises(UnavailableError):
        identity_pool_of(cognito).fetch_identity_id(cognito.issue_tokens()["id_token"])
    assert cognito.counts[LocalCognito.GET_ID] == before + 1


def test_kernels_that_are_throttled_together_do_not_come_back_together(cognito: LocalCognito) -> None:
    """The server asks all of them for the same delay; each adds a random one."""
    arrivals: list[float] = []
    token = cognito.issue_tokens()["id_token"]
    for _ in range(4):
        identity_pool = identity_pool_of(cognito)
        cognito.knobs.fail(LocalCognito.GET_ID, like="throttled", headers={"Retry-After": "1"})
        arrivals.append(seconds_of(lambda pool=identity_pool: pool.fetch_identity_id(token)))  # type: ignore[misc]
    assert min(arrivals) >= 1.0
    assert max(arrivals) - min(arrivals) > 0.02


def seconds_of(call: Callable[[], object]) -> float:
    started = time.monotonic()
    call()
    return time.monotonic() - started


def test_a_class_of_fifty_signs_in_at_the_same_moment_against_awss_quotas(cognito: LocalCognito) -> None:
    """Everyone succeeds, though GetId admits 25 a second; `python -m tests.benchmarks` measures the slowest."""
    identity_pool = identity_pool_of(cognito)
    identity_pool.preconnect()
    users = [cognito.add_user(f"student-{number}", "student-password", ["Analyst"]) for number in range(50)]
    tokens = [cognito.issue_tokens(user.username)["id_token"] for user in users]
    throttled, start = cognito.counts["GetId throttled"], threading.Barrier(len(tokens))
    cognito.knobs.quotas.update(AWS_QUOTAS)

    def sign_in(token: str) -> str:
        start.wait()
        identity_id = identity_pool.fetch_identity_id(token)
        return identity_pool.fetch_credentials(identity_id, token, None)["IdentityId"]

    with ThreadPoolExecutor(len(tokens)) as pool:
        identity_ids = list(pool.map(sign_in, tokens))
    assert len(set(identity_ids)) == 50, "each has an identity of their own"
    assert cognito.counts["GetId throttled"] > throttled, "or nothing would be tested"
