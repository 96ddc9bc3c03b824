"""One sign-in at Amazon Cognito, and a notebook can use AWS for as long as it runs.

Every public name can be imported from here, and is loaded at its first use: `import cognito_jupyter` loads neither
boto3 nor requests nor ipywidgets.
"""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing would take longer than everything else that a credential process does
if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .credentials.boto_sessions import RefreshableCredentialMetadata as RefreshableCredentialMetadata
    from .credentials.identity_pool.client import (
        IdentityPoolCredentials as IdentityPoolCredentials,
        IdentityPoolCredentialsResponse as IdentityPoolCredentialsResponse,
    )
    from .credentials.manager import (
        CognitoCredentialsManager as CognitoCredentialsManager,
        get_authenticated_cognito_manager as get_authenticated_cognito_manager,
    )
    from .credentials.role_credentials import AWSCredentials as AWSCredentials
    from .notebook.login import login as login
    from .notebook.panel.widget import LoginPanel as LoginPanel
    from .oauth.authenticator import CognitoOAuthAuthenticator as CognitoOAuthAuthenticator
    from .oauth.callback.server import (
        OAuthCallbackHandler as OAuthCallbackHandler,
        OAuthCallbackServer as OAuthCallbackServer,
    )
    from .oauth.tokens import (
        CognitoTokenRefreshResponse as CognitoTokenRefreshResponse,
        CognitoTokens as CognitoTokens,
        JwtPayload as JwtPayload,
        decode_jwt_payload as decode_jwt_payload,
    )
    from .settings import CognitoConfiguration as CognitoConfiguration

    __version__: str

_MODULES = {
    "AWSCredentials": "credentials.role_credentials",
    "CognitoConfiguration": "settings",
    "CognitoCredentialsManager": "credentials.manager",
    "CognitoOAuthAuthenticator": "oauth.authenticator",
    "CognitoTokenRefreshResponse": "oauth.tokens",
    "CognitoTokens": "oauth.tokens",
    "IdentityPoolCredentials": "credentials.identity_pool.client",
    "IdentityPoolCredentialsResponse": "credentials.identity_pool.client",
    "JwtPayload": "oauth.tokens",
    "LoginPanel": "notebook.panel.widget",
    "OAuthCallbackHandler": "oauth.callback.server",
    "OAuthCallbackServer": "oauth.callback.server",
    "RefreshableCredentialMetadata": "credentials.boto_sessions",
    "decode_jwt_payload": "oauth.tokens",
    "get_authenticated_cognito_manager": "credentials.manager",
    "login": "notebook.login",
}

__all__ = [*_MODULES, "load_ipython_extension", "unload_ipython_extension"]  # noqa: PLE0604 - the keys are strings


def __getattr__(name: str) -> object:
    """Loads a public name at its first use (PEP 562)."""
    value: object
    if name == "__version__":
        from ._util.http.version import VERSION

        value = VERSION
    elif name in _MODULES:
        import sys

        from ._util.importing import import_large

        module = f"{__name__}.{_MODULES[name]}"
        import_large(module)
        value = getattr(sys.modules[module], name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Adds the magics to a shell; `%load_ext cognito_jupyter` calls it."""
    from .notebook.extension import load

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Removes the magics from a shell; `%unload_ext cognito_jupyter` calls it."""
    from .notebook.extension import unload

    unload(shell)
