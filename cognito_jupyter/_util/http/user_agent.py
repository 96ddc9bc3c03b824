"""How this package names itself to servers."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

_NAME = "cognito-jupyter"


def user_agent() -> str:
    """Returns the product of the User-Agent header (RFC 9110, section 10.1.5), such as "cognito-jupyter/1.0.0"."""
    try:
        return f"{_NAME}/{version('cognito_jupyter')}"
    except PackageNotFoundError:
        # A copy of the source that is not installed.
        return _NAME
