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
from .identity_validation import explain_invalid
from .role_trust import trusts_identity_pool
from .user_pool import UserPool

AssumeRole = Callable[[str, str, Mapping[str, str]], dict[str, str]]
"""From a role ARN, a session name and session tags to AccessKeyId, SecretKey and SessionToken."""
_UNSUPPORTED_PROVIDER = "Token is not from a supported provider of this identity pool."


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
        pool_id: The identity pool's id; None makes one up.

    Attributes:
        pool_id: The identity pool's id.
        other_pool_id: The id of another identity pool, which exists and knows no user pool.
        identities: The identity of each user, by `sub`.
        mapping: How a role is selected; None: always the authenticated role.
        authenticated_role: The pool's default role; None: the pool is misconfigured.
        principal_tags: The session tags of credentials: the claim of the id token for each.
        trust_policies: Trust policies by role ARN; a role without one trusts this pool.
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
        pool_id: str | None = None,
    ) -> None:
        self.pool_id = pool_id or f"{region}:{uuid.uuid4()}"
        self.other_pool_id = f"{region}:{uuid.uuid4()}"
        self._region = region
        self.mapping: RoleMapping | None = RoleMapping()
        self.authenticated_role: str | None = None
        self.principal_tags: Mapping[str, str] = {}
        self.trust_policies: Mapping[str, Mapping[str, Any]] = {}
        self._pool = pool
        self._knobs = knobs
        self._issued_keys = issued_keys
        self._assume_role = assume_role
        self._client_id = client_id
        self.identities: dict[str, str] = {}

    @property
    def identity_count(self) -> int:
        """How many users have an identity."""
        return len(self.identities)

    def handle_action(self, action: str, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """Runs GetId or GetCredentialsForIdentity.

        Args:
            action: The action's name.
            body: Its parameters.

        Returns:
            The HTTP status and the response.
        """
        actions = {
            "GetId": ("IdentityPoolId", self._get_id),
            "GetCredentialsForIdentity": ("IdentityId", self._get_credentials),
        }
        try:
            if action not in actions:
                raise IdentityPoolError("UnknownOperationException", "")
            required, run = actions[action]
            if not _has_right_types(body):
                raise IdentityPoolError("SerializationException", "")
            invalid = explain_invalid(body, required)
            if invalid is not None:
                raise IdentityPoolError("ValidationException", invalid)
            return 200, run(body)
        except IdentityPoolError as error:
            return 400, {"__type": error.error_type, "message": error.message}

    def _get_id(self, body: Mapping[str, Any]) -> dict[str, Any]:
        if body["IdentityPoolId"] not in {self.pool_id, self.other_pool_id}:
            message = f"IdentityPool '{body['IdentityPoolId']}' not found."
            raise IdentityPoolError("ResourceNotFoundException", message)
        if body["IdentityPoolId"] == self.other_pool_id and body.get("Logins"):
            raise _not_authorized(
                "Logins don't match. Please include at least one valid login for this identity or identity pool."
            )
        if self._knobs.guests and not body.get("Logins"):
            return {"IdentityId": f"{self._region}:{uuid.uuid4()}"}
        claims = self._verified_claims(body.get("Logins"))
        identity = self.identities.setdefault(claims["sub"], f"{self._region}:{uuid.uuid4()}")
        return {"IdentityId": identity}

    def _get_credentials(self, body: Mapping[str, Any]) -> dict[str, Any]:
        identity = body.get("IdentityId")
        if identity not in self.identities.values():
            raise IdentityPoolError("ResourceNotFoundException", f"Identity '{identity}' not found.")
        claims = self._verified_claims(body.get("Logins"))
        if self.identities.get(claims["sub"]) != identity:
            raise _not_authorized(f"Access to Identity '{identity}' is forbidden.")
        role_arn = self._select_role(claims, body.get("CustomRoleArn"))
        tags = {tag: str(claims[claim]) for tag, claim in self.principal_tags.items() if claim in claims}
        self._require_trust(role_arn, tags)
        expires = int(self._knobs.now() + self._knobs.credentials_seconds)
        keys = self._assume_role(role_arn, f"CognitoIdentityCredentials-{secrets.token_hex(4)}", tags)
        issued = IssuedKey(keys["AccessKeyId"], keys["SecretKey"], keys["SessionToken"], role_arn, expires)
        self._issued_keys[issued.access_key_id] = issued
        return {"IdentityId": identity, "Credentials": keys | {"Expiration": expires}}

    def _verified_claims(self, logins: Mapping[str, str] | None) -> dict[str, Any]:
        """Returns the claims of the id token in `Logins`.

        The order of the checks is not known; each of the errors is.
        """
        if not logins:
            raise _not_authorized("Unauthenticated access is not supported for this identity pool.")
        if len(logins) != 1:
            raise _not_authorized(_UNSUPPORTED_PROVIDER)
        ((provider, token),) = logins.items()
        signer = self._pool.signer
        claims = signer.verified_claims(token, "id") or signer.verified_claims(token, "access")
        if claims is None:
            raise _not_authorized("Invalid login token. Couldn't verify signed token.")
        if "aud" not in claims:
            raise _not_authorized("Invalid login token. Missing a required claim: aud")
        self._require_provider(provider, claims["iss"])
        if claims["aud"] != self._client_id:
            raise _not_authorized(_UNSUPPORTED_PROVIDER)
        now = int(self._knobs.now())
        if now >= claims["exp"]:
            raise _not_authorized(f"Invalid login token. Token expired: {now} >= {claims['exp']}")
        return claims

    def _require_provider(self, provider: str, issuer: str) -> None:
        """Checks the key of `Logins` against the token's issuer, and against what the pool accepts."""
        name = issuer.partition("://")[2]
        original = name.removeprefix("issuer-")
        updated = f"issuer-{original}"
        if provider not in {original, updated} or issuer not in self._pool.issuers:
            raise _not_authorized("Invalid login token. Issuer doesn't match providerName")
        accepted = {"issuer": (name,), "original": (original,), "updated": (updated,), "both": (original, updated)}
        if provider not in accepted[self._knobs.logins_keys]:
            raise _not_authorized(_UNSUPPORTED_PROVIDER)

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
                provider = claims["iss"].removeprefix("https://")
                raise _not_authorized(f"The ambiguous role mapping rules for: {provider} denied this request.")
        role_arn = role_arn or self.authenticated_role
        if role_arn is None:
            raise _invalid_configuration()
        return role_arn

    def _require_trust(self, role_arn: str, tags: Mapping[str, str]) -> None:
        """Checks that the role trusts this pool; session tags need an action of their own."""
        trust = self.trust_policies.get(role_arn)
        actions = ["sts:AssumeRoleWithWebIdentity", *(["sts:TagSession"] if tags else [])]
        if trust is not None and not trusts_identity_pool(trust, self.pool_id, actions):
            raise _invalid_configuration()


def _has_right_types(body: Mapping[str, Any]) -> bool:
    """Returns whether each parameter has the type of the API's model."""
    logins = body.get("Logins")
    texts = [body.get(name) for name in ("IdentityPoolId", "IdentityId", "CustomRoleArn")]
    if logins is not None:
        if not isinstance(logins, dict):
            return False
        texts += logins.values()
    return all(text is None or isinstance(text, str) for text in texts)


def _invalid_configuration() -> IdentityPoolError:
    return IdentityPoolError(
        "InvalidIdentityPoolConfigurationException",
        "Invalid identity pool configuration. Check assigned IAM roles for this pool.",
    )


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
