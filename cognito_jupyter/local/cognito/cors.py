"""Cross-origin requests: which responses a script in a browser may read (Fetch standard, "CORS protocol").

Cognito allows every origin at its documents, its endpoints for programs and the identity pool. It allows none at
the pages, among them /oauth2/authorize (aws-amplify/amplify-js#6236).
Sources: https://docs.aws.amazon.com/cognito/latest/developerguide/federation-endpoints.html;
aws-amplify/amplify-js#2443.
"""

from __future__ import annotations

from flask import Flask, request
from werkzeug.wrappers import Response as AnyResponse

from ..aws_responses import AWS_CORS, CORS

_PROGRAM_ENDPOINTS = frozenset({"/oauth2/token", "/oauth2/revoke", "/oauth2/userInfo"})
_PREFLIGHT_SECONDS = "172800"


def allow_scripts(app: Flask) -> None:
    """Makes an application allow every origin where Cognito does."""

    @app.after_request
    def _add_headers(response: AnyResponse) -> AnyResponse:
        if request.path == "/":
            allowed = dict(AWS_CORS)
        elif request.path in _PROGRAM_ENDPOINTS or "/.well-known/" in request.path:
            allowed = dict(CORS)
        else:
            return response
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            # Which headers AWS lists is not verified; a browser is content with those that it asked for.
            allowed["Access-Control-Allow-Headers"] = request.headers.get("Access-Control-Request-Headers", "")
            allowed["Access-Control-Allow-Methods"] = response.headers.get("Allow", "POST")
            allowed["Access-Control-Max-Age"] = _PREFLIGHT_SECONDS
        response.headers.update(allowed)
        return response
