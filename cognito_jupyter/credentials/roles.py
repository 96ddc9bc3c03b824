"""The roles of an id token, and the one that a role suffix means.

The manager, the command line and the notebook's completion call it. It makes no request and keeps nothing.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from .._printable import holds_secret
from ..errors import RoleError


def roles_in(claims: Mapping[str, object]) -> tuple[str, ...]:
    """Returns the role ARNs of an id token, in its order.

    Amazon's guide shows `cognito:roles` as text with commas; live tokens hold an array. What cannot be
    an ARN is left out.

    Source:
    https://docs.aws.amazon.com/cognito/latest/developerguide/role-based-access-control.html
    """
    roles = claims.get("cognito:roles")
    if isinstance(roles, str):
        roles = [role.strip() for role in roles.split(",")]
    if not isinstance(roles, list):
        return ()
    return tuple(dict.fromkeys(role for role in roles if isinstance(role, str) and _is_arn(role)))


def default_role(claims: Mapping[str, object]) -> str | None:
    """Returns the role of a user who names none: the token's preferred role, else the first one.

    `cognito:preferred_role` is the role of the group with the best precedence. Cognito leaves it out where two groups
    tie, and it counts only if it is among the token's roles.

    Source:
    https://docs.aws.amazon.com/cognito/latest/developerguide/role-based-access-control.html

    Returns:
        The ARN; None if the token names no roles, so that the identity pool's default role applies.
    """
    roles, preferred = roles_in(claims), claims.get("cognito:preferred_role")
    if isinstance(preferred, str) and preferred in roles:
        return preferred
    return roles[0] if roles else None


def matching_roles(roles: Sequence[str], suffix: str) -> list[str]:
    """Returns the roles whose ARN ends with a suffix.

    Args:
        roles: The ARNs to choose from.
        suffix: The end of an ARN.
    """
    return [role for role in roles if role.endswith(suffix)]


def choose_role(roles: Sequence[str], suffix: str, hint: str = "") -> str:
    """Returns the one role whose ARN ends with the suffix.

    Args:
        roles: The ARNs to choose from.
        suffix: The end of an ARN.
        hint: What else to say to a user whose suffix fits no role.

    Raises:
        RoleError: The suffix fits no role, or several (a PermissionError).
    """
    matches = matching_roles(roles, suffix)
    if len(matches) == 1:
        return matches[0]
    shown = "what was given" if holds_secret(suffix) else repr(suffix)
    if matches:
        choices = _in_words(shortest_suffixes(matches, roles))
        raise RoleError(f"{len(matches)} roles end with {shown}.", f"Choose one of: {choices}.")
    if not roles:
        raise RoleError(
            f"No role ends with {shown}: the sign-in's token names no roles.",
            f"Omit the suffix to use the identity pool's default role, or ask an administrator for a role.{hint}",
        )
    choices = _in_words(shortest_suffixes(roles, roles))
    raise RoleError(f"No role ends with {shown}.", f"This sign-in allows: {choices}.{hint}")


def shortest_suffixes(roles: Sequence[str], among: Sequence[str]) -> list[str]:
    """Returns for each role the shortest whole words at its end that are the end of no other role.

    Each starts with a letter or a digit: what starts with a hyphen would be an option to a magic or a command.

    Args:
        roles: The ARNs to name.
        among: All ARNs to distinguish.
    """
    # In the order of their ends, the roles that share the longest end with a role stand beside it.
    by_end = sorted(among, key=lambda role: role[::-1])
    neighbours = {role: [*by_end[max(0, at - 1) : at], *by_end[at + 1 : at + 2]] for at, role in enumerate(by_end)}
    return [_shortest_suffix(role, neighbours[role]) if role in neighbours else role for role in roles]


def _shortest_suffix(role: str, others: Sequence[str]) -> str:
    for start in range(len(role) - 1, 0, -1):
        is_word = role[start].isalnum() and not role[start - 1].isalnum()
        if is_word and not any(other.endswith(role[start:]) for other in others):
            return role[start:]
    return role


def _is_arn(role: str) -> bool:
    """Returns whether text could be a role's ARN: the names and paths of roles are printable ASCII.

    Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_Role.html
    """
    return role != "" and role.isascii() and role.isprintable()


def _in_words(suffixes: Sequence[str]) -> str:
    """Returns suffixes as a user can type them: the path of a role may hold a quotation mark."""
    return ", ".join(map(shlex.quote, suffixes))
