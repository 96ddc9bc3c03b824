"""What the tokens and userInfo say of a user: attributes by scope, the identity at another provider, groups and roles.

Sources: https://docs.aws.amazon.com/cognito/latest/developerguide/userinfo-endpoint.html (scopes);
https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-id-token.html
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from ...model import Group, User

ATTRIBUTE_SCOPES = frozenset({"email", "phone", "profile"})
"""Scopes that can be requested only together with `openid`."""


def attribute_claims(user: User, scopes: Collection[str]) -> dict[str, Any]:
    """Returns the attributes that the scopes open: `openid` alone opens all of them.

    Whether `profile` opens e-mail address and phone number too is not known: the guide of 2023 says so, today's does
    not. Here it does not, so that no client relies on it.

    Args:
        user: The user.
        scopes: The granted scopes, `openid` among them.
    """
    everything = not ATTRIBUTE_SCOPES.intersection(scopes)
    claims: dict[str, Any] = dict(user.attributes) if everything or "profile" in scopes else {}
    if user.email and (everything or "email" in scopes):
        # What an external provider says is not verified, unless the mapping says so.
        claims |= {"email": user.email, "email_verified": is_verified(user, user.email_verified)}
    if user.phone_number and (everything or "phone" in scopes):
        verified = is_verified(user, user.phone_number_verified)
        claims |= {"phone_number": user.phone_number, "phone_number_verified": verified}
    return claims


def is_verified(user: User, flag: bool | None) -> bool:
    """Returns whether an e-mail address or a phone number is verified.

    Args:
        user: The user.
        flag: What the user's attributes say of it.
    """
    return user.provider is None if flag is None else flag


def identity_claims(user: User) -> dict[str, Any]:
    """Returns the claim `identities` of a user who signs in at an external provider."""
    if user.provider is None:
        return {}
    identity = {
        "userId": user.login_name,
        "providerName": user.provider.name,
        "providerType": user.provider.provider_type,
        "issuer": None,
        "primary": "true",
        "dateCreated": "1767225600000",
    }
    return {"identities": [identity]}


def group_names(user: User, pool_id: str) -> list[str]:
    """Returns the claim `cognito:groups`; each external provider has a group that Cognito makes by itself.

    Args:
        user: The user.
        pool_id: The user pool's id.
    """
    own = [f"{pool_id}_{user.provider.name}"] if user.provider is not None else []
    return [*own, *user.groups]


def role_claims(groups: Sequence[Group], *, prefer: bool) -> dict[str, Any]:
    """Returns the claims `cognito:roles` and `cognito:preferred_role`.

    Args:
        groups: The user's groups.
        prefer: Whether to name the role of the group with the lowest precedence.
    """
    ranked = sorted(
        (group for group in groups if group.role_arn),
        key=lambda group: (group.precedence is None, group.precedence or 0),
    )
    roles = list(dict.fromkeys(str(group.role_arn) for group in ranked))
    claims: dict[str, Any] = {"cognito:roles": roles} if roles else {}
    preferred = {group.role_arn for group in ranked if group.precedence == ranked[0].precedence}
    if prefer and len(preferred) == 1:
        claims["cognito:preferred_role"] = preferred.pop()
    return claims
