"""Which role a suffix means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..errors import RoleError


def roles_in(claims: Mapping[str, object]) -> tuple[str, ...]:
    """The role ARNs that an id token allows, in its order.

    Amazon's guide shows `cognito:roles` as text with commas; live tokens hold an array. Source:
    https://docs.aws.amazon.com/cognito/latest/developerguide/role-based-access-control.html
    """
    roles = claims.get("cognito:roles")
    if isinstance(roles, str):
        roles = [role.strip() for role in roles.split(",")]
    if not isinstance(roles, list):
        return ()
    return tuple(dict.fromkeys(role for role in roles if isinstance(role, str) and role))


def choose_role(roles: Sequence[str], suffix: str | None) -> str | None:
    """The one role whose ARN ends with the suffix.

    Args:
        roles: The ARNs to choose from.
        suffix: The end of an ARN; None: the first there is.

    Returns:
        The ARN; None where there are no roles and none is asked for, so that the identity pool's default decides.

    Raises:
        RoleError: None, or more than one, fits (a PermissionError).
    """
    if suffix is None:
        return roles[0] if roles else None
    matches = [role for role in roles if role.endswith(suffix)]
    if len(matches) == 1:
        return matches[0]
    if not roles:
        raise RoleError(
            f"The sign-in allows no role that could end with {suffix!r}: its token names none.",
            "Leave the suffix out to use the identity pool's default role, or ask an administrator for a group with a "
            "role.",
        )
    if matches:
        choices = ", ".join(shortest_suffixes(matches, roles))
        raise RoleError(f"{len(matches)} roles end with {suffix!r}.", f"Choose one of: {choices}.")
    choices = ", ".join(shortest_suffixes(roles, roles))
    raise RoleError(f"No role ends with {suffix!r}.", f"This sign-in allows: {choices}.")


def shortest_suffixes(roles: Sequence[str], among: Sequence[str]) -> list[str]:
    """For each role the shortest whole words at its end that no other role ends with.

    Args:
        roles: The ARNs to name.
        among: All ARNs that must be told apart.
    """
    return [_shortest_suffix(role, among) for role in roles]


def _shortest_suffix(role: str, among: Sequence[str]) -> str:
    for start in range(len(role) - 1, 0, -1):
        is_word = role[start].isalnum() and not role[start - 1].isalnum()
        # With the character before it where that alone tells them apart: "/Analyst" beside "/SeniorAnalyst".
        for suffix in (role[start:], role[start - 1 :]) if is_word else ():
            if [other for other in among if other.endswith(suffix)] == [role]:
                return suffix
    return role
