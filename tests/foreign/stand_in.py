"""The stand-in as the foreign clients see it: the settings of one, in this process or in another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.aws.seed import BUCKET, DATA_KEY
from cognito_jupyter.local.login_page_client import submit_login
from tests.support.ports import free_port


@dataclass(frozen=True, repr=False)
class StandIn:
    """A running stand-in with TLS.

    Attributes:
        environment: The variables with which a client on this machine uses it.
        username: The demo user's name.
        password: The demo user's password.
    """

    environment: Mapping[str, str]
    username: str
    password: str

    @classmethod
    def from_settings(
        cls, environment: Mapping[str, str], username: str, password: str, *, issuer: str, secret: str | None = None
    ) -> Self:
        """Returns a stand-in, with the variables that the foreign clients need besides those that it prints.

        Args:
            environment: The variables that the stand-in prints.
            username: The demo user's name.
            password: The demo user's password.
            issuer: The issuer of its tokens.
            secret: The app client's secret; None for a public client.
        """
        ca_file = environment["REQUESTS_CA_BUNDLE"]
        more = {
            "NODE_EXTRA_CA_CERTS": ca_file,
            "FOREIGN_ISSUER": issuer,
            "FOREIGN_CLIENT_SECRET": secret or "",
            "FOREIGN_BUCKET": BUCKET,
            "FOREIGN_KEY": DATA_KEY,
        }
        return cls(dict(environment) | more, username, password)

    @classmethod
    def from_local(cls, cognito: LocalCognito) -> Self:
        """Returns the stand-in that runs in this process."""
        user = cognito.demo_user
        return cls.from_settings(
            cognito.environment, user.username, user.password, issuer=cognito.pool.issuer, secret=cognito.client_secret
        )

    def sign_in(self, authorization_url: str) -> str:
        """Signs in as a user does; returns the redirect URI with its code."""
        ca_file = self.environment["REQUESTS_CA_BUNDLE"]
        return submit_login(authorization_url, self.username, self.password, verify=ca_file, follow_callback=False)


def new_redirect_uri() -> str:
    """Returns a redirect URI on a free port.

    It has a path: openid-client takes the redirect URI from the address that the browser was sent to, where an empty
    path has become "/", which is another redirect URI for Cognito.
    """
    return f"http://localhost:{free_port()}/callback"
