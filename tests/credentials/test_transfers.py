"""Transfers that outlive several lifetimes of their credentials."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.local import LocalCognito

LIFETIME = 3.0
SECONDS_BETWEEN_CALLS = 1.5
"""As on a slow network, or with a worker that computes."""
LIFETIMES = 3
PART_SIZE = 5 * 1024 * 1024
"""Bytes: S3's minimum, except for the last part."""


@pytest.fixture(autouse=True)
def short_lived(cognito: LocalCognito) -> None:
    cognito.knobs.credentials_seconds = LIFETIME


@pytest.fixture
def uploads(cognito: LocalCognito, manager: CognitoCredentialsManager) -> Iterator[Any]:
    """A client that may write; what it wrote is deleted at the end."""
    client: Any = manager.make_refreshing_session("Uploader").client("s3")
    yield client
    for each in client.list_objects_v2(Bucket=cognito.bucket, Prefix="transfer/").get("Contents", []):
        client.delete_object(Bucket=cognito.bucket, Key=each["Key"])


def access_keys_used(cognito: LocalCognito) -> set[str]:
    """The access keys that have signed requests to AWS."""
    return {request.access_key_id for request in cognito.aws.proxy.requests}


def test_a_multipart_upload_that_outlives_its_credentials_finishes(cognito: LocalCognito, uploads: Any) -> None:
    where = {"Bucket": cognito.bucket, "Key": "transfer/large"}
    before = access_keys_used(cognito)
    upload_id = uploads.create_multipart_upload(**where)["UploadId"]
    began, parts = time.monotonic(), []
    for number in count(1):
        response = uploads.upload_part(**where, UploadId=upload_id, PartNumber=number, Body=bytes([number]) * PART_SIZE)
        parts.append({"PartNumber": number, "ETag": response["ETag"]})
        if time.monotonic() - began > LIFETIMES * LIFETIME:
            break
        time.sleep(SECONDS_BETWEEN_CALLS)
    uploads.complete_multipart_upload(**where, UploadId=upload_id, MultipartUpload={"Parts": parts})
    assert uploads.head_object(**where)["ContentLength"] == len(parts) * PART_SIZE
    assert len(access_keys_used(cognito) - before) >= LIFETIMES
    assert {request.status for request in cognito.aws.proxy.requests if request.path.endswith("/transfer/large")} == {
        200
    }


def test_a_paginated_read_that_outlives_its_credentials_finishes(
    cognito: LocalCognito, manager: CognitoCredentialsManager, uploads: Any
) -> None:
    names = [f"transfer/{number}" for number in range(8)]
    for name in names:
        uploads.put_object(Bucket=cognito.bucket, Key=name, Body=name.encode())
    client: Any = manager.make_refreshing_session("Analyst").client("s3")
    before, read = access_keys_used(cognito), []
    pages = client.get_paginator("list_objects_v2").paginate(
        Bucket=cognito.bucket, Prefix="transfer/", PaginationConfig={"PageSize": 1}
    )
    for page in pages:
        for each in page["Contents"]:
            body = client.get_object(Bucket=cognito.bucket, Key=each["Key"])["Body"]
            # The response is on its way: its credentials may expire before it ends.
            time.sleep(SECONDS_BETWEEN_CALLS)
            read.append(body.read().decode())
    assert read == names
    assert len(access_keys_used(cognito) - before) >= LIFETIMES
