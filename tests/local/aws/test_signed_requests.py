"""Requests that AWS takes: presigned URLs, HEAD as Java's SDK signs it, conditional PUT; and what is refused of them.

Sources: Amazon S3 API reference, "Authenticating Requests: Using Query Parameters" and "Conditional requests".
"""

from __future__ import annotations

from typing import Any

import boto3
import pytest
import requests
from botocore.auth import S3SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from cognito_jupyter.local import LocalCognito
from tests.local.identity import error_of, get_credentials, s3_client

ODD_KEY = "part=1/a b+c(d)*'!~é&?#%25.txt"


def presigned(cognito: LocalCognito, role: str, operation: str, seconds: int = 60, **config: Any) -> str:
    client = s3_client(cognito, get_credentials(cognito, cognito.roles[role]), **config)
    place = {"Bucket": cognito.bucket, "Key": cognito.data_key}
    url: str = client.generate_presigned_url(operation, Params=place, ExpiresIn=seconds)
    return url


@pytest.mark.parametrize("version", [None, "s3v4", "s3"])
def test_a_presigned_url_can_be_read_until_it_expires(pool: LocalCognito, version: str | None) -> None:
    """Also as boto3 makes it by default, which is Signature Version 2 in this Region."""
    url = presigned(pool, "Analyst", "get_object", signature_version=version)
    assert ("X-Amz-Signature" in url) == (version == "s3v4")
    assert requests.get(url, timeout=10).text.startswith("star,day")
    refused = requests.get(url.replace("measurements", "README"), timeout=10)
    assert (refused.status_code, "SignatureDoesNotMatch" in refused.text) == (403, True)
    assert requests.put(url, b"x", timeout=10).status_code == 403
    pool.knobs.clock_offset = 61
    refused = requests.get(url, timeout=10)
    assert (refused.status_code, "Request has expired" in refused.text) == (403, True)


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_a_presigned_url_ends_with_the_credentials_that_signed_it(pool: LocalCognito, version: str) -> None:
    pool.knobs.credentials_seconds = 30
    url = presigned(pool, "Analyst", "get_object", 600, signature_version=version)
    assert requests.get(url, timeout=10).status_code == 200
    pool.knobs.clock_offset = 31
    assert "ExpiredToken" in requests.get(url, timeout=10).text


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_a_presigned_upload_needs_a_role_that_may_write(pool: LocalCognito, version: str) -> None:
    for role, status in (("Uploader", 200), ("Analyst", 403)):
        client = s3_client(pool, get_credentials(pool, pool.roles[role]), signature_version=version)
        place = {"Bucket": pool.bucket, "Key": ODD_KEY}
        url = client.generate_presigned_url("put_object", Params=place)
        assert requests.put(url, b"presigned", timeout=10).status_code == status
    reader = s3_client(pool, get_credentials(pool))
    assert reader.get_object(Bucket=pool.bucket, Key=ODD_KEY)["Body"].read() == b"presigned"
    url = client.generate_presigned_url("get_object", Params=place | {"ResponseContentType": "text/odd"})
    assert requests.get(url, timeout=10).headers["Content-Type"].startswith("text/odd")


def test_a_presigned_url_for_more_than_a_week_is_refused(pool: LocalCognito) -> None:
    response = requests.get(presigned(pool, "Analyst", "get_object", 604_801, signature_version="s3v4"), timeout=10)
    assert (response.status_code, "AuthorizationQueryParametersError" in response.text) == (400, True)


def test_an_old_signature_is_refused_in_other_partitions(pool: LocalCognito) -> None:
    url = presigned(pool, "Analyst", "get_object", signature_version="s3")
    key = next(key for key in pool.aws.issued_keys.values() if key.access_key_id in url)
    pool.aws.issued_keys[key.access_key_id] = type(key)(**{**vars(key), "role_arn": "arn:aws-us-gov:iam::1:role/R"})
    response = requests.get(url, timeout=10)
    assert (response.status_code, "AWS4-HMAC-SHA256" in response.text) == (400, True)


