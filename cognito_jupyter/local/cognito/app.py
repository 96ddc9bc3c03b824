"""The WSGI application of one Cognito: its pages, its endpoints, its documents and its identity pool.

Source: https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-userpools-server-contract-reference.html
"""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

from .api.operations import UserPoolApi
from .aws_endpoint import add_aws_endpoint
from .cors import allow_scripts
from .discovery import add_discovery
from .identity_pool import IdentityPool
from .login_pages import LoginPages
from .responses import OAuthError, error_response
from .token_endpoints import TokenEndpoints
from .user_pool import UserPool


def make_app(
    pool: UserPool, identity_pool: IdentityPool, domain_url: Callable[[], str], on_secrets: Callable[..., None]
) -> Flask:
    """Makes the WSGI application of one Cognito.

    Args:
        pool: The user pool.
        identity_pool: The identity pool.
        domain_url: Returns the URL of the Cognito domain.
        on_secrets: Called with the secrets that are received and issued, of which some are empty, for tests that search
            for them.
    """
    app = Flask(__name__, static_folder=None)
    app.register_error_handler(OAuthError, error_response)
    allow_scripts(app)
    LoginPages(pool, on_secrets).add_to(app)
    TokenEndpoints(pool, on_secrets).add_to(app)
    add_discovery(app, pool, domain_url)
    add_aws_endpoint(app, identity_pool, UserPoolApi(pool), on_secrets)
    return app
