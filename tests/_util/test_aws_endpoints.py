"""Host names of AWS services agree with botocore's clients in every partition; no request is sent."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import UNSIGNED
from botocore.awsrequest import AWSPreparedRequest
from botocore.config import Config
from botocore.exceptions import EndpointProviderError, EndpointVariantError
from botocore.hooks import HierarchicalEmitter

from cognito_jupyter._util.aws_endpoints import dns_suffix, service_endpoint
from cognito_jupyter._util.botocore_session import new_session
from cognito_jupyter.errors import SettingError

NO_ENDPOINT = "no endpoint"
"""Such as dual stack in an isolated partition, by the data of an older botocore."""
REGIONS = (
    "us-east-1", "us-west-1", "us-gov-west-1", "cn-north-1", "eusc-de-east-1", "us-iso-east-1", "us-isob-east-1"
)  # fmt: skip


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("fips", [False, True])
@pytest.mark.parametrize("dual_stack", [False, True])
def test_the_endpoint_is_the_one_that_boto3_uses(
    region: str, fips: bool, dual_stack: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", str(fips).lower())
    monkeypatch.setenv("AWS_USE_DUALSTACK_ENDPOINT", str(dual_stack).lower())
    requested = [
        _requested_url("cognito-idp", region, lambda client: client.get_user(AccessToken="x")),
        _requested_url("cognito-identity", region, lambda client: client.get_id(IdentityPoolId="x:y")),
    ]
    assert [_own_url(each, region) for each in ("cognito-idp", "cognito-identity")] == requested


def _own_url(service: str, region: str) -> str:
    try:
        return service_endpoint(service, region)
    except SettingError:
        return NO_ENDPOINT


def _requested_url(service: str, region: str, call: Callable[[Any], object]) -> str:
    """Returns where a client of botocore would send a request: `client.meta.endpoint_url` may be another URL."""
    try:
        client = botocore.session.Session().create_client(service, region, config=Config(signature_version=UNSIGNED))
        client.meta.events.register("before-send", _stop_before_sending)
        call(client)
    except _WouldSendError as stopped:
        return str(stopped).rstrip("/")
    except (EndpointProviderError, EndpointVariantError):
        return NO_ENDPOINT
    raise AssertionError("The request was sent.")


class _WouldSendError(Exception):
    """Holds the URL of a request that was not sent."""


def _stop_before_sending(request: AWSPreparedRequest, **_: object) -> None:
    raise _WouldSendError(request.url)


@pytest.mark.parametrize(
    ("region", "suffix"),
    [
        ("us-east-1", "amazonaws.com"),
        ("us-gov-west-1", "amazonaws.com"),
        ("eusc-de-east-1", "amazonaws.eu"),
        ("cn-north-1", "amazonaws.com.cn"),
        ("us-iso-east-1", "c2s.ic.gov"),
        ("us-isob-east-1", "sc2s.sgov.gov"),
        ("eu-central-9", "amazonaws.com"),  # newer than the installed botocore
    ],
)
def test_each_partition_has_its_own_suffix(region: str, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "true")
    monkeypatch.setenv("AWS_USE_DUALSTACK_ENDPOINT", "true")
    assert dns_suffix(region) == suffix


def test_the_aws_config_file_can_request_fips() -> None:
    Path(os.environ["AWS_CONFIG_FILE"]).write_text("[default]\nuse_fips_endpoint = true\n")
    assert service_endpoint("cognito-idp", "us-east-1") == "https://cognito-idp-fips.us-east-1.amazonaws.com"


def test_an_endpoint_url_does_not_change_the_public_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert service_endpoint("cognito-idp", "eusc-de-east-1") == "https://cognito-idp.eusc-de-east-1.amazonaws.eu"


def test_a_profile_that_does_not_exist_breaks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "of-other-work")
    assert service_endpoint("cognito-idp", "us-east-1") == "https://cognito-idp.us-east-1.amazonaws.com"


def test_a_malformed_aws_config_file_is_named() -> None:
    Path(os.environ["AWS_CONFIG_FILE"]).write_text("use_fips_endpoint")
    with pytest.raises(SettingError, match="The AWS config file cannot be read") as error:
        dns_suffix("us-east-1")
    assert "AWS_CONFIG_FILE" in str(error.value)


def test_a_region_that_is_no_host_name_has_no_endpoint() -> None:
    with pytest.raises(SettingError, match="AWS has no endpoint of cognito-idp"):
        service_endpoint("cognito-idp", "us-east-1.evil.example/")


def test_a_suffix_is_read_without_registering_the_event_handlers_of_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that is restarted waits for it."""
    registered: list[str] = []
    register = HierarchicalEmitter.register

    def record_and_register(self: HierarchicalEmitter, event_name: str, *others: Any) -> None:
        registered.append(event_name)
        register(self, event_name, *others)

    monkeypatch.setattr(HierarchicalEmitter, "register", record_and_register)
    assert dns_suffix("us-east-1") == "amazonaws.com"
    assert registered == []
    new_session()
    assert len(registered) > 100
