"""The roles of an id token, and the one that a role suffix means.

The manager, the command line and the notebook's completion call it. It makes no request and keeps nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..errors import RoleError


def roles_in(claims: Mapping[str, object]) -> tuple[str, ...]:
    """Returns the role ARNs of an id token, in its order.

    Amazon's guide shows `cognito:roles` as text with commas; live tokens hold an array.

    Source:
    https://docs.aws.amazon.com/cognito/latest/developerguide/role-based-access-control.html
    """
    roles = claims.get("cognito:roles")
    if isinstance(roles, str):
        roles = [role.strip() for role in roles.split(",")]
    if not isinstance(roles, list):
        return ()
    return tuple(dict.fromkeys(role for role in roles if isinstance(role, str) and role))


def choose_role(roles: Sequence[str], suffix: str | None) -> str | None:
    """Returns the one role whose ARN ends with the suffix.

    Args:
        roles: The ARNs to choose from.
        suffix: The end of an ARN; None: the first role.

    Returns:
        The ARN; None if there are no roles and no suffix, so that the identity pool's default role applies.

    Raises:
        RoleError: The suffix fits no role, or several (a PermissionError).
    """
    if suffix is None:
        return roles[0] if roles else None
    matches = [role for role in roles if role.endswith(suffix)]
    if len(matches) == 1:
        return matches[0]
    if not roles:
        raise RoleError(
            f"No role ends with {suffix!r}: the sign-in's token names no roles.",
            "Omit the suffix to use the identity pool's default role, or ask an administrator for a group with a role.",
        )
    if matches:
        choices = ", ".join(shortest_suffixes(matches, roles))
        raise RoleError(f"{len(matches)} roles end with {suffix!r}.", f"Choose one of: {choices}.")
    choices = ", ".join(shortest_suffixes(roles, roles))
    raise RoleError(f"No role ends with {suffix!r}.", f"This sign-in allows: {choices}.")


def shortest_suffixes(roles: Sequence[str], among: Sequence[str]) -> list[str]:
    """Returns for each role the shortest whole words at its end that are the end of no other role.

    Args:
        roles: The ARNs to name.
        among: All ARNs to distinguish.
    """
    return [_shortest_suffix(role, among) for role in roles]


def _shortest_suffix(role: str, among: Sequence[str]) -> str:
    for start in range(len(role) - 1, 0, -1):
        is_word = role[start].isalnum() and not role[start - 1].isalnum()
        # With the character before it if only that distinguishes them: "/Analyst" beside "/SeniorAnalyst".
        for suffix in (role[start:], role[start - 1 :]) if is_word else ():
            if [other for other in among if other.endswith(suffix)] == [role]:
                return suffix
    return role
