"""The password policy of the user pool, which is the one that AWS suggests.

Source: https://docs.aws.amazon.com/cognito/latest/developerguide/managing-users-passwords.html
"""

from __future__ import annotations

import re
import secrets

from .errors import ApiError

_SYMBOLS = "^$*.[]{}()?\"!@#%&/\\,><':;|_~`=+- "
_RULES = (
    (r".{8}", "Password not long enough"),
    (r"[a-z]", "Password must have lowercase characters"),
    (r"[A-Z]", "Password must have uppercase characters"),
    (r"[0-9]", "Password must have numeric characters"),
    (f"[{re.escape(_SYMBOLS)}]", "Password must have symbol characters"),
)
"""The texts are those of public reports, such as data-dot-all/dataall#690."""
POLICY = {
    "MinimumLength": 8,
    "RequireUppercase": True,
    "RequireLowercase": True,
    "RequireNumbers": True,
    "RequireSymbols": True,
    "TemporaryPasswordValidityDays": 7,
}
"""The policy as DescribeUserPool shows it."""


def check_password(password: str) -> None:
    """Checks a password that an administrator or a user sets.

    Raises:
        ApiError: It breaks the policy.
    """
    for pattern, problem in _RULES:
        if not re.search(pattern, password):
            raise ApiError("InvalidPasswordException", f"Password did not conform with policy: {problem}")


def make_password() -> str:
    """Returns a password that satisfies the policy; Cognito sends such a one to a user who was created without one."""
    return f"{secrets.token_urlsafe(12)}-aA1"
