"""The pre token generation trigger: a function in Python, such as that of a Lambda, changes what the tokens contain.

Its event is that of version 2, and it may respond as version 1 or as version 2.

Source: https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-pre-token-generation.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ...model import Group, User
from ..responses import OAuthError
from .grants import Grant
from .user_claims import attribute_claims, role_claims

PreTokenHandler = Callable[[dict[str, Any], Any], dict[str, Any]]
"""A Lambda function: from an event and a context, which is None here, to the event with a response in it."""
TriggerSource = Literal["TokenGeneration_HostedAuth", "TokenGeneration_RefreshTokens", "TokenGeneration_Authentication"]
_FIXED_CLAIMS = frozenset({
    "acr", "amr", "at_hash", "aud", "auth_time", "azp", "client_id", "cognito:groups", "cognito:preferred_role",
    "cognito:roles", "cognito:username", "event_id", "exp", "iat", "identities", "iss", "jti", "nbf", "nonce",
    "origin_jti", "scope", "sub", "token_use", "username", "version",
})  # fmt: skip
"""Claims that a trigger cannot add, change or remove; groups and scopes have fields of their own."""


@dataclass(frozen=True)
class TokenChanges:
    """What a trigger changes.

    Attributes:
        id_claims: Claims to add to the id token or to change there.
        id_suppressed: Claims to leave out of it.
        access_claims: Claims to add to the access token or to change there.
        access_suppressed: Claims to leave out of it.
        scopes_added: Scopes to add to the access token.
        scopes_suppressed: Scopes to leave out of it.
        groups: The claims of groups and roles in place of the user's own.
    """

    id_claims: Mapping[str, Any] = field(default_factory=dict)
    id_suppressed: Sequence[str] = ()
    access_claims: Mapping[str, Any] = field(default_factory=dict)
    access_suppressed: Sequence[str] = ()
    scopes_added: Sequence[str] = ()
    scopes_suppressed: Sequence[str] = ()
    groups: Mapping[str, Any] = field(default_factory=dict)

    def apply_to_id_token(self, claims: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the claims of an id token after the changes."""
        return _changed({**claims, **self.groups}, self.id_claims, self.id_suppressed)

    def apply_to_access_token(self, claims: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the claims of an access token after the changes."""
        scopes = [scope for scope in claims["scope"].split() if scope not in self.scopes_suppressed]
        scope = " ".join(dict.fromkeys([*scopes, *self.scopes_added]))
        groups = {name: value for name, value in self.groups.items() if name == "cognito:groups"}
        return _changed({**claims, **groups, "scope": scope}, self.access_claims, self.access_suppressed)


def _changed(claims: Mapping[str, Any], added: Mapping[str, Any], suppressed: Sequence[str]) -> dict[str, Any]:
    free = {name: value for name, value in added.items() if name not in _FIXED_CLAIMS}
    removed = {*suppressed} - _FIXED_CLAIMS
    return {name: value for name, value in {**claims, **free}.items() if name not in removed}


def run_pre_token(  # noqa: PLR0913 - what the event is about
    handler: PreTokenHandler | None,
    source: TriggerSource,
    *,
    pool_id: str,
    grant: Grant,
    user: User,
    groups: Sequence[Group],
) -> TokenChanges:
    """Runs a trigger, and returns what it changes; without one, nothing.

    Args:
        handler: The function; None if there is none.
        source: Why the tokens are issued.
        pool_id: The user pool.
        grant: The grant.
        user: Its user.
        groups: The user's groups.

    Raises:
        OAuthError: The function failed, or returned no event.
    """
    if handler is None:
        return TokenChanges()
    attributes = attribute_claims(user, {"openid"}) | {"sub": user.sub}
    roles = role_claims(groups, prefer=True)
    event = {
        "version": "2",
        "triggerSource": source,
        "region": pool_id.partition("_")[0],
        "userPoolId": pool_id,
        "userName": user.username,
        "callerContext": {"awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": grant.client_id},
        "request": {
            "userAttributes": {
                name: str(value).lower() if isinstance(value, bool) else str(value)
                for name, value in attributes.items()
            },
            "groupConfiguration": {
                "groupsToOverride": list(user.groups),
                "iamRolesToOverride": roles.get("cognito:roles", []),
                "preferredRole": roles.get("cognito:preferred_role"),
            },
            "scopes": grant.scope.split(),
        },
        "response": {},
    }
    try:
        response = handler(event, None)["response"]
        return _changes_of(response)
    except Exception as error:
        # The form is that of other triggers; what AWS's token endpoint sends is not known.
        message = f"PreTokenGeneration failed with error {error}."
        raise OAuthError("invalid_request", message) from error


def _changes_of(response: Mapping[str, Any]) -> TokenChanges:
    details = response.get("claimsAndScopeOverrideDetails") or {}
    id_token = details.get("idTokenGeneration") or {}
    access_token = details.get("accessTokenGeneration") or {}
    if not details:
        # Version 1 changes the id token alone.
        details = id_token = response.get("claimsOverrideDetails") or {}
    overridden = details.get("groupOverrideDetails") or {}
    names = {
        "groupsToOverride": "cognito:groups",
        "iamRolesToOverride": "cognito:roles",
        "preferredRole": "cognito:preferred_role",
    }
    # Without `groupsToOverride` everything stays; an empty list leaves the claim out.
    groups = {claim: overridden.get(name) or None for name, claim in names.items()}
    return TokenChanges(
        id_token.get("claimsToAddOrOverride") or {},
        id_token.get("claimsToSuppress") or (),
        access_token.get("claimsToAddOrOverride") or {},
        access_token.get("claimsToSuppress") or (),
        access_token.get("scopesToAdd") or (),
        access_token.get("scopesToSuppress") or (),
        groups if "groupsToOverride" in overridden else {},
    )
