"""Operations that sign in without the login page, refresh, and sign out.

Sources: https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_InitiateAuth.html and those of
the other operations; https://docs.aws.amazon.com/cognito/latest/developerguide/signing-up-users-in-your-app.html
(the secret hash). The texts of errors are those of public reports: amazon-archives/amazon-cognito-identity-js#373,
aws/aws-sdk-net#1936, aws/aws-sdk-java-v2#3418, aws-amplify/amplify-js#277, #2205 and #5921.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...model import AppClient, User
from ..responses import OAuthError, secrets_equal
from ..totp import is_totp_code
from ..user_pool import API_SCOPE, RefreshTokenError
from .attributes import describe_mfa, list_attributes
from .directory import Directory
from .errors import ApiError, invalid_parameter, not_authorized, not_here
from .passwords import check_password

_REFRESH_FLOWS = frozenset({"REFRESH_TOKEN_AUTH", "REFRESH_TOKEN"})
_ADMIN_FLOWS = frozenset({"ADMIN_USER_PASSWORD_AUTH", "ADMIN_NO_SRP_AUTH"})
_WRONG_PASSWORD = "Incorrect username or password."  # noqa: S105 - a message
_CHALLENGE_SECONDS = 180
"""AWS's default for a session (AuthSessionValidity)."""
_NEW_PASSWORD = "NEW_PASSWORD_REQUIRED"  # noqa: S105 - a challenge's name
_CODE = "SOFTWARE_TOKEN_MFA"


@dataclass(frozen=True, repr=False)
class Challenge:
    """A sign-in that waits for the user's new password, or for an authenticator's code.

    Attributes:
        name: What it waits for.
        username: The user.
        client_id: The app client.
        expires: When it ends.
    """

    name: str
    username: str
    client_id: str
    expires: float


