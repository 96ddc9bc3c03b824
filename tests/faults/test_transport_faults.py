"""Every transport fault at every operation: nothing is lost, nothing leaks, and the message says what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from _pytest.mark import ParameterSet

from cognito_jupyter.errors import CognitoError, SignedOutError, UnavailableError
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.aws_responses import AWS_RESPONSES
from cognito_jupyter.local.model import Fault
from tests.support.tls_proxy import ProxyState

from .operations import OPERATIONS, GetCredentials, JwksFetch, Operation, TokenRefresh, TokenRefreshWithoutGrace
from .scenario import RETRY_TIMEOUTS, SHORT_TIMEOUTS, TIMEOUTS, FaultScenario, ProcessResources

FAULTS: dict[str, Fault | ProxyState] = {
    "refused": "refused",
    "reset": Fault("reset"),
    "reset midway": Fault("reset", midway=True),
    "stall": Fault("stall", seconds=60),
    "stall midway": Fault("stall", seconds=60, midway=True),
    "slow drip": Fault("drip", seconds=0.05),
    "truncated": Fault("truncate"),
    "429": Fault(status=429, body="{}"),
    "429 with Retry-After": Fault(status=429, body="{}", headers={"Retry-After": "1"}),
    "500": Fault(status=500, body="oops", content_type="text/plain"),
    "503": Fault(status=503, body='{"message": "Service Unavailable"}'),
    "firewall": Fault(**AWS_RESPONSES["firewall-page"]),
    "firewall in JSON": Fault(**AWS_RESPONSES["firewall-json"]),
    "throttled": Fault(**AWS_RESPONSES["throttled"]),
    "HTML": Fault(status=200, body="<html>Welcome to the hotel's network</html>", content_type="text/html"),
    "invalid JSON": Fault(status=200, body='{"id_token": "aaa'),
    "wrong content type": Fault("label", content_type="text/plain"),
    "untrusted CA": "untrusted",
    "expired certificate": "expired",
    "wrong name": "misnamed",
}
HARMLESS_FAULTS = {"wrong content type"}
"""The response is complete: to reject it would lose a rotated refresh token."""
FIREWALL_FAULTS = {"firewall", "firewall in JSON"}
"""AWS WAF protects user pools, not identity pools."""
SLOW_FAULTS = {"stall", "stall midway", "slow drip"}
RESPONSE_LOST = {"reset midway", "stall midway", "slow drip", "truncated"}
"""The request has taken effect, but its response is lost."""

RETRIED: dict[type[Operation], tuple[str, ...]] = {
    JwksFetch: ("reset", "stall midway", "slow drip", "429", "503"),
    TokenRefresh: ("reset", "reset midway", "stall", "truncated", "500"),
    TokenRefreshWithoutGrace: ("reset", "stall", "429", "503"),
    GetCredentials: ("reset midway", "stall", "503"),
}
"""The faults that are retried at once, by operation."""


def table_cells(faults: Callable[[type[Operation]], Iterable[str]]) -> list[ParameterSet]:
    """Returns the cells, each named by its fault and its operation."""
    return [
        pytest.param(operation, fault, id=f"{fault} x {name}")
        for name, operation in OPERATIONS.items()
        for fault in faults(operation)
    ]


def faults_of(operation: type[Operation]) -> Iterable[str]:
    at_identity_pool = operation.fault_point.endpoint in {LocalCognito.GET_ID, LocalCognito.EXCHANGE}
    return [fault for fault in FAULTS if not (at_identity_pool and fault in FIREWALL_FAULTS)]


@pytest.mark.parametrize(("operation_type", "fault"), table_cells(faults_of))
def test_nothing_is_lost_and_the_message_says_what_to_do(
    scenario: FaultScenario, operation_type: type[Operation], fault: str
) -> None:
    """The fault lasts during the first call, and has ended at the second."""
    before = ProcessResources.current()
    scenario.start_session()
    operation = operation_type(scenario)
    operation.prepare()
    scenario.inject(operation.fault_point, FAULTS[fault])
    with scenario.timeouts(SHORT_TIMEOUTS if fault in SLOW_FAULTS else TIMEOUTS):
        error = run_and_catch(operation)
    assert (error is None) == (operation.transparent or fault in HARMLESS_FAULTS)
    if error is not None:
        # If the first response is lost, the retry can find that the sign-in has ended.
        assert isinstance(error, UnavailableError) or (
            is_refresh_token_lost(operation_type, fault) and isinstance(error, SignedOutError)
        )
        scenario.check_message(error)
        operation.check_during_fault()
    scenario.clear_fault(operation.fault_point)
    if is_refresh_token_lost(operation_type, fault):
        check_signed_out(scenario, operation)
    else:
        operation.check_recovery()
    operation.clean_up()
    del operation, error
    scenario.release()
    before.check_nothing_leaked()


@pytest.mark.parametrize(("operation_type", "fault"), table_cells(lambda operation: RETRIED.get(operation, ())))
def test_a_transient_fault_is_retried(
    scenario: FaultScenario, monkeypatch: pytest.MonkeyPatch, operation_type: type[Operation], fault: str
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    scenario.start_session()
    operation = operation_type(scenario)
    operation.prepare()
    scenario.inject(operation.fault_point, FAULTS[fault], times=1)
    with scenario.timeouts(RETRY_TIMEOUTS if fault in SLOW_FAULTS else TIMEOUTS):
        operation.run()
    operation.check_recovery()


@pytest.mark.parametrize("fault", sorted(RESPONSE_LOST))
def test_a_lost_rotation_response_ends_the_sign_in_at_once_without_grace(scenario: FaultScenario, fault: str) -> None:
    """The retry finds that the refresh token is invalid."""
    scenario.start_session()
    operation = TokenRefreshWithoutGrace(scenario)
    operation.prepare()
    scenario.inject(operation.fault_point, FAULTS[fault], times=1)
    with scenario.timeouts(RETRY_TIMEOUTS if fault in SLOW_FAULTS else TIMEOUTS):
        check_signed_out(scenario, operation)


def is_refresh_token_lost(operation_type: type[Operation], fault: str) -> bool:
    """Returns whether a rotated refresh token is lost and the old one invalid, which no client can prevent."""
    return operation_type is TokenRefreshWithoutGrace and fault in RESPONSE_LOST


def run_and_catch(operation: Operation) -> CognitoError | None:
    try:
        operation.run()
    except CognitoError as error:
        return error
    return None


def check_signed_out(scenario: FaultScenario, operation: Operation) -> None:
    """The error says so, and after that Cognito is not called again."""
    for _ in range(2):
        error = run_and_catch(operation)
        assert isinstance(error, SignedOutError)
        scenario.check_message(error)
        assert scenario.manager.ended
        calls = scenario.cognito.counts[operation.fault_point.endpoint]
    run_and_catch(operation)
    assert scenario.cognito.counts[operation.fault_point.endpoint] == calls
