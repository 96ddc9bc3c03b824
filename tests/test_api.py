"""The promised API, name for name: signatures, defaults, shapes, errors."""

from __future__ import annotations

import dataclasses
import http.server
import inspect
import subprocess
import sys
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

import pytest

import cognito_jupyter
from cognito_jupyter import (
    AWSCredentials,
    CognitoConfiguration,
    CognitoCredentialsManager,
    CognitoOAuthAuthenticator,
    CognitoTokenRefreshResponse,
    CognitoTokens,
    IdentityPoolCredentials,
    IdentityPoolCredentialsResponse,
    JwtPayload,
    OAuthCallbackHandler,
    OAuthCallbackServer,
    RefreshableCredentialMetadata,
    errors,
)
from cognito_jupyter._util.http.version import VERSION

NAMES = {
    "AWSCredentials", "CognitoConfiguration", "CognitoCredentialsManager", "CognitoOAuthAuthenticator",
    "CognitoTokenRefreshResponse", "CognitoTokens", "IdentityPoolCredentials", "IdentityPoolCredentialsResponse",
    "JwtPayload", "OAuthCallbackHandler", "OAuthCallbackServer", "RefreshableCredentialMetadata",
    "decode_jwt_payload", "get_authenticated_cognito_manager",
}  # fmt: skip
EMPTY = inspect.Parameter.empty


def positional(function: object) -> list[tuple[str, object]]:
    """Names and defaults of what may be given by position, self left out."""
    assert callable(function)
    parameters = inspect.signature(function).parameters.values()
    kinds = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
    return [(each.name, each.default) for each in parameters if each.kind in kinds and each.name != "self"]


def test_every_promised_name_is_there() -> None:
    assert set(cognito_jupyter.__all__) >= NAMES
    assert set(dir(cognito_jupyter)) >= NAMES
    for name in NAMES:
        assert getattr(cognito_jupyter, name).__name__ == name


def test_the_version_is_that_of_the_installed_package() -> None:
    assert cognito_jupyter.__version__ == version("cognito_jupyter")
    assert "__version__" in dir(cognito_jupyter)


SOURCE_ONLY = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
import cognito_jupyter
from cognito_jupyter._util.http.user_agent import user_agent
print(cognito_jupyter.__version__, user_agent())
"""


def test_a_copy_of_the_source_that_is_not_installed_knows_its_version() -> None:
    """-S leaves out the environment's packages, in which this package is installed."""
    done = subprocess.run([sys.executable, "-I", "-S", "-c", SOURCE_ONLY], capture_output=True, text=True, check=False)
    assert done.stdout.split() == [VERSION, f"cognito-jupyter/{VERSION}"], done.stderr


def test_the_installed_package_has_the_version_of_its_source() -> None:
    assert version("cognito_jupyter") == cognito_jupyter.__version__ == VERSION


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        cognito_jupyter.nonsense  # noqa: B018 - reading the attribute is the test


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (cognito_jupyter.get_authenticated_cognito_manager, [("cogconf", EMPTY)]),
        (cognito_jupyter.decode_jwt_payload, [("jwt_token", EMPTY)]),
        (
            CognitoOAuthAuthenticator,
            [
                ("cognito_domain", EMPTY),
                ("client_id", EMPTY),
                ("redirect_uri", "http://localhost:3000"),
                ("region", "us-east-1"),
            ],
        ),
        (CognitoOAuthAuthenticator.authenticate, []),
        (
            CognitoOAuthAuthenticator.exchange_code_for_tokens,
            [("authorization_code", EMPTY), ("code_verifier", EMPTY)],
        ),
        (CognitoOAuthAuthenticator.generate_pkce_pair, []),
        (CognitoOAuthAuthenticator.get_authorization_url, [("code_challenge", EMPTY), ("state", EMPTY)]),
        (CognitoOAuthAuthenticator.refresh_tokens, [("refresh_token", EMPTY)]),
        (CognitoOAuthAuthenticator.start_local_server, [("port", 3000)]),
        (
            CognitoCredentialsManager,
            [
                ("identity_pool_id", EMPTY),
                ("user_pool_id", EMPTY),
                ("region", "us-east-1"),
                ("auth_tokens", None),
                ("authenticator", None),
            ],
        ),
        (
            CognitoCredentialsManager.ensure_credentials,
            [("role_suffix", None), ("refresh_margin", timedelta(minutes=5))],
        ),
        (CognitoCredentialsManager.get_credentials, [("id_token", None), ("role_suffix", None)]),
        (CognitoCredentialsManager.refresh_user_pool_tokens, []),
        (CognitoCredentialsManager.make_refreshing_session, [("role_suffix", None)]),
        (CognitoCredentialsManager.make_session, [("role_suffix", None)]),
    ],
)
def test_each_signature_is_as_promised(function: object, expected: list[tuple[str, object]]) -> None:
    assert positional(function) == expected


