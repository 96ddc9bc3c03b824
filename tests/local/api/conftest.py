"""A boto3 client of the local user pool's API, which checks each response against botocore's model."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.model import OperationModel, ServiceModel, StructureShape
from botocore.validate import ParamValidator

from cognito_jupyter.local import LocalCognito

PASSWORD = "Correct-Horse-1"
NEWER_MEMBERS = frozenset({"IssuerConfiguration"})
"""Members that the oldest supported botocore does not know."""
FRONT_END_ERRORS = frozenset(
    {"MissingAuthenticationTokenException", "InvalidSignatureException", "UnknownOperationException",
     "SerializationException", "NotImplementedException"}
)  # fmt: skip
"""Errors that no operation of AWS's model lists: they come before any of them; the last one is the local Cognito's."""


def api_client(cognito: LocalCognito, region_name: str | None = None, **config: Any) -> Any:
    """A client with some administrator's keys."""
    client = boto3.client(
        "cognito-idp",
        region_name=region_name or cognito.region,
        endpoint_url=cognito.endpoint,
        aws_access_key_id="any",
        aws_secret_access_key="any",
        config=Config(retries={"total_max_attempts": 1}, **config),
    )
    client.meta.events.register("after-call.cognito-idp", _check_response)
    return client


def _check_response(parsed: dict[str, Any], model: OperationModel, **_: Any) -> None:
    """Fails where a response is none that the model allows."""
    if "Error" in parsed:
        listed = {shape.name for shape in model.error_shapes}
        assert parsed["Error"]["Code"] in listed | FRONT_END_ERRORS, model.name
        return
    body = {name: value for name, value in parsed.items() if name != "ResponseMetadata"}
    if model.output_shape is None:
        assert body == {}
        return
    report = ParamValidator().validate(body, model.output_shape)
    assert not report.has_errors(), report.generate_report()


@pytest.fixture
def api(cognito: LocalCognito) -> Any:
    return api_client(cognito)


@pytest.fixture
def pool_id(cognito: LocalCognito) -> dict[str, str]:
    return {"UserPoolId": cognito.user_pool_id}


def error_of(raised: pytest.ExceptionInfo[ClientError]) -> tuple[str, str]:
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


def service_model(client: Any) -> ServiceModel:
    model: ServiceModel = client.meta.service_model
    return model


def unknown_members(shape: Any, value: Any, path: str = "") -> list[str]:
    """The members of a raw response that the model has not."""
    if isinstance(shape, StructureShape):
        found = [f"{path}{name}" for name in value if name not in shape.members and name not in NEWER_MEMBERS]
        known = [name for name in value if name in shape.members]
        return found + [
            each for name in known for each in unknown_members(shape.members[name], value[name], f"{name}.")
        ]
    if shape.type_name == "list":
        return [each for item in value for each in unknown_members(shape.member, item, path)]
    return []
