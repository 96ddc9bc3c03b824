"""Checks the parameters of the identity pool's actions against the constraints of its API, as AWS's front end does.

Sources: the API reference of Amazon Cognito Federated Identities, for the constraints; aws/aws-sdk-cpp#1085,
aws-amplify/amplify-js#7845 and aws-amplify/aws-sdk-ios#2317, for the texts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_ID_PATTERN = r"[\w-]+:[0-9a-f-]+"
# For each parameter: its shortest and longest value, and its pattern.
_TEXTS: Mapping[str, tuple[int, int, str | None]] = {
    "IdentityPoolId": (1, 55, _ID_PATTERN),
    "IdentityId": (1, 55, _ID_PATTERN),
    "CustomRoleArn": (20, 2048, None),
}
_LONGEST_TOKEN = 50_000
_TOKEN_CONSTRAINT = (
    f"Map value must satisfy constraint: [Member must have length less than or equal to {_LONGEST_TOKEN}, "
    "Member must have length greater than or equal to 1]"
)


def explain_invalid(body: Mapping[str, Any], required: str) -> str | None:
    """Returns the message of the ValidationException for a request; None if it satisfies every constraint.

    Args:
        body: The parameters.
        required: The parameter that must be there.
    """
    problems = []
    logins = body.get("Logins") or {}
    # JSON's null is as long as an empty token.
    if any(not 1 <= len(token or "") <= _LONGEST_TOKEN for token in logins.values()):
        tokens = {provider: "null" if token is None else token for provider, token in logins.items()}
        shown = ", ".join(f"{provider}={token if len(token) < 100 else '...'}" for provider, token in tokens.items())
        problems.append(f"Value '{{{shown}}}' at 'logins' failed to satisfy constraint: {_TOKEN_CONSTRAINT}")
    for name, (shortest, longest, pattern) in _TEXTS.items():
        value = body.get(name)
        if value is None:
            broken = ["Member must not be null"] if name == required else []
        else:
            broken = _broken_constraints(value, shortest, longest, pattern)
        shown_value = "null" if value is None else f"'{value}'"
        where = f"Value {shown_value} at '{name[0].lower()}{name[1:]}'"
        problems += [f"{where} failed to satisfy constraint: {constraint}" for constraint in broken]
    if not problems:
        return None
    return f"{len(problems)} validation error{'s' if problems[1:] else ''} detected: {'; '.join(problems)}"


def _broken_constraints(value: str, shortest: int, longest: int, pattern: str | None) -> list[str]:
    broken = []
    if len(value) < shortest:
        broken.append(f"Member must have length greater than or equal to {shortest}")
    if len(value) > longest:
        broken.append(f"Member must have length less than or equal to {longest}")
    if pattern is not None and not re.fullmatch(pattern, value, re.ASCII):
        broken.append(f"Member must satisfy regular expression pattern: {pattern}")
    return broken
