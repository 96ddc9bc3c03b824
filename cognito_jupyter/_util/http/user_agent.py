"""How this package names itself and its version to servers."""

from __future__ import annotations

from .version import VERSION


def user_agent() -> str:
    """Returns the product of the User-Agent header (RFC 9110, section 10.1.5), such as "cognito-jupyter/1.0.0"."""
    return f"cognito-jupyter/{VERSION}"
