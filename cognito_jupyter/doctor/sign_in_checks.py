"""What only a sign-in tells: whether the identity pool trusts this app client, and each role its trust policy."""

from __future__ import annotations

from collections.abc import Iterator

from ..credentials.manager import CognitoCredentialsManager
from ..credentials.roles import shortest_suffixes
from ..errors import CognitoError
from .report import SIGN_IN, Check, fail, note, ok

_PREFERRED = "cognito:preferred_role"


def check_sign_in(manager: CognitoCredentialsManager) -> Iterator[Check]:
    """Yields whether each role of a sign-in can be used; it gets credentials for each of them.

    Args:
        manager: The sign-in.
    """
    yield ok(SIGN_IN, "The sign-in has succeeded: Cognito's tokens are valid for these settings.")
    roles = manager.roles
    preferred = manager.claims.get(_PREFERRED)
    if not roles:
        yield note(
            SIGN_IN,
            "The id token names no roles, so the identity pool's rules or its default role decide.",
            "To offer roles, put the user into groups of the user pool that have a role.",
        )
    named = zip(shortest_suffixes(roles, roles), roles, strict=True) if roles else [("The default role", None)]
    for name, role_arn in named:
        chosen = ", which is preferred" if role_arn is not None and role_arn == preferred else ""
        try:
            manager.session_for_role(role_arn)
        except CognitoError as error:
            yield fail(SIGN_IN, f"{name}{chosen}: {error.what}", error.remedy)
        else:
            yield ok(SIGN_IN, f"{name}{chosen}: AWS gives credentials for it.")
    if len(roles) > 1 and preferred is None:
        yield note(
            SIGN_IN,
            "The user pool prefers none of the roles, so a login without a role gets the first.",
            "Give the groups different precedences, or name the role: %cognito_login ROLE",
        )
