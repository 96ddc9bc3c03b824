"""S3, STS and IAM behind the proxy.

Sources: Amazon S3 API reference, "Error responses"; STS API reference, "Common errors".
"""

from __future__ import annotations

from typing import Any

import boto3
import pytest
import requests
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ReadTimeoutError,
    ResponseStreamingError,
)

from cognito_jupyter.local import LocalCognito
from tests.local.identity import error_of, get_credentials, s3_client
from tests.support.polling import wait_until


def test_a_wrong_role_is_really_denied(pool: LocalCognito) -> None:
    """IAM is enforced: an Analyst reads, an Uploader writes too, neither makes a bucket."""
    reader, writer = (s3_client(pool, get_credentials(pool, pool.roles[name])) for name in ("Analyst", "Uploader"))
    assert reader.get_object(Bucket=pool.bucket, Key=pool.data_key)["Body"].read().startswith(b"star,day")
    writer.put_object(Bucket=pool.bucket, Key="new.txt", Body=b"new")
    for call, place in (
        (reader.put_object, {"Bucket": pool.bucket, "Key": "x"}),
        (writer.create_bucket, {"Bucket": "y"}),
    ):
        with pytest.raises(ClientError) as raised:
            call(**place)
        assert error_of(raised)[0] == "AccessDenied"


@pytest.mark.parametrize(("region", "partition"), [("us-gov-west-1", "aws-us-gov"), ("eusc-de-east-1", "aws-eusc")])
def test_roles_and_buckets_are_in_the_partition_of_the_pools(region: str, partition: str) -> None:
    with LocalCognito(region=region) as cognito:
        role = cognito.roles["Analyst"]
        assert role.startswith(f"arn:{partition}:iam::")
        reader = s3_client(cognito, get_credentials(cognito, role))
        assert reader.get_object(Bucket=cognito.bucket, Key=cognito.data_key)["Body"].read().startswith(b"star,day")
        with pytest.raises(ClientError) as raised:
            reader.put_object(Bucket=cognito.bucket, Key="x")
        assert error_of(raised)[0] == "AccessDenied"


def test_expired_keys_are_refused_as_s3_does(pool: LocalCognito) -> None:
    client = s3_client(pool, get_credentials(pool))
    pool.knobs.clock_offset = 3601
    with pytest.raises(ClientError) as raised:
        client.list_objects_v2(Bucket=pool.bucket)
    assert error_of(raised) == ("ExpiredToken", "The provided token has expired.")


def test_unknown_keys_and_wrong_tokens_are_refused(pool: LocalCognito) -> None:
    keys = get_credentials(pool)
    cases = [
        ({**keys, "AccessKeyId": "ASIA0000000000000000"}, "InvalidAccessKeyId"),
        ({**keys, "SessionToken": "another"}, "InvalidToken"),
        ({**keys, "SecretKey": "another"}, "SignatureDoesNotMatch"),
    ]
    for case, code in cases:
        with pytest.raises(ClientError) as raised:
            s3_client(pool, case).list_objects_v2(Bucket=pool.bucket)
        assert error_of(raised)[0] == code


def test_a_request_with_a_skewed_clock_is_refused(pool: LocalCognito) -> None:
    client = s3_client(pool, get_credentials(pool))
    pool.knobs.clock_offset = 16 * 60
    with pytest.raises(ClientError) as raised:
        client.list_objects_v2(Bucket=pool.bucket)
    assert error_of(raised)[0] == "RequestTimeTooSkewed"


def test_an_unsigned_request_is_denied(pool: LocalCognito) -> None:
    response = requests.get(f"{pool.aws_url}/{pool.bucket}/{pool.data_key}", timeout=10)
    assert response.status_code == 403
    assert "<Code>AccessDenied</Code>" in response.text


def test_large_objects_can_be_transferred_in_parts_and_ranges(pool: LocalCognito) -> None:
    """Multipart and chunked uploads keep their signatures; a range is a range."""
    client = s3_client(pool, get_credentials(pool, pool.roles["Uploader"]))
    body = bytes(range(256)) * (6 * 4096)
    upload = client.create_multipart_upload(Bucket=pool.bucket, Key="large")["UploadId"]
    parts = []
    for number, start in enumerate(range(0, len(body), 5 << 20), 1):
        part = body[start : start + (5 << 20)]
        place = {"Bucket": pool.bucket, "Key": "large", "UploadId": upload, "PartNumber": number}
        parts.append({"ETag": client.upload_part(**place, Body=part)["ETag"], "PartNumber": number})
    client.complete_multipart_upload(Bucket=pool.bucket, Key="large", UploadId=upload, MultipartUpload={"Parts": parts})
    response = client.get_object(Bucket=pool.bucket, Key="large", Range="bytes=1000-1999")
    assert response["Body"].read() == body[1000:2000]
    assert client.get_object(Bucket=pool.bucket, Key="large")["Body"].read() == body


def test_sts_returns_the_role(pool: LocalCognito) -> None:
    keys = get_credentials(pool, pool.roles["Uploader"])
    client = boto3.client(
        "sts",
        region_name="us-east-1",
        endpoint_url=pool.aws_url,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretKey"],
        aws_session_token=keys["SessionToken"],
    )
    assert "cognito-jupyter-Uploader" in client.get_caller_identity()["Arn"]


def test_a_connection_to_s3_stays_open(pool: LocalCognito) -> None:
    client = s3_client(pool, get_credentials(pool))
    connections = pool.aws.proxy._connections
    client.list_objects_v2(Bucket=pool.bucket)
    before = set(connections)
    for _ in range(3):
        client.get_object(Bucket=pool.bucket, Key=pool.data_key)["Body"].read()
    assert set(connections) == before


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "status", "status": 503}, ClientError),
        ({"kind": "drop"}, ConnectionClosedError),
        ({"kind": "reset"}, ConnectionClosedError),
        ({"kind": "stall", "seconds": 9}, ReadTimeoutError),
        ({"kind": "truncate"}, ResponseStreamingError),
    ],
)
def test_a_fault_at_s3_occurs_once(pool: LocalCognito, fault: dict[str, Any], error: type[Exception]) -> None:
    client = s3_client(pool, get_credentials(pool))
    # Only a client that meets a stall is impatient.
    first = s3_client(pool, get_credentials(pool), read_timeout=1) if error is ReadTimeoutError else client
    pool.knobs.fail(pool.S3, **fault)
    with pytest.raises(error):
        first.get_object(Bucket=pool.bucket, Key=pool.data_key)["Body"].read()
    wait_until(lambda: not pool.knobs.faults[pool.S3])
    assert client.get_object(Bucket=pool.bucket, Key=pool.data_key)["Body"].read().startswith(b"star,day")
