"""Responses of AWS that a test can put in place of the real one, by name: `knobs.fail(endpoint, like="firewall-page")`.

Each one names its public source. Where only a part of a response is known, the comment beside it says so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

JSON_TYPE = "application/json;charset=UTF-8"
"""Of the user pool's endpoints (developer guide, "Token endpoint")."""
AWS_JSON_TYPE = "application/x-amz-json-1.1"
"""Of the identity pool and of the API of the user pool."""
CORS = MappingProxyType({"Access-Control-Allow-Origin": "*"})
AWS_CORS = MappingProxyType(
    dict(CORS) | {"Access-Control-Expose-Headers": "x-amzn-RequestId,x-amzn-ErrorType,x-amzn-ErrorMessage,Date"}
)
"""With these a script in a browser may read the response and its error (aws-amplify/amplify-js#2443)."""


def aws_error(error_type: str, message: str, status: int = 400) -> dict[str, Any]:
    """Returns an error response of AWS JSON 1.1, as the fields of a `Fault` of the kind "status".

    The colon after the type in the header is AWS's (aws-amplify/amplify-js#2443, aws/aws-sdk-cpp#1085).

    Args:
        error_type: The error's name, such as "NotAuthorizedException".
        message: The message.
        status: The HTTP status.
    """
    headers = dict(AWS_CORS) | {"x-amzn-ErrorType": f"{error_type}:"}
    # A header holds one line of Latin-1 without control characters.
    text = message.encode("latin-1", "replace").decode("latin-1")
    headers["x-amzn-ErrorMessage"] = "".join(letter if letter.isprintable() else " " for letter in text)
    body = json.dumps({"__type": error_type, "message": message})
    return {"status": status, "body": body, "content_type": AWS_JSON_TYPE, "headers": headers}


def oauth_error(error: str, description: str | None = None, status: int = 400) -> dict[str, Any]:
    """Returns an error response of the token endpoint, as the fields of a `Fault` of the kind "status".

    Args:
        error: The error code (RFC 6749, section 5.2).
        description: The error description, if any.
        status: The HTTP status.
    """
    body = {"error": error} | ({"error_description": description} if description else {})
    return {"status": status, "body": json.dumps(body), "content_type": JSON_TYPE, "headers": dict(CORS)}


AWS_RESPONSES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        # The web ACL of a user pool (AWS WAF). The page is that of AWS's load balancers; its text is not verified.
        "firewall-page": {
            "status": 403,
            "body": "<html>\r\n<head><title>403 Forbidden</title></head>\r\n<body>\r\n"
            "<center><h1>403 Forbidden</h1></center>\r\n</body>\r\n</html>\r\n",
            "content_type": "text/html",
        },
        # As the user pool's API says it (ravenscar/franken-srp#13).
        "firewall-json": aws_error("ForbiddenException", "Request not allowed due to WAF block.", 403),
        # At the identity pool (igvteam/igv#1311, aws/aws-sdk-java#2301); at the token endpoint it is not verified.
        "throttled": aws_error("TooManyRequestsException", "Rate exceeded"),
        "throttled-429": aws_error("TooManyRequestsException", "Rate exceeded", 429),
        # A Lambda trigger that raises an error. The wrapping is what a callback shows (error=invalid_request); that
        # the token endpoint uses the same error code is not verified.
        "lambda-failed": oauth_error(
            "invalid_request", "PreTokenGeneration failed with error The user directory does not respond."
        ),
        # Where the redirect URI of the token request differs, in 2018 (Stack Overflow, question 50264679).
        "unauthorized-client": oauth_error("unauthorized_client"),
        "invalid-client": oauth_error("invalid_client"),
        "invalid-grant": oauth_error("invalid_grant"),
        # The identity pool of another application, or one without this provider (aws-amplify/amplify-js#2443,
        # amazon-archives/amazon-cognito-identity-js#68).
        "logins-do-not-match": aws_error(
            "NotAuthorizedException",
            "Logins don't match. Please include at least one valid login for this identity or identity pool.",
        ),
        # The role's trust policy does not name the pool (Blasanka/aws_s3_plugin#14).
        "invalid-pool-configuration": aws_error(
            "InvalidIdentityPoolConfigurationException",
            "Invalid identity pool configuration. Check assigned IAM roles for this pool.",
        ),
    }
)
"""The fields of a `Fault` by name."""