class SignInOperations:
    """Operations that sign in without the login page, refresh, and sign out.

    Args:
        directory: The user pool.
    """

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._challenges: dict[str, Challenge] = {}

    # -- sign in

    def initiate_auth(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """InitiateAuth."""
        if body["AuthFlow"] in _ADMIN_FLOWS:
            # The text is that of soto-project/soto-cognito-authentication-kit#10.
            raise invalid_parameter("Initiate Auth method not supported.")
        return self._sign_in(body)

    def admin_initiate_auth(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """AdminInitiateAuth."""
        return self._sign_in(body)

    def _sign_in(self, body: Mapping[str, Any]) -> dict[str, Any]:
        client, flow, given = self._directory.client(body["ClientId"]), body["AuthFlow"], body.get("AuthParameters", {})
        here = {"USER_PASSWORD_AUTH", *_REFRESH_FLOWS, *_ADMIN_FLOWS}
        if flow not in here:
            raise not_here(f"authentication flow {flow}", ", ".join(sorted(here)))
        self._require_flow(client, flow)
        if flow in _REFRESH_FLOWS:
            tokens = self._refresh(client, _parameter(given, "REFRESH_TOKEN"), given.get("SECRET_HASH"))
            return {"ChallengeParameters": {}, "AuthenticationResult": tokens}
        username, password = _parameter(given, "USERNAME"), _parameter(given, "PASSWORD")
        _check_secret_hash(client, given.get("SECRET_HASH"), username)
        user = self._check_password(client, username, password)
        if user.must_change_password:
            return self._challenge(user, client, _NEW_PASSWORD)
        return self._after_password(user, client)

    def _after_password(self, user: User, client: AppClient) -> dict[str, Any]:
        return self._challenge(user, client, _CODE) if user.totp_secret else self._tokens(user, client)

    def _require_flow(self, client: AppClient, flow: str) -> None:
        needed = {"ADMIN_NO_SRP_AUTH": "ADMIN_USER_PASSWORD_AUTH", "REFRESH_TOKEN": "REFRESH_TOKEN_AUTH"}
        if f"ALLOW_{needed.get(flow, flow)}" not in allowed_flows(client, rotation=self._directory.knobs.rotation):
            # As in many public reports for USER_PASSWORD_AUTH; for the other flows the text is not verified.
            raise invalid_parameter(f"{flow} flow not enabled for this client")

    def _check_password(self, client: AppClient, username: str, password: str) -> User:
        user = self._directory.find_user(username)
        if user is None and not client.hides_unknown_users:
            raise ApiError("UserNotFoundException", "User does not exist.")
        if user is None or user.provider is not None or not secrets_equal(password, user.password):
            raise not_authorized(_WRONG_PASSWORD)
        if not user.enabled:
            raise not_authorized("User is disabled.")
        return user

    def _tokens(self, user: User, client: AppClient) -> dict[str, Any]:
        try:
            tokens = self._directory.pool.sign_in_by_api(user.username, client.client_id)
        except OAuthError as error:
            raise _trigger_failed(error) from None
        return {"ChallengeParameters": {}, "AuthenticationResult": _authentication_result(tokens)}

    # -- a new password in place of a temporary one, and an authenticator's code

    def _challenge(self, user: User, client: AppClient, name: str) -> dict[str, Any]:
        session = secrets.token_urlsafe(200)
        expires = self._directory.knobs.now() + _CHALLENGE_SECONDS
        self._challenges[session] = Challenge(name, user.username, client.client_id, expires)
        parameters = {"USER_ID_FOR_SRP": self._directory.username(user)}
        if name == _NEW_PASSWORD:
            attributes = {each["Name"]: each["Value"] for each in list_attributes(user) if each["Name"] != "sub"}
            parameters |= {"requiredAttributes": "[]", "userAttributes": json.dumps(attributes)}
        return {"ChallengeName": name, "Session": session, "ChallengeParameters": parameters}

    def respond_to_auth_challenge(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """RespondToAuthChallenge and AdminRespondToAuthChallenge, for a new password and an authenticator's code."""
        name = body["ChallengeName"]
        if name not in {_NEW_PASSWORD, _CODE}:
            raise not_here(f"challenge {name}", f"{_NEW_PASSWORD}, {_CODE}")
        client, given = self._directory.client(body["ClientId"]), body.get("ChallengeResponses", {})
        username = _parameter(given, "USERNAME")
        response = _parameter(given, "NEW_PASSWORD" if name == _NEW_PASSWORD else "SOFTWARE_TOKEN_MFA_CODE")
        _check_secret_hash(client, given.get("SECRET_HASH"), username)
        user = self._user_of_challenge(name, body.get("Session", ""), client, username)
        if name == _NEW_PASSWORD:
            check_password(response)
            self._directory.change_user(user, password=response, must_change_password=False)
        elif not is_totp_code(response, str(user.totp_secret), self._directory.knobs.now()):
            raise ApiError("CodeMismatchException", "Invalid code received for user")
        del self._challenges[body["Session"]]
        return self._after_password(user, client) if name == _NEW_PASSWORD else self._tokens(user, client)

    def _user_of_challenge(self, name: str, session: str, client: AppClient, username: str) -> User:
        challenge, user = self._challenges.get(session), self._directory.find_user(username)
        if challenge is None or user is None:
            raise not_authorized("Invalid session for the user.")
        if (challenge.name, challenge.username, challenge.client_id) != (name, user.username, client.client_id):
            raise not_authorized("Invalid session for the user.")
        if challenge.expires <= self._directory.knobs.now():
            raise not_authorized("Invalid session for the user, session is expired.")
        if not user.enabled:
            raise not_authorized("User is disabled.")
        return user

    # -- refresh

    def get_tokens_from_refresh_token(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """GetTokensFromRefreshToken, which rotates refresh tokens where the app client does."""
        client = self._directory.client(body["ClientId"])
        if client.secret is not None and not secrets_equal(body.get("ClientSecret"), client.secret):
            raise not_authorized(f"Unable to verify secret hash for client {client.client_id}")
        return {"AuthenticationResult": self._redeem(client, body["RefreshToken"])}

    def _refresh(self, client: AppClient, token: str, secret_hash: str | None) -> dict[str, Any]:
        user = self._directory.pool.user_of_refresh_token(token)
        if user is not None:
            _check_secret_hash(client, secret_hash, user.username, user.sub)
        return self._redeem(client, token)

    def _redeem(self, client: AppClient, token: str) -> dict[str, Any]:
        try:
            tokens = self._directory.pool.redeem_refresh_token(client, token)
        except RefreshTokenError as error:
            raise ApiError(
                "RefreshTokenReuseException" if error.reused else "NotAuthorizedException", error.reason
            ) from None
        except OAuthError as error:
            raise _trigger_failed(error) from None
        return _authentication_result(tokens)

    # -- the user's own operations

    def get_user(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """GetUser."""
        user = self._user_of_access_token(body["AccessToken"])
        attributes = {"Username": self._directory.username(user), "UserAttributes": list_attributes(user)}
        return attributes | describe_mfa(user)

    def global_sign_out(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """GlobalSignOut."""
        user = self._user_of_access_token(body["AccessToken"])
        self._directory.pool.sign_out_everywhere(user.username)
        return {}

    def _user_of_access_token(self, token: str) -> User:
        pool = self._directory.pool
        claims = pool.signer.verified_claims(token, "access")
        if claims is None:
            raise not_authorized("Invalid Access Token")
        if claims["exp"] <= pool.knobs.now():
            raise not_authorized("Access Token has expired")
        user = pool.current_user(claims)
        if user is None:
            raise not_authorized("Access Token has been revoked")
        if API_SCOPE not in claims["scope"].split():
            raise not_authorized("Access Token does not have required scopes")
        return user

    def revoke_token(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """RevokeToken; an unknown token is no error (RFC 7009, section 2.2)."""
        client, token = self._directory.pool.clients.get(body["ClientId"]), body["Token"]
        if client is None or (client.secret is not None and not secrets_equal(body.get("ClientSecret"), client.secret)):
            # As 401 invalid_client at /oauth2/revoke; ResourceNotFoundException is none of the operation's errors.
            raise ApiError("UnauthorizedException", "Invalid client.")
        if not client.revocation:
            raise ApiError("UnsupportedOperationException", "Token revocation is not enabled for this client.")
        if token.count(".") == 2 and token.startswith("eyJ"):
            raise ApiError("UnsupportedTokenTypeException", "Only refresh tokens can be revoked.")
        self._directory.pool.revoke_family(token)
        return {}


def allowed_flows(client: AppClient, *, rotation: bool) -> list[str]:
    """Returns the authentication flows that an app client allows: with rotation REFRESH_TOKEN_AUTH is none of them.

    Args:
        client: The app client.
        rotation: Whether it rotates refresh tokens.
    """
    return [flow for flow in client.auth_flows if not rotation or flow != "ALLOW_REFRESH_TOKEN_AUTH"]


def _trigger_failed(error: OAuthError) -> ApiError:
    """Returns the error for a trigger that failed while the tokens were made."""
    return ApiError("UserLambdaValidationException", error.description or "")


def _authentication_result(tokens: Mapping[str, Any]) -> dict[str, Any]:
    names = {
        "access_token": "AccessToken",
        "expires_in": "ExpiresIn",
        "token_type": "TokenType",
        "refresh_token": "RefreshToken",
        "id_token": "IdToken",
    }
    return {names[name]: value for name, value in tokens.items()}


def _parameter(given: Mapping[str, str], name: str) -> str:
    if not given.get(name):
        raise invalid_parameter(f"Missing required parameter {name}")
    return given[name]


def _check_secret_hash(client: AppClient, given: str | None, *usernames: str) -> None:
    """Checks the keyed hash with which a confidential client proves that it knows its secret."""
    if client.secret is None:
        return
    if not given:
        raise not_authorized(f"Client {client.client_id} is configured with secret but SECRET_HASH was not received")
    for username in usernames:
        digest = hmac.digest(client.secret.encode(), f"{username}{client.client_id}".encode(), hashlib.sha256)
        if secrets_equal(given, base64.b64encode(digest).decode()):
            return
    raise not_authorized(f"Unable to verify secret hash for client {client.client_id}")
