"""What AWS sends in place of a result: nothing is lost, and the message says what to do.

The transport is in order here: AWS throttles, a firewall blocks, a Lambda trigger fails, or a setting is wrong.
"""

from __future__ import annotations

import re

import pytest

from cognito_jupyter.errors import SignedOutError
from cognito_jupyter.local.aws_responses import AWS_RESPONSES
from cognito_jupyter.local.model import Fault

from .operations import (
    CodeExchange,
    DownloadDuringRefresh,
    GetCredentials,
    GetId,
    JwksFetch,
    Operation,
    TokenRefresh,
)
from .scenario import FaultScenario, ProcessResources
from .test_transport_faults import check_signed_out, run_and_catch

EXPECTED: dict[str, tuple[str, tuple[type[Operation], ...]]] = {
    "throttled": ("too many requests", (CodeExchange, JwksFetch, TokenRefresh, GetId, GetCredentials)),
    "throttled-429": ("too many requests", (TokenRefresh, GetId)),
    "firewall-page": ("firewall", (CodeExchange, JwksFetch, TokenRefresh, GetId, GetCredentials)),
    "firewall-json": ("firewall", (CodeExchange, TokenRefresh)),
    "lambda-failed": ("The user directory does not respond", (CodeExchange, TokenRefresh)),
    "unauthorized-client": ("Allow the authorization code grant", (CodeExchange, TokenRefresh)),
    "invalid-client": ("Check the client id", (CodeExchange, TokenRefresh)),
    "invalid-grant": ("Sign in again", (CodeExchange, TokenRefresh)),
    "logins-do-not-match": ("Check identity_pool_id", (GetId, GetCredentials)),
    "invalid-pool-configuration": ("the role's trust policy", (GetId, GetCredentials)),
}
"""For each response: what the message holds, and the operations at which it is tried."""

CELLS = [
    pytest.param(operation, response, text, id=f"{response} x {operation.__name__}")
    for response, (text, operations) in EXPECTED.items()
    for operation in operations
]


def test_every_response_is_tried() -> None:
    assert set(EXPECTED) == set(AWS_RESPONSES)


@pytest.mark.parametrize(("operation_type", "response", "text"), CELLS)
def test_nothing_is_lost_and_the_message_fits(
    scenario: FaultScenario, operation_type: type[Operation], response: str, text: str
) -> None:
    """The response lasts during the first call, and has ended at the second."""
    before = ProcessResources.current()
    scenario.start_session()
    operation = operation_type(scenario)
    operation.prepare()
    scenario.inject(operation.fault_point, Fault(**AWS_RESPONSES[response]))
    error = run_and_catch(operation)
    assert error is not None
    assert re.search(text, str(error))
    scenario.check_message(error)
    # Only this response ends a sign-in, and only where its refresh token was sent (RFC 6749, section 5.2).
    ended = response == "invalid-grant" and operation_type is TokenRefresh
    assert isinstance(error, SignedOutError) == ended
    operation.check_during_fault()
    scenario.clear_fault(operation.fault_point)
    if ended:
        check_signed_out(scenario, operation)
    else:
        operation.check_recovery()
    operation.clean_up()
    del operation, error
    scenario.release()
    before.check_nothing_leaked()


@pytest.mark.parametrize("response", ["throttled", "firewall-page"])
def test_a_download_goes_on_while_aws_refuses_new_credentials(scenario: FaultScenario, response: str) -> None:
    """The old credentials are valid, and the refresh is repeated automatically."""
    scenario.start_session()
    operation = DownloadDuringRefresh(scenario)
    operation.prepare()
    scenario.inject(operation.fault_point, Fault(**AWS_RESPONSES[response]))
    operation.run()
    scenario.clear_fault(operation.fault_point)
    operation.check_recovery()
    operation.clean_up()
