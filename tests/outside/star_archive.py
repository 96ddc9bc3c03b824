"""The project that is tested: it reads the names of the stars that a user may see."""

from __future__ import annotations

import csv
import io

import boto3


def star_names(session: boto3.Session, bucket: str, key: str) -> set[str]:
    """Returns the names of the stars in a table."""
    table = session.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    return {row["star"] for row in csv.DictReader(io.StringIO(table))}


def credentials_of(identity_pool_id: str, issuer: str, id_token: str) -> dict[str, str]:
    """Exchanges an id token for AWS credentials, by boto3 alone."""
    client = boto3.client("cognito-identity", region_name=identity_pool_id.partition(":")[0])
    logins = {issuer.removeprefix("https://"): id_token}
    identity_id = client.get_id(IdentityPoolId=identity_pool_id, Logins=logins)["IdentityId"]
    keys = client.get_credentials_for_identity(IdentityId=identity_id, Logins=logins)["Credentials"]
    return {
        "aws_access_key_id": keys["AccessKeyId"],
        "aws_secret_access_key": keys["SecretKey"],
        "aws_session_token": keys["SessionToken"],
    }