@pytest.mark.parametrize("path", ["", "/stars/measurements.csv"])
def test_head_as_the_java_sdk_signs_it_is_accepted(pool: LocalCognito, path: str) -> None:
    """Java's SDK v1, as in Spark, sends and signs a Content-Type and a User-Agent with every request."""
    keys = get_credentials(pool)
    headers = {
        "Content-Type": "application/octet-stream",
        "User-Agent": "Hadoop 3.3.2, aws-sdk-java/1.11.1026 Linux/6.1  OpenJDK_64-Bit_Server_VM/17 java/17",
        "amz-sdk-invocation-id": "6d2f0e8a-8d1f-2f44-5d1c-3d6a6d0cf9a1",
        "amz-sdk-request": "ttl=20261126T051000Z;attempt=1;max=21",
        "amz-sdk-retry": "0/0/500",
        "x-amz-content-sha256": "UNSIGNED-PAYLOAD",
    }
    url = f"{pool.aws_url}/{pool.bucket}{path}"
    request = AWSRequest("HEAD", url, headers)

    class JavaSigner(S3SigV4Auth):
        def headers_to_sign(self, request: AWSRequest) -> Any:
            signed = super().headers_to_sign(request)
            signed["user-agent"] = request.headers["User-Agent"]
            return signed

    JavaSigner(Credentials(keys["AccessKeyId"], keys["SecretKey"], keys["SessionToken"]), "s3", "us-east-1").add_auth(
        request
    )
    assert "user-agent" in request.headers["Authorization"]
    response = requests.head(url, headers=dict(request.headers), timeout=10)
    assert response.status_code == 200
    changed = dict(request.headers) | {"User-Agent": "another"}
    assert requests.head(url, headers=changed, timeout=10).status_code == 403


def test_a_conditional_put_writes_once(pool: LocalCognito) -> None:
    client = s3_client(pool, get_credentials(pool, pool.roles["Uploader"]))
    place = {"Bucket": pool.bucket, "Key": "conditional.txt"}
    etag = client.put_object(**place, Body=b"1", IfNoneMatch="*")["ETag"]
    for condition in ({"IfNoneMatch": "*"}, {"IfMatch": '"0123456789abcdef0123456789abcdef"'}):
        with pytest.raises(ClientError) as raised:
            client.put_object(**place, Body=b"2", **condition)
        assert error_of(raised)[0] == "PreconditionFailed"
    client.put_object(**place, Body=b"3", IfMatch=etag)
    assert client.get_object(**place)["Body"].read() == b"3"


def test_a_bucket_is_found_by_those_who_may_list_it(pool: LocalCognito) -> None:
    reader = s3_client(pool, get_credentials(pool))
    assert reader.head_bucket(Bucket=pool.bucket)["ResponseMetadata"]["HTTPStatusCode"] == 200


@pytest.mark.parametrize("key", [ODD_KEY, "a//b/./c/../d", "+", "%2F", "日本"])
def test_an_odd_key_keeps_its_signature(pool: LocalCognito, key: str) -> None:
    client = s3_client(pool, get_credentials(pool, pool.roles["Uploader"]))
    client.put_object(Bucket=pool.bucket, Key=key, Body=key.encode())
    assert client.head_object(Bucket=pool.bucket, Key=key)["ContentLength"] == len(key.encode())
    listed = client.list_objects_v2(Bucket=pool.bucket, Prefix=key[:3], Delimiter="/", StartAfter="")
    assert listed["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_sts_verifies_the_body_and_a_presigned_identity(pool: LocalCognito) -> None:
    """A presigned GetCallerIdentity is how a person proves a role to a cluster."""
    keys = get_credentials(pool)
    credentials = Credentials(keys["AccessKeyId"], keys["SecretKey"], keys["SessionToken"])
    request = AWSRequest("GET", f"{pool.aws_url}/?Action=GetCallerIdentity&Version=2011-06-15")
    SigV4QueryAuth(credentials, "sts", "us-east-1", 60).add_auth(request)
    url = str(request.url)
    assert "cognito-jupyter-Analyst" in requests.get(url, timeout=10).text
    assert requests.get(url.replace("2011", "2012"), timeout=10).status_code == 403
    session = boto3.Session(keys["AccessKeyId"], "another", keys["SessionToken"], region_name="us-east-1")
    with pytest.raises(ClientError) as raised:
        session.client("sts", endpoint_url=pool.aws_url).get_caller_identity()
    assert error_of(raised)[0] == "SignatureDoesNotMatch"
