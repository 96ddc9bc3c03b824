"""Transfers that outlive several lifetimes of their credentials."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cognito_jupyter.local import LocalCognito
from tests.support.laptop import SimulatedLaptop

SECONDS_BETWEEN_CALLS = 90
"""As on a slow network, or with a worker that computes."""
LIFETIMES = 3
CALLS = 8
"""The last one comes 630 seconds after the first; credentials last for 180 seconds."""
PART_SIZE = 5 * 1024 * 1024
"""Bytes: S3's minimum, except for the last part."""


@pytest.fixture
def uploads(cognito: LocalCognito, short_lived: SimulatedLaptop) -> Iterator[Any]:
    """A client that may write; what it wrote is deleted at the end."""
    client: Any = short_lived.manager.make_refreshing_session("Uploader").client("s3")
    yield client
    for each in client.list_objects_v2(Bucket=cognito.bucket, Prefix="transfer/").get("Contents", []):
        client.delete_object(Bucket=cognito.bucket, Key=each["Key"])


def access_keys_used(cognito: LocalCognito) -> set[str]:
    """The access keys that have signed requests to AWS."""
    return {request.access_key_id for request in cognito.aws.proxy.requests}


def test_a_multipart_upload_that_outlives_its_credentials_finishes(
    cognito: LocalCognito, short_lived: SimulatedLaptop, uploads: Any
) -> None:
    where = {"Bucket": cognito.bucket, "Key": "transfer/large"}
    before = access_keys_used(cognito)
    upload_id = uploads.create_multipart_upload(**where)["UploadId"]
    parts = []
    for number in range(1, CALLS + 1):
        response = uploads.upload_part(**where, UploadId=upload_id, PartNumber=number, Body=bytes([number]) * PART_SIZE)
        parts.append({"PartNumber": number, "ETag": response["ETag"]})
        short_lived.advance_when_idle(SECONDS_BETWEEN_CALLS)
    uploads.complete_multipart_upload(**where, UploadId=upload_id, MultipartUpload={"Parts": parts})
    assert uploads.head_object(**where)["ContentLength"] == len(parts) * PART_SIZE
    assert len(access_keys_used(cognito) - before) >= LIFETIMES
    assert {request.status for request in cognito.aws.proxy.requests if request.path.endswith("/transfer/large")} == {
        200
    }


def test_a_paginated_read_that_outlives_its_credentials_finishes(
    cognito: LocalCognito, short_lived: SimulatedLaptop, uploads: Any
) -> None:
    names = [f"transfer/{number}" for number in range(CALLS)]
    for name in names:
        uploads.put_object(Bucket=cognito.bucket, Key=name, Body=name.encode())
    client: Any = short_lived.manager.make_refreshing_session("Analyst").client("s3")
    before, read = access_keys_used(cognito), []
    pages = client.get_paginator("list_objects_v2").paginate(
        Bucket=cognito.bucket, Prefix="transfer/", PaginationConfig={"PageSize": 1}
    )
    for page in pages:
        for each in page["Contents"]:
            body = client.get_object(Bucket=cognito.bucket, Key=each["Key"])["Body"]
            # The response is on its way: its credentials may expire before it ends.
            short_lived.advance_when_idle(SECONDS_BETWEEN_CALLS)
            read.append(body.read().decode())
    assert read == names
    assert len(access_keys_used(cognito) - before) >= LIFETIMES
