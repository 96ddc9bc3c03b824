"""Has a client do once, while the user types a password, what botocore does only at the first call of an operation.

It loads the rules of endpoints, resolves the endpoint, and builds the validators, the serializer and the parser, which
together takes longer than the request to a server nearby. `client.py` calls it. Nothing is sent: the handler that sends
this client's requests (`deadline.py`) gets a made-up response from here.
"""

from __future__ import annotations

from contextlib import suppress
from contextvars import ContextVar
from io import BytesIO
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.response import HTTPResponse

_IDENTITY_ID = "us-east-1:00000000-0000-0000-0000-000000000000"
_LOGINS = {"provider": "token"}
_ROLE_ARN = "arn:aws:iam::000000000000:role/none"
_RESPONSE = (
    b'{"IdentityId": "none", "Credentials":'
    b' {"AccessKeyId": "none", "SecretKey": "none", "SessionToken": "none", "Expiration": 0.0}}'
)

_DRY_RUN: ContextVar[bool] = ContextVar("cognito_jupyter_dry_run", default=False)
"""Whether this thread runs an operation without sending it."""


def run_without_sending(client: Any) -> None:
    """Runs GetId and GetCredentialsForIdentity with made-up values.

    Args:
        client: A botocore client of cognito-identity. Other threads may use it at the same time.
    """
    token = _DRY_RUN.set(True)
    try:
        # As in `preconnect`: the call that meets the same fault later raises it.
        with suppress(BotoCoreError, ClientError):
            client.get_id(IdentityPoolId=_IDENTITY_ID, Logins=_LOGINS)
            client.get_credentials_for_identity(IdentityId=_IDENTITY_ID, Logins=_LOGINS, CustomRoleArn=_ROLE_ARN)
    finally:
        _DRY_RUN.reset(token)


def made_up_response(request: AWSPreparedRequest) -> AWSResponse | None:
    """Returns a response to either operation; None if this thread's request is to be sent."""
    if not _DRY_RUN.get():
        return None
    return AWSResponse(request.url, 200, HTTPHeaders(), HTTPResponse(BytesIO(_RESPONSE), preload_content=False))
