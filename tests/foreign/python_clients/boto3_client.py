"""boto3 by itself: the identity pool, two roles, and S3 with their credentials."""

from __future__ import annotations

import os
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from joserfc import jwt
from joserfc.jwk import KeySet

from .common import ISSUER, REGION, get_json, new_session, report, tokens_of_sign_in

_BUCKET, _KEY = os.environ["FOREIGN_BUCKET"], os.environ["FOREIGN_KEY"]
_NO_RETRIES = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1})


def main() -> None:
    """Exchanges a sign-in for credentials of two roles, uses them, and reports what AWS allowed."""
    configuration = get_json(f"{ISSUER}/.well-known/openid-configuration")
    tokens = tokens_of_sign_in(new_session(), configuration)
    keys = KeySet.import_key_set(get_json(configuration["jwks_uri"]))
    roles = jwt.decode(tokens["id_token"], keys, algorithms=["RS256"]).claims["cognito:roles"]
    pool = boto3.client("cognito-identity", region_name=REGION, config=_NO_RETRIES)
    logins = {ISSUER.removeprefix("https://"): tokens["id_token"]}
    identity = pool.get_id(IdentityPoolId=os.environ["COGNITO_IDENTITY_POOL_ID"], Logins=logins)["IdentityId"]

    def s3_as(role_arn: str) -> Any:
        response = pool.get_credentials_for_identity(IdentityId=identity, Logins=logins, CustomRoleArn=role_arn)
        credentials = response["Credentials"]
        return boto3.client(
            "s3",
            region_name=REGION,
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretKey"],
            aws_session_token=credentials["SessionToken"],
        )

    analyst, uploader = (s3_as(next(arn for arn in roles if arn.endswith(name))) for name in ("Analyst", "Uploader"))
    report(
        first_line=analyst.get_object(Bucket=_BUCKET, Key=_KEY)["Body"].readline().decode().strip(),
        analyst_writes=_error_of(lambda: analyst.put_object(Bucket=_BUCKET, Key="foreign/note.txt", Body=b"note")),
        uploader_writes=_error_of(lambda: uploader.put_object(Bucket=_BUCKET, Key="foreign/note.txt", Body=b"note")),
        unknown_role=_error_of(lambda: s3_as(f"{roles[0]}-Unknown")),
        no_logins=_error_of(lambda: pool.get_id(IdentityPoolId=os.environ["COGNITO_IDENTITY_POOL_ID"])),
    )


def _error_of(call: Any) -> str | None:
    """Returns the code of the error that AWS answers a call with, and None if it succeeds."""
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return None


if __name__ == "__main__":
    main()
