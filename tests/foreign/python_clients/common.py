"""What the Python clients share: the route to the stand-in, and the talk with the test that started them."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import requests
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session

CLIENT_ID = os.environ["COGNITO_CLIENT_ID"]
REDIRECT_URI = os.environ["COGNITO_REDIRECT_URI"].split()[0]
REGION = os.environ["COGNITO_REGION"]
ISSUER = os.environ["FOREIGN_ISSUER"]


def sign_in(url: str) -> str:
    """Has the user sign in at a URL; returns the address that the browser was sent to."""
    print(json.dumps({"open": url}), flush=True)
    return sys.stdin.readline().strip()


def report(**result: object) -> None:
    """Tells the test what came out."""
    print(json.dumps({"result": result}), flush=True)


def routed(url: str) -> str:
    """Returns where the stand-in serves a URL of the user pool's public host, which no test may reach."""
    return url.replace(ISSUER.rpartition("/")[0], os.environ["COGNITO_DOMAIN"], 1)


def get_json(url: str) -> dict[str, Any]:
    """Returns a JSON document of the user pool."""
    response = requests.get(routed(url), timeout=10)
    response.raise_for_status()
    document: dict[str, Any] = response.json()
    return document


def new_session() -> OAuth2Session:
    """Returns Authlib's client for the app client, with its secret if it has one."""
    secret = os.environ["FOREIGN_CLIENT_SECRET"] or None
    method = "client_secret_basic" if secret else "none"
    return OAuth2Session(
        CLIENT_ID,
        secret,
        scope="openid email",
        redirect_uri=REDIRECT_URI,
        token_endpoint_auth_method=method,
        revocation_endpoint_auth_method=method,
        code_challenge_method="S256",
    )


def tokens_of_sign_in(session: OAuth2Session, configuration: dict[str, Any], **parameters: str) -> dict[str, Any]:
    """Returns the tokens of a sign-in.

    Args:
        session: Authlib's client.
        configuration: The pool's openid-configuration.
        **parameters: More parameters of the authorization request.
    """
    verifier = generate_token(48)
    url, _state = session.create_authorization_url(
        configuration["authorization_endpoint"], code_verifier=verifier, **parameters
    )
    tokens: dict[str, Any] = session.fetch_token(
        configuration["token_endpoint"], authorization_response=sign_in(url), code_verifier=verifier
    )
    return tokens
