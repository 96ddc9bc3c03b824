"""The identity pool's side of a set-up: whether it is there, refuses guests, and knows the user pool.

It calls GetId twice, which needs no AWS credentials. Source:
https://docs.aws.amazon.com/cognitoidentity/latest/APIReference/API_GetId.html
"""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Iterator
from typing import Any

from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from .._util.botocore_session import new_session
from .._util.logs.redaction import suppress_debug_logs
from ..credentials.identity_pool.aws_errors import translate_network_error
from ..credentials.identity_pool.client import ENDPOINT_SOURCE
from ..errors import UnavailableError
from ..oauth.issuer import Issuer
from ..settings import Settings, parsers
from .probe import Probe
from .report import Check, fail, ok, unknown

IDENTITY_POOL = "identity pool"
_UNKNOWN_PROVIDER = "Token is not from a supported provider"


def check_identity_pool(settings: Settings, issuer: Issuer, probe: Probe) -> Iterator[Check]:
    """Yields the checks.

    Args:
        settings: The settings of the login.
        issuer: The user pool as its tokens name it.
        probe: Counts the requests.
    """
    pool_id = settings.configuration.identity_pool_id
    region = parsers.pool_region(pool_id, settings.configuration.region)
    client = _new_client(region)
    code, message = _get_id(client, probe, region, IdentityPoolId=pool_id)
    if code == "ResourceNotFoundException":
        yield fail(
            IDENTITY_POOL,
            f"There is no identity pool {pool_id} in {region}.",
            "Copy identity_pool_id from the console; check its region, and that it is in the right account.",
        )
        return
    yield ok(IDENTITY_POOL, f"Identity pool {pool_id} exists.")
    if code is None:
        yield fail(
            IDENTITY_POOL,
            "It gives AWS credentials to guests: anybody who knows its id gets the guest role.",
            "Turn off guest access in the identity pool's user access.",
        )
    elif "Unauthenticated access is not supported" in message:
        yield ok(IDENTITY_POOL, "It refuses guests.")
    else:
        yield unknown(IDENTITY_POOL, f"Whether it refuses guests is not known: {code}: {message}")
    token = _made_up_token(issuer, settings.configuration.client_id)
    code, message = _get_id(client, probe, region, IdentityPoolId=pool_id, Logins={issuer.provider_name: token})
    if _UNKNOWN_PROVIDER in message or message.startswith("Logins don't match"):
        yield fail(
            IDENTITY_POOL,
            f"It does not know user pool {settings.configuration.user_pool_id} with app client "
            f"{settings.configuration.client_id}.",
            "Add this user pool and this app client to the identity pool's identity providers.",
        )
    elif message.startswith("Invalid login token"):
        yield ok(
            IDENTITY_POOL, "It has checked the signature of a made-up token, so it knows a user pool of this name."
        )
        yield unknown(IDENTITY_POOL, "Whether it trusts this app client, and which roles there are.")
    else:
        yield unknown(IDENTITY_POOL, f"Whether it knows the user pool is not known: {code}: {message}")


def _get_id(client: Any, probe: Probe, region: str, **parameters: object) -> tuple[str | None, str]:
    """Calls GetId and returns the error's code and message; None as the code: there was no error.

    Raises:
        UnavailableError: No response came.
    """
    failure: UnavailableError
    with probe.contact(client.meta.endpoint_url, by_botocore=True), suppress_debug_logs():
        try:
            client.get_id(**parameters)
        except ClientError as error:
            return error.response["Error"]["Code"], error.response["Error"].get("Message", "")
        except BotoCoreError as error:
            failure = translate_network_error(error, region)
        else:
            return None, ""
        raise failure


def _new_client(region: str) -> Any:
    """Returns a client that sends each request once.

    Raises:
        SettingError: The endpoint is neither https nor loopback.
    """
    config = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=15)
    try:
        # Any: the stubs know no `meta.endpoint_url` of a client that is built by name.
        client: Any = new_session().create_client("cognito-identity", region_name=region, config=config)
    except ValueError:
        client = None  # botocore's error shows the URL, which may hold a password
    parsers.aws_endpoint(client.meta.endpoint_url if client is not None else "", ENDPOINT_SOURCE)
    return client


def _made_up_token(issuer: Issuer, client_id: str) -> str:
    """Returns what looks like an id token of the user pool, with a signature that no key made.

    Args:
        issuer: The user pool.
        client_id: The app client.
    """
    now = int(time.time())
    claims = {"sub": "doctor", "aud": client_id, "iss": issuer.url, "iat": now, "exp": now + 300, "token_use": "id"}
    header = {"kid": "doctor", "alg": "RS256"}
    parts = [json.dumps(part).encode() for part in (header, claims)] + [secrets.token_bytes(256)]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
