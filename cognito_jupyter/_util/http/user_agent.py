"""How this package names itself and its version, to servers and to users."""

from __future__ import annotations


def user_agent() -> str:
    """Returns the product of the User-Agent header (RFC 9110, section 10.1.5), such as "cognito-jupyter/1.0.0"."""
    return f"cognito-jupyter/{installed_version()}"


def installed_version() -> str:
    """Returns this package's version; "0+unknown" in a copy of the source that is not installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("cognito_jupyter")
    except PackageNotFoundError:
        return "0+unknown"
