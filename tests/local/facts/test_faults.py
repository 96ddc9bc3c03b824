"""The responses of AWS that a test can put in place of the real one, by name."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.aws_responses import AWS_RESPONSES
from tests.local.identity import error_of, identity_client


def test_every_response_can_replace_that_of_the_token_endpoint(pool: LocalCognito) -> None:
    for name, expected in AWS_RESPONSES.items():
        pool.knobs.fail(pool.REFRESH, like=name)
        form = {"grant_type": "refresh_token", "refresh_token": "x", "client_id": pool.client_id}
        response = requests.post(f"{pool.domain}/oauth2/token", form, timeout=10)
        assert (response.status_code, response.text) == (expected["status"], expected["body"])
        assert response.headers["Content-Type"].partition(";")[0] == expected["content_type"].partition(";")[0]


def test_throttling_is_http_400_at_the_identity_pool(pool: LocalCognito) -> None:
    """TooManyRequestsException with HTTP 400, "Rate exceeded": igvteam/igv#1311, aws/aws-sdk-java#2301."""
    pool.knobs.fail(pool.GET_ID, like="throttled")
    with pytest.raises(ClientError) as raised:
        identity_client(pool).get_id(IdentityPoolId=pool.identity_pool_id)
    assert error_of(raised) == ("TooManyRequestsException", "Rate exceeded")
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_a_firewall_answers_the_api_in_json(pool: LocalCognito) -> None:
    """HTTP 403, ForbiddenException: ravenscar/franken-srp#13."""
    pool.knobs.fail(pool.REFRESH, like="firewall-json")
    response = requests.post(f"{pool.domain}/oauth2/token", {"grant_type": "refresh_token"}, timeout=10)
    assert response.status_code == 403
    assert response.json() == {"__type": "ForbiddenException", "message": "Request not allowed due to WAF block."}


@pytest.mark.parametrize("fields", [{"like": "unheard-of"}, {"like": ""}])
def test_an_unknown_name_is_refused_with_the_known_ones(pool: LocalCognito, fields: dict[str, Any]) -> None:
    headers = {"X-Admin-Token": pool.admin_token}
    response = requests.post(f"{pool.admin_url}/faults/GetId", json=fields, headers=headers, timeout=10)
    assert response.status_code == 400
    assert "firewall-page" in response.json()["error"]
