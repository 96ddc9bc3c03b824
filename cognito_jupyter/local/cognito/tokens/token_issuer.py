"""The id and access tokens: their claims, signed.

Sources: https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-id-token.html and
amazon-cognito-user-pools-using-the-access-token.html
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from ...model import Group, Knobs, User
from .grants import Grant
from .pre_token import TokenChanges
from .signing import Signer, base64url
from .user_claims import attribute_claims, group_names, identity_claims, role_claims


class TokenIssuer:
    """Issues id and access tokens.

    Args:
        knobs: Lifetimes and the clock.
        signer: The signing keys.
    """

    def __init__(self, knobs: Knobs, signer: Signer) -> None:
        self._knobs = knobs
        self._signer = signer

    def issue(
        self, grant: Grant, user: User, groups: Sequence[Group], issuer: str, trigger: TokenChanges, **changes: Any
    ) -> dict[str, Any]:
        """Issues the tokens of a grant.

        Args:
            grant: The grant.
            user: Its user.
            groups: The user's groups.
            issuer: The `iss` claim.
            trigger: What a pre token generation trigger changes.
            **changes: Claims that replace those of the id token; None removes one.

        Returns:
            The response of the token endpoint, without a refresh token. An id token comes only with the scope `openid`,
            or where the user signed in by the API of the user pool.
        """
        common = self._common_claims(grant, user, issuer)
        access_claims = trigger.apply_to_access_token(common | self._access_claims(grant, user))
        access_token = self._signer.sign_token("access", _present(access_claims))
        response = {
            "access_token": access_token,
            "expires_in": int(self._knobs.access_token_seconds),
            "token_type": "Bearer",
        }
        if not grant.from_api and "openid" not in grant.scope.split():
            return response
        id_claims = common | self._id_claims(grant, user) | role_claims(groups, prefer=self._knobs.preferred_role)
        if not grant.from_api:
            id_claims["at_hash"] = base64url(hashlib.sha256(access_token.encode()).digest()[:16])
        id_claims = _present(trigger.apply_to_id_token(id_claims) | changes)
        return {"id_token": self._signer.sign_token("id", id_claims), **response}

    def _common_claims(self, grant: Grant, user: User, issuer: str) -> dict[str, Any]:
        claims: dict[str, Any] = {
            "sub": user.sub,
            "iss": issuer,
            "origin_jti": grant.origin_jti,
            "event_id": str(uuid.uuid4()),
            "auth_time": grant.session.auth_time,
            "iat": int(self._knobs.now()),
        }
        if self._knobs.acr is not None:
            claims["acr"] = self._knobs.acr
        if self._knobs.amr:
            claims["amr"] = list(self._knobs.amr)
        groups = group_names(user, issuer.rpartition("/")[2])
        if groups:
            claims["cognito:groups"] = groups
        return claims

    def _access_claims(self, grant: Grant, user: User) -> dict[str, Any]:
        further: dict[str, Any] = {"aud": grant.resource} if grant.resource else {}
        if not grant.from_api:
            further["version"] = 2
        return {
            **further,
            "jti": str(uuid.uuid4()),
            "token_use": "access",
            "client_id": grant.client_id,
            "username": self._name(user),
            "scope": grant.scope,
            "exp": int(self._knobs.now()) + int(self._knobs.access_token_seconds),
        }

    def _name(self, user: User) -> str:
        return user.sub if self._knobs.username_is_sub else user.username

    def _id_claims(self, grant: Grant, user: User) -> dict[str, Any]:
        return {
            **attribute_claims(user, grant.scope.split()),
            **identity_claims(user),
            "cognito:username": self._name(user),
            "jti": str(uuid.uuid4()),
            "token_use": "id",
            "aud": grant.client_id,
            "exp": int(self._knobs.now()) + int(self._knobs.id_token_seconds),
            "nonce": grant.nonce or None,
        }


def _present(claims: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in claims.items() if value is not None}
