"""The project that is tested: it reads the names of the stars that a user may see."""

from __future__ import annotations

import csv
import io

import boto3


def star_names(session: boto3.Session, bucket: str, key: str) -> set[str]:
    """Returns the names of the stars in a table."""
    table = session.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    return {row["star"] for row in csv.DictReader(io.StringIO(table))}
