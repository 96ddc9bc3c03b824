"""The floor of a login: the same requests, sent directly over connections that are already open."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from cognito_jupyter.credentials.manager import CognitoCredentialsManager

from .implementations import make_authenticator
from .stage import Stage

_JSON = "application/x-amz-json-1.1"
_FORM = "application/x-www-form-urlencoded"


class RawClient:
    """Two open connections, one to the user pool and one to the identity pool.

    Args:
        stage: The Cognito.
        port: The port to connect to.
    """

    def __init__(self, stage: Stage, port: int) -> None:
        self._stage = stage
        self._port = port
        self._settings = stage.configuration(port)
        context = ssl.create_default_context(cafile=stage.ca_file)
        self._user_pool, self._identity_pool = (
            http.client.HTTPSConnection("127.0.0.1", port, timeout=60, context=context) for _ in range(2)
        )
        for connection in (self._user_pool, self._identity_pool):
            connection.request("GET", "/")
            connection.getresponse().read()

    def time_three_requests(self, idle: float) -> float:
        """Times the three requests of a first login: tokens, identity id, credentials.

        Args:
            idle: Seconds to wait first, as a login waits while the user types: processors save power then.

        Returns:
            The seconds.
        """
        form = self._code_exchange_form()
        time.sleep(idle)
        began = time.perf_counter()
        id_token = self._post(self._user_pool, "/oauth2/token", urlencode(form), {"Content-Type": _FORM})["id_token"]
        logins = {"Logins": self._logins(id_token)}
        identity = self._call_identity_pool("GetId", {"IdentityPoolId": self._settings.identity_pool_id, **logins})[
            "IdentityId"
        ]
        self._call_identity_pool("GetCredentialsForIdentity", {"IdentityId": identity, **logins})
        return time.perf_counter() - began

    def time_credentials(self, manager: CognitoCredentialsManager, role_arn: str) -> float:
        """Times one request of credentials; returns the seconds.

        Args:
            manager: Has the id token and the identity id.
            role_arn: The role.
        """
        tokens = manager.auth_tokens
        if tokens is None:
            raise RuntimeError("No user is signed in.")
        body = {
            "IdentityId": manager.identity_id,
            "CustomRoleArn": role_arn,
            "Logins": self._logins(tokens["id_token"]),
        }
        began = time.perf_counter()
        self._call_identity_pool("GetCredentialsForIdentity", body)
        return time.perf_counter() - began

    def close(self) -> None:
        """Closes the connections."""
        self._user_pool.close()
        self._identity_pool.close()

    def _logins(self, id_token: str) -> dict[str, str]:
        provider = f"cognito-idp.{self._settings.region}.amazonaws.com/{self._settings.user_pool_id}"
        return {provider: str(id_token)}

    def _code_exchange_form(self) -> dict[str, str]:
        """Signs in up to the redirect, and returns the form of the code exchange."""
        import cognito_jupyter

        authenticator = make_authenticator(cognito_jupyter, self._stage, self._port)
        verifier, challenge = authenticator.generate_pkce_pair()
        redirect_url = self._stage.sign_in(authenticator.get_authorization_url(challenge, "state"))
        return {
            "grant_type": "authorization_code",
            "client_id": self._settings.client_id,
            "code": parse_qs(urlsplit(redirect_url).query)["code"][0],
            "code_verifier": verifier,
            "redirect_uri": self._settings.redirect_uri,
        }

    def _call_identity_pool(self, action: str, body: dict[str, Any]) -> Any:
        headers = {"Content-Type": _JSON, "X-Amz-Target": f"AWSCognitoIdentityService.{action}"}
        return self._post(self._identity_pool, "/", json.dumps(body), headers)

    @staticmethod
    def _post(connection: http.client.HTTPSConnection, path: str, body: str, headers: dict[str, str]) -> Any:
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        payload = json.loads(response.read())
        if response.status != http.HTTPStatus.OK:
            raise RuntimeError(f"{path} returned {response.status}: {payload}")
        return payload
