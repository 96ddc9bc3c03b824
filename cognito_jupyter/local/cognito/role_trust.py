"""Whether a role's trust policy lets an identity pool assume it.

moto keeps trust policies without reading them, so that the identity pool does.

Source: https://docs.aws.amazon.com/cognito/latest/developerguide/role-trust-and-permissions.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

_PRINCIPALS = {
    "us-gov-west-1": "cognito-identity-us-gov.amazonaws.com",
    "us-gov-east-1": "cognito-identity.us-gov-east-1.amazonaws.com",
}
"""Of GovCloud's Regions: https://docs.aws.amazon.com/govcloud-us/latest/UserGuide/govcloud-cog.html"""


def trusts_identity_pool(trust: Mapping[str, Any], identity_pool_id: str, actions: Iterable[str]) -> bool:
    """Returns whether a trust policy lets signed-in identities of an identity pool assume the role.

    Args:
        trust: The trust policy. Of its conditions StringEquals and StringLike are known, also with ForAnyValue; another
            operator counts as not fulfilled.
        identity_pool_id: The identity pool.
        actions: The actions that the identity pool needs.
    """
    region = identity_pool_id.partition(":")[0]
    return all(
        any(_allows(statement, identity_pool_id, region, action) for statement in _as_list(trust["Statement"]))
        for action in actions
    )


def _allows(statement: Mapping[str, Any], identity_pool_id: str, region: str, action: str) -> bool:
    service = _PRINCIPALS.get(region, "cognito-identity.amazonaws.com")
    principal = statement.get("Principal")
    if statement["Effect"] != "Allow" or not isinstance(principal, dict):
        return False
    if service not in _as_list(principal.get("Federated", [])) or action not in _as_list(statement["Action"]):
        return False
    values = {f"{service}:aud": identity_pool_id, f"{service}:amr": "authenticated"}
    for operator, conditions in statement.get("Condition", {}).items():
        if operator.removeprefix("ForAnyValue:") not in {"StringEquals", "StringLike"}:
            return False
        if not all(key in values and _matches(operator, values[key], wanted) for key, wanted in conditions.items()):
            return False
    return True


def _matches(operator: str, value: str, wanted: Any) -> bool:
    if operator.endswith("StringLike"):
        return any(fnmatchcase(value, pattern) for pattern in _as_list(wanted))
    return value in _as_list(wanted)


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
