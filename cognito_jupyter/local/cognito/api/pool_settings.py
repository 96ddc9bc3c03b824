"""Operations on the settings of the user pool and of its app clients.

The lifetimes of tokens and the rotation of refresh tokens are knobs, for all app clients: UpdateUserPoolClient turns
them, and DescribeUserPoolClient reads them.

Source: https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_UpdateUserPoolClient.html and
those of the other operations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from ...faults import LOOPBACK_NAMES
from ...model import ACCOUNT, DEFAULT_AUTH_FLOWS, AppClient, Knobs
from ..tokens.issuer import partition_of
from .attributes import STANDARD_ATTRIBUTES
from .directory import Directory
from .errors import ApiError, invalid_parameter
from .paging import take_page
from .passwords import POLICY
from .sign_in import allowed_flows

_SECONDS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86_400}
_VALIDITIES = {
    "AccessToken": ("access_token_seconds", "hours", 300, 86_400, 3600),
    "IdToken": ("id_token_seconds", "hours", 300, 86_400, 3600),
    "RefreshToken": ("refresh_token_seconds", "days", 3600, 3650 * 86_400, 30 * 86_400),
}
"""For each token: the knob, the unit if none is given, the shortest, the longest and the default lifetime."""
_SCOPES = frozenset({"openid", "email", "phone", "profile", "aws.cognito.signin.user.admin"})
_FURTHER = (
    "ReadAttributes", "WriteAttributes", "SupportedIdentityProviders", "DefaultRedirectURI", "AnalyticsConfiguration",
    "EnablePropagateAdditionalUserContextData", "AuthSessionValidity",
)  # fmt: skip
"""Attributes of an app client that are kept and shown, and have no effect."""


class PoolOperations:
    """Operations on the settings of the user pool and of its app clients.

    Args:
        directory: The user pool.
    """

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def describe_user_pool(self, _body: Mapping[str, Any]) -> dict[str, Any]:
        """DescribeUserPool."""
        pool, knobs = self._directory.pool, self._directory.knobs
        region = pool.regions[0]
        settings = {
            "Id": pool.pool_id,
            "Name": "local",
            "Policies": {"PasswordPolicy": dict(POLICY)},
            "DeletionProtection": "INACTIVE",
            "LambdaConfig": {},
            "LastModifiedDate": pool.created,
            "CreationDate": pool.created,
            "SchemaAttributes": [_describe_attribute(name) for name in STANDARD_ATTRIBUTES],
            "MfaConfiguration": "OPTIONAL" if any(each.totp_secret for each in list(pool.users.values())) else "OFF",
            "EstimatedNumberOfUsers": len(pool.users),
            "EmailConfiguration": {"EmailSendingAccount": "COGNITO_DEFAULT"},
            "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": True, "UnusedAccountValidityDays": 7},
            "UsernameConfiguration": {"CaseSensitive": True},
            "Arn": f"arn:{partition_of(region)}:cognito-idp:{region}:{ACCOUNT}:userpool/{pool.pool_id}",
            "UserPoolTier": "ESSENTIALS",
            "IssuerConfiguration": {"Type": "UPDATED" if knobs.issuer_type == "UPDATED" else "ORIGINAL"},
        }
        return {"UserPool": settings | ({"UsernameAttributes": ["email"]} if knobs.username_is_sub else {})}

    def list_user_pool_clients(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """ListUserPoolClients."""
        clients, pool_id = tuple(self._directory.pool.clients.values()), self._directory.pool.pool_id
        page, following = take_page(clients, body.get("MaxResults"), body.get("NextToken"))
        shown = [{"ClientId": each.client_id, "UserPoolId": pool_id, "ClientName": each.name} for each in page]
        return {"UserPoolClients": shown} | ({"NextToken": following} if following else {})

    def describe_user_pool_client(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """DescribeUserPoolClient."""
        return {"UserPoolClient": self._describe(self._directory.client(body["ClientId"]))}

    def update_user_pool_client(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """UpdateUserPoolClient; as at AWS, what a request leaves out gets its default value."""
        client = self._directory.client(body["ClientId"])
        # All checks come before the first change.
        lifetimes = {knob: _lifetime(body, token) for token, (knob, *_) in _VALIDITIES.items()}
        rotation = body.get("RefreshTokenRotation", {})
        rotates = rotation.get("Feature") == "ENABLED"
        flows = _auth_flows(body, rotates=rotates)
        updated = replace(
            client,
            name=body.get("ClientName", client.name),
            redirect_uris=_checked_urls(body.get("CallbackURLs", ())),
            logout_uris=_checked_urls(body.get("LogoutURLs", ())),
            **_oauth_settings(body),
            revocation=body.get("EnableTokenRevocation", True),
            auth_flows=flows,
            hides_unknown_users=body.get("PreventUserExistenceErrors", "LEGACY") == "ENABLED",
            further={name: body[name] for name in _FURTHER if name in body},
            modified=self._directory.knobs.now(),
        )
        self._directory.pool.clients[client.client_id] = updated
        for knob, seconds in lifetimes.items():
            setattr(self._directory.knobs, knob, seconds)
        self._directory.knobs.rotation = rotates
        self._directory.knobs.grace = rotation.get("RetryGracePeriodSeconds", 0)
        return {"UserPoolClient": self._describe(updated)}

    def _describe(self, client: AppClient) -> dict[str, Any]:
        knobs = self._directory.knobs
        rotation = {"Feature": "ENABLED", "RetryGracePeriodSeconds": int(knobs.grace)}
        return {
            "UserPoolId": self._directory.pool.pool_id,
            "ClientName": client.name,
            "ClientId": client.client_id,
            **({"ClientSecret": client.secret} if client.secret is not None else {}),
            "LastModifiedDate": client.modified,
            "CreationDate": client.created,
            **_describe_lifetimes(knobs),
            "ExplicitAuthFlows": allowed_flows(client, rotation=knobs.rotation),
            "SupportedIdentityProviders": ["COGNITO", *self._directory.pool.providers],
            "CallbackURLs": list(client.redirect_uris),
            "LogoutURLs": list(client.logout_uris),
            "AllowedOAuthFlows": ["code"] if client.code_grant else [],
            "AllowedOAuthScopes": list(client.scopes),
            "AllowedOAuthFlowsUserPoolClient": client.code_grant,
            "PreventUserExistenceErrors": "ENABLED" if client.hides_unknown_users else "LEGACY",
            "EnableTokenRevocation": client.revocation,
            "RefreshTokenRotation": rotation if knobs.rotation else {"Feature": "DISABLED"},
            **client.further,
        }


def _describe_attribute(name: str) -> dict[str, Any]:
    kind = "Boolean" if name.endswith("_verified") else "Number" if name == "updated_at" else "String"
    is_id = name == "sub"
    return {
        "Name": name,
        "AttributeDataType": kind,
        "DeveloperOnlyAttribute": False,
        "Mutable": not is_id,
        "Required": is_id,
    }


def _describe_lifetimes(knobs: Knobs) -> dict[str, Any]:
    """Returns the lifetimes in the longest unit that fits; a knob may be shorter than AWS allows."""
    described: dict[str, Any] = {"TokenValidityUnits": {}}
    for token, (knob, *_) in _VALIDITIES.items():
        seconds = max(1, int(getattr(knobs, knob)))
        fitting = [unit for unit, size in _SECONDS.items() if seconds % size == 0]
        described[f"{token}Validity"] = seconds // _SECONDS[fitting[-1]]
        described["TokenValidityUnits"][token] = fitting[-1]
    return described


def _lifetime(body: Mapping[str, Any], token: str) -> int:
    """Returns the lifetime of a token in seconds.

    Raises:
        ApiError: It is shorter or longer than AWS allows.
    """
    _, default_unit, least, most, default = _VALIDITIES[token]
    given = body.get(f"{token}Validity")
    # A refresh token's 0 is AWS's way to write the default.
    if not given:
        return default
    seconds: int = given * _SECONDS[body.get("TokenValidityUnits", {}).get(token, default_unit)]
    if not least <= seconds <= most:
        raise invalid_parameter(f"Invalid range for token validity: {token}Validity")
    return seconds


def _auth_flows(body: Mapping[str, Any], *, rotates: bool) -> tuple[str, ...]:
    given = body.get("ExplicitAuthFlows")
    if not given:
        return DEFAULT_AUTH_FLOWS
    if rotates and "ALLOW_REFRESH_TOKEN_AUTH" in given:
        # The developer guide ("Refresh token rotation") says that both exclude each other; the text is not known.
        raise invalid_parameter("ALLOW_REFRESH_TOKEN_AUTH cannot be used with refresh token rotation.")
    return tuple(given)


def _oauth_settings(body: Mapping[str, Any]) -> dict[str, Any]:
    scopes, flows = tuple(body.get("AllowedOAuthScopes", ())), body.get("AllowedOAuthFlows", ())
    enabled = body.get("AllowedOAuthFlowsUserPoolClient", False)
    if enabled and not (flows and scopes):
        # Cognito's text is not known.
        message = "An app client for OAuth needs AllowedOAuthFlows and AllowedOAuthScopes."
        raise ApiError("InvalidOAuthFlowException", message)
    if enabled and not body.get("CallbackURLs"):
        # The text is that of cisagov/crossfeed#440.
        message = "CallbackUrls can not be empty when code flow or implicit flow is selected"
        raise ApiError("InvalidOAuthFlowException", message)
    unknown = [scope for scope in scopes if scope not in _SCOPES]
    if unknown:
        # The text is that of awsdocs/aws-cloudformation-user-guide#564.
        raise ApiError("ScopeDoesNotExistException", f"Invalid scope requested: {', '.join(unknown)}")
    return {"scopes": scopes, "code_grant": enabled and "code" in flows}


def _checked_urls(urls: Sequence[str]) -> tuple[str, ...]:
    for url in urls:
        parts = urlsplit(url)
        if parts.scheme == "http" and parts.hostname not in LOOPBACK_NAMES:
            raise invalid_parameter(f"{url} cannot use the HTTP protocol.")
    return tuple(urls)
