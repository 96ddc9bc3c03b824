"""mast_transfer_tools 1.0.3: its complete `authenticate()` over TLS, and what its manager does with the tokens."""

from __future__ import annotations

import os
import webbrowser
from typing import Any
from urllib.parse import urlsplit

import requests

from cognito_jupyter.settings import CognitoConfiguration
from tests.benchmarks.reference import find_reference

from .common import report, sign_in


class _Browser(webbrowser.BaseBrowser):
    """The user's browser: it opens the URL and follows the redirect to the port of `authenticate`."""

    def open(self, url: str, new: int = 0, autoraise: bool = True) -> bool:
        """Opens a URL.

        Args:
            url: The URL.
            new: Not used: there are no windows.
            autoraise: Not used either.
        """
        return requests.get(sign_in(url), timeout=10).ok


def main() -> None:
    """Signs in, reads an object as two roles, refreshes the tokens, and reports it."""
    webbrowser.register("test", None, _Browser(), preferred=True)
    module: Any = find_reference()
    configuration = CognitoConfiguration(
        urlsplit(os.environ["COGNITO_DOMAIN"]).netloc,
        *(os.environ[f"COGNITO_{name}"] for name in ("CLIENT_ID", "REDIRECT_URI", "REGION")),
        *(os.environ[f"COGNITO_{name}_POOL_ID"] for name in ("USER", "IDENTITY")),
    )
    manager = module.get_authenticated_cognito_manager(configuration)
    bucket, key = os.environ["FOREIGN_BUCKET"], os.environ["FOREIGN_KEY"]
    stars = manager.make_refreshing_session("Analyst").client("s3").get_object(Bucket=bucket, Key=key)
    before = dict(manager.auth_tokens)
    manager.refresh_user_pool_tokens()
    manager.get_credentials(role_suffix="Uploader")
    written = manager.make_session("Uploader").client("s3").put_object(Bucket=bucket, Key="foreign/mast.txt", Body=b"")
    report(
        first_line=stars["Body"].readline().decode().strip(),
        refreshed=manager.auth_tokens["id_token"] != before["id_token"],
        refresh_token_stays=manager.auth_tokens["refresh_token"] == before["refresh_token"],
        written=written["ResponseMetadata"]["HTTPStatusCode"],
    )


if __name__ == "__main__":
    main()
