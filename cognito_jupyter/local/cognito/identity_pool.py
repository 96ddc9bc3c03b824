"""The identity pool: identities, and the role whose credentials a token is exchanged for.

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

from ..model import REGION, IssuedKey, Knobs
from .user_pool import UserPool

AssumeRole = Callable[[str, str], dict[str, str]]
"""From a role ARN and a session name to AccessKeyId, SecretKey and SessionToken."""


@dataclass(frozen=True)
class MappingRule:
    """A rule of a role mapping; the first rule that matches decides.

    Attributes:
        claim: The claim of the id token that is compared.
        match: How it is compared.
        value: What it is compared with.
        role_arn: The role, if the claim matches.
    """

    claim: str
    match: Literal["Equals", "Contains", "StartsWith", "NotEqual"]
    value: str
    role_arn: str


@dataclass
class RoleMapping:
    """How the pool selects a role for a token.

    Attributes:
        rules: The rules; without rules, the token's own claims decide.
        ambiguous: What happens if no role is found (AmbiguousRoleResolution).
    """

    rules: Sequence[MappingRule] = ()
    ambiguous: Literal["AuthenticatedRole", "Deny"] = "AuthenticatedRole"


class IdentityPoolError(Exception):
    """An error response of the identity pool.

    Args:
        error_type: The error's name, such as "NotAuthorizedException".
        message: The message.
    """

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(error_type)
        self.error_type = error_type
        self.message = message


class IdentityPool:
    """An identity pool that trusts one user pool.

    Args:
        pool: The user pool.
        knobs: The lifetime of credentials, and the clock.
        issued_keys: Where issued credentials are recorded, by their access key.
        assume_role: Makes credentials for a role.
        client_id: The app client that the id tokens must be for.
        region: The identity pool's Region.

    Attributes:
        pool_id: The identity pool's id.
        mapping: How a role is selected; None: always the authenticated role.
        authenticated_role: The pool's default role; None: the pool is misconfigured.
    """

    def __init__(  # noqa: PLR0913 - what an identity pool needs, the last with a default
        self,
        pool: UserPool,
        knobs: Knobs,
        issued_keys: dict[str, IssuedKey],
        assume_role: AssumeRole,
        client_id: str,
        *,
        region: str = REGION,
    ) -> None:
        self.pool_id = f"{region}:{uuid.uuid4()}"
        self._region = region
        self.mapping: RoleMapping | None = RoleMapping()
        self.authenticated_role: str | None = None
        self._pool = pool
        self._knobs = knobs
        self._issued_keys = issued_keys
        self._assume_role = assume_role
        self._client_id = client_id
        self._identities: dict[str, str] = {}

    @property
    def provider(self) -> str:
        """The key of the user pool in `Logins`."""
        return self._pool.issuer.removeprefix("https://")

    def handle_action(self, action: str, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """Runs GetId or GetCredentialsForIdentity.

        Args:
            action: The action's name.
            body: Its parameters.

        Returns:
            The HTTP status and the response.
        """
        actions = {"GetId": self._get_id, "GetCredentialsForIdentity": self._get_credentials}
        try:
            if action not in actions:
                raise IdentityPoolError("UnknownOperationException", "")
            return 200, actions[action](body)
        except IdentityPoolError as error:
            return 400, {"__type": error.error_type, "message": error.message}

    def _get_id(self, body: Mapping[str, Any]) -> dict[str, Any]:
        if body.get("IdentityPoolId") != self.pool_id:
            message = f"IdentityPool '{body.get('IdentityPoolId')}' not found."
            raise IdentityPoolError("ResourceNotFoundException", message)
        claims = self._verified_claims(body.get("Logins"))
        identity = self._identities.setdefault(claims["sub"], f"{self._region}:{uuid.uuid4()}")
        return {"IdentityId": identity}

    def _get_credentials(self, body: Mapping[str, Any]) -> dict[str, Any]:
        identity = body.get("IdentityId")
        if identity not in self._identities.values():
            raise IdentityPoolError("ResourceNotFoundException", f"Identity '{identity}' not found.")
        claims = self._verified_claims(body.get("Logins"))
        if self._identities.get(claims["sub"]) != identity:
            raise _not_authorized(f"Access to Identity '{identity}' is forbidden.")
        role_arn = self._select_role(claims, body.get("CustomRoleArn"))
        expires = int(self._knobs.now() + self._knobs.credentials_seconds)
        keys = self._assume_role(role_arn, f"CognitoIdentityCredentials-{secrets.token_hex(4)}")
        issued = IssuedKey(keys["AccessKeyId"], keys["SecretKey"], keys["SessionToken"], role_arn, expires)
        self._issued_keys[issued.access_key_id] = issued
        return {"IdentityId": identity, "Credentials": keys | {"Expiration": float(expires)}}

    def _verified_claims(self, logins: object) -> dict[str, Any]:
        if not isinstance(logins, dict) or not logins:
            raise _not_authorized("Unauthenticated access is not supported for this identity pool.")
        token = logins.get(self.provider)
        if len(logins) != 1 or not isinstance(token, str):
            raise _not_authorized("Token is not from a supported provider of this identity pool.")
        claims = self._pool.signer.verified_claims(token, "id")
        if claims is None:
            raise _not_authorized("Invalid login token. Couldn't verify signed token.")
        if claims["iss"] != self._pool.issuer:
            raise _not_authorized("Invalid login token. Issuer doesn't match providerName")
        if claims["aud"] != self._client_id:
            raise _not_authorized("Token is not from a supported provider of this identity pool.")
        now = int(self._knobs.now())
        if now >= claims["exp"]:
            raise _not_authorized(f"Invalid login token. Token expired: {now} >= {claims['exp']}")
        return claims

    def _select_role(self, claims: Mapping[str, Any], custom_role_arn: object) -> str:
        role_arn: str | None = None
        if custom_role_arn is not None:
            if custom_role_arn not in claims.get("cognito:roles", []) or self.mapping is None:
                # Cognito's text is not known; its error code is.
                raise _not_authorized("The requested role is not allowed for this token.")
            return str(custom_role_arn)
        if self.mapping is not None:
            rules = self.mapping.rules
            role_arn = _role_by_rules(rules, claims) if rules else claims.get("cognito:preferred_role")
            if role_arn is None and self.mapping.ambiguous == "Deny":
                raise _not_authorized(f"The ambiguous role mapping rules for: {self.provider} denied this request.")
        role_arn = role_arn or self.authenticated_role
        if role_arn is None:
            raise IdentityPoolError(
                "InvalidIdentityPoolConfigurationException",
                "Invalid identity pool configuration. Check assigned IAM roles for this pool.",
            )
        return role_arn


def _not_authorized(message: str) -> IdentityPoolError:
    return IdentityPoolError("NotAuthorizedException", message)


def _role_by_rules(rules: Sequence[MappingRule], claims: Mapping[str, Any]) -> str | None:
    for rule in rules:
        value = claims.get(rule.claim)
        text = " ".join(value) if isinstance(value, list) else str(value) if value is not None else ""
        matches = {
            "Equals": text == rule.value,
            "Contains": rule.value in text,
            "StartsWith": text.startswith(rule.value),
            "NotEqual": text != rule.value,
        }
        if matches[rule.match]:
            return rule.role_arn
    return None