def test_the_configuration_is_a_frozen_dataclass_in_the_promised_order() -> None:
    fields = [each.name for each in dataclasses.fields(CognitoConfiguration)]
    assert fields == ["domain", "client_id", "redirect_uri", "region", "user_pool_id", "identity_pool_id"]
    configuration = CognitoConfiguration(*fields)
    with pytest.raises(dataclasses.FrozenInstanceError):
        configuration.domain = "other"  # type: ignore[misc]


def test_the_authenticator_has_its_attributes() -> None:
    authenticator = CognitoOAuthAuthenticator("your-app.auth.us-east-1.amazoncognito.com", "client")
    assert (authenticator.client_id, authenticator.redirect_uri, authenticator.region) == (
        "client",
        "http://localhost:3000",
        "us-east-1",
    )
    assert authenticator.cognito_domain == "your-app.auth.us-east-1.amazoncognito.com"
    origin = "https://your-app.auth.us-east-1.amazoncognito.com/oauth2"
    assert (authenticator.authorization_endpoint, authenticator.token_endpoint) == (
        f"{origin}/authorize",
        f"{origin}/token",
    )


def test_the_manager_has_its_attributes_before_anything_happens() -> None:
    manager = CognitoCredentialsManager("us-east-1:pool", "us-east-1_pool")
    assert (manager.identity_pool_id, manager.user_pool_id, manager.region) == (
        "us-east-1:pool",
        "us-east-1_pool",
        "us-east-1",
    )
    empty = (manager.auth_tokens, manager.authenticator, manager.identity_id, manager.credentials)
    assert empty == (None, None, None, None)
    assert (manager.creds_response, manager.last_role_suffix) == (None, None)


@pytest.mark.parametrize(
    ("shape", "required", "optional"),
    [
        (CognitoTokens, {"id_token", "access_token", "refresh_token"}, {"expires_in", "token_type", "scope"}),
        (
            CognitoTokenRefreshResponse,
            set(),
            {"id_token", "access_token", "refresh_token", "expires_in", "token_type", "scope"},
        ),
        (AWSCredentials, {"access_key_id", "secret_access_key", "session_token", "expiration"}, set()),
        (IdentityPoolCredentials, {"AccessKeyId", "SecretKey", "SessionToken", "Expiration"}, set()),
        (IdentityPoolCredentialsResponse, {"IdentityId", "Credentials"}, set()),
        (RefreshableCredentialMetadata, {"access_key", "secret_key", "token", "expiry_time"}, set()),
        (
            JwtPayload,
            set(),
            {
                "sub", "aud", "iss", "token_use", "auth_time", "iat", "exp", "email", "email_verified",
                "cognito:username", "cognito:groups", "cognito:roles", "cognito:preferred_role",
            },
        ),
    ],
)  # fmt: skip
def test_each_shape_has_its_keys(shape: type, required: set[str], optional: set[str]) -> None:
    assert shape.__required_keys__ == required  # type: ignore[attr-defined]
    assert shape.__optional_keys__ == optional  # type: ignore[attr-defined]


def test_server_and_handler_are_the_standard_librarys() -> None:
    assert issubclass(OAuthCallbackServer, http.server.HTTPServer)
    assert issubclass(OAuthCallbackHandler, http.server.BaseHTTPRequestHandler)


def test_every_error_is_also_a_built_in_one() -> None:
    """A caller catches it without knowing this package."""
    classes = [
        each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, errors.CognitoError)
    ]
    for each in classes:
        built_in = PermissionError | ConnectionError | ValueError | ImportError
        assert each is errors.CognitoError or issubclass(each, built_in)
        error = each("It happened.", "Do this.")
        assert (str(error), error.what, error.remedy) == ("It happened. Do this.", "It happened.", "Do this.")


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_public_name_is_typed_and_explained(name: str) -> None:
    thing = getattr(cognito_jupyter, name)
    assert inspect.getdoc(thing)
    members = (
        [thing]
        if inspect.isfunction(thing)
        else [value for key, value in vars(thing).items() if not key.startswith("_")]
    )
    for member in members:
        function = member.__func__ if isinstance(member, staticmethod) else member
        if inspect.isfunction(function) and function.__module__.startswith("cognito_jupyter"):
            assert inspect.getdoc(function), f"{name}.{function.__name__}"
            assert "return" in function.__annotations__
