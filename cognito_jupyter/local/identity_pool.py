"""The identity pool: identities, and which role's credentials a token buys.

Sources: https://docs.aws.amazon.com/cognitoidentity/latest/APIReference/API_GetCredentialsForIdentity.html;
https://docs.aws.amazon.com/cognito/latest/developerguide/role-based-access-control.html; the texts of errors are those
seen in public issues.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from .issued_keys import IssuedKey, IssuedKeys
from .model import Knobs
from .userpool import UserPool

AssumeRole = Callable[[str, str], dict[str, str]]
"""From a role ARN and a session name to AccessKeyId, SecretKey and SessionToken."""


@dataclass(frozen=True)
class MappingRule:
    """A rule of a role mapping: the first whose claim fits decides."""

    claim: str
    match: Literal["Equals", "Contains", "StartsWith", "NotEqual"]
    value: str
    role_arn: str


@dataclass
class RoleMapping:
    """How a token is turned into a role.

    Attributes:
        rules: By rules where there are any; else by the token's own claims.
        ambiguous: What happens where no role can be told.
    """

    rules: Sequence[MappingRule] = ()
    ambiguous: Literal["AuthenticatedRole", "Deny"] = "AuthenticatedRole"


class IdentityPoolError(Exception):
    """An error answer of the identity pool."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(error_type)
        self.error_type = error_type
        self.message = message


class IdentityPool:
    """An identity pool that trusts one user pool.

    Attributes:
        mapping: How a token is turned into a role; None: the authenticated role alone.
        authenticated_role: The pool's default role; None: the pool is misconfigured.
    """

    def __init__(
        self, pool: UserPool, knobs: Knobs, issued_keys: IssuedKeys, assume_role: AssumeRole, client_id: str
    ) -> None:
        self.pool_id = f"{pool.region}:{uuid.uuid4()}"
        self.provider = pool.issuer.removeprefix("https://")
        self.mapping: RoleMapping | None = RoleMapping()
        self.authenticated_role: str | None = None
        self._pool = pool
        self._knobs = knobs
        self._issued_keys = issued_keys
        self._assume_role = assume_role
        self._client_id = client_id
        self._identities: dict[str, str] = {}

    def handle_action(self, action: str, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """The status and the answer of GetId and GetCredentialsForIdentity."""
        try:
            match action:
                case "GetId":
                    return 200, self._get_id(body)
                case "GetCredentialsForIdentity":
                    return 200, self._get_credentials(body)
                case _:
                    raise IdentityPoolError("UnknownOperationException", "")
        except IdentityPoolError as denied:
            return 400, {"__type": denied.error_type, "message": denied.message}

    def _get_id(self, body: Mapping[str, Any]) -> dict[str, Any]:
        if body.get("IdentityPoolId") != self.pool_id:
            raise IdentityPoolError(
                "ResourceNotFoundException", f"IdentityPool '{body.get('IdentityPoolId')}' not found."
            )
        claims = self._verified_claims(body.get("Logins"))
        identity = self._identities.setdefault(claims["sub"], f"{self._pool.region}:{uuid.uuid4()}")
        return {"IdentityId": identity}

    def _get_credentials(self, body: Mapping[str, Any]) -> dict[str, Any]:
        identity = body.get("IdentityId")
        if identity not in self._identities.values():
            raise IdentityPoolError("ResourceNotFoundException", f"Identity '{identity}' not found.")
        claims = self._verified_claims(body.get("Logins"))
        if self._identities.get(claims["sub"]) != identity:
            raise IdentityPoolError("NotAuthorizedException", f"Access to Identity '{identity}' is forbidden.")
        role_arn = self._select_role(claims, body.get("CustomRoleArn"))
        expires = int(self._knobs.now() + self._knobs.credentials_seconds)
        keys = self._assume_role(role_arn, f"CognitoIdentityCredentials-{secrets.token_hex(4)}")
        self._issued_keys.add(
            IssuedKey(keys["AccessKeyId"], keys["SecretKey"], keys["SessionToken"], role_arn, expires)
        )
        return {"IdentityId": identity, "Credentials": keys | {"Expiration": float(expires)}}

    def _verified_claims(self, logins: object) -> dict[str, Any]:
        if not isinstance(logins, dict) or not logins:
            raise IdentityPoolError(
                "NotAuthorizedException", "Unauthenticated access is not supported for this identity pool."
            )
        token = logins.get(self.provider)
        if len(logins) != 1 or not isinstance(token, str):
            raise IdentityPoolError(
                "NotAuthorizedException", "Token is not from a supported provider of this identity pool."
            )
        claims = self._pool.signer.verified_claims(token, "id")
        if claims is None:
            raise IdentityPoolError("NotAuthorizedException", "Invalid login token. Couldn't verify signed token.")
        if claims["iss"] != self._pool.issuer:
            raise IdentityPoolError("NotAuthorizedException", "Invalid login token. Issuer doesn't match providerName")
        if claims["aud"] != self._client_id:
            raise IdentityPoolError(
                "NotAuthorizedException", "Token is not from a supported provider of this identity pool."
            )
        now = int(self._knobs.now())
        if now >= claims["exp"]:
            raise IdentityPoolError(
                "NotAuthorizedException", f"Invalid login token. Token expired: {now} >= {claims['exp']}"
            )
        return claims

    def _select_role(self, claims: Mapping[str, Any], custom_role_arn: object) -> str:
        role_arn = self._mapped_role(claims, custom_role_arn) or self.authenticated_role
        if role_arn is None:
            raise IdentityPoolError(
                "InvalidIdentityPoolConfigurationException",
                "Invalid identity pool configuration. Check assigned IAM roles for this pool.",
            )
        return role_arn

    def _mapped_role(self, claims: Mapping[str, Any], custom_role_arn: object) -> str | None:
        roles = claims.get("cognito:roles", [])
        if custom_role_arn is not None:
            if custom_role_arn not in roles or self.mapping is None:
                # The real text is not known; the code is.
                raise IdentityPoolError("NotAuthorizedException", "The requested role is not allowed for this token.")
            return str(custom_role_arn)
        if self.mapping is None:
            return None
        found = (
            _role_by_rules(self.mapping.rules, claims) if self.mapping.rules else claims.get("cognito:preferred_role")
        )
        if found is None and self.mapping.ambiguous == "Deny":
            raise IdentityPoolError(
                "NotAuthorizedException",
                f"The ambiguous role mapping rules for: {self.provider} denied this request.",
            )
        return found


def _role_by_rules(rules: Sequence[MappingRule], claims: Mapping[str, Any]) -> str | None:
    for rule in rules:
        value = claims.get(rule.claim)
        text = " ".join(value) if isinstance(value, list) else str(value) if value is not None else ""
        fits = {
            "Equals": text == rule.value,
            "Contains": rule.value in text,
            "StartsWith": text.startswith(rule.value),
            "NotEqual": text != rule.value,
        }
        if fits[rule.match]:
            return rule.role_arn
    return None
