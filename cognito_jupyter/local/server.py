"""LocalCognito: the user pool, the identity pool and AWS behind them, in one `with`."""

from __future__ import annotations

import errno
import secrets
import shutil
import socket
import ssl
import tempfile
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .admin import make_admin_blueprint
from .aws import LocalAWS
from .faults import FaultInjection
from .identity_pool import IdentityPool
from .issued_keys import IssuedKeys
from .model import REGION, AppClient, Group, Knobs, User
from .seed import BUCKET, DATA_KEY
from .serving import LoopbackServer
from .userpool import UserPool
from .web import make_app

LOGOUT_URI = "http://localhost:3000/signed-out"
_CALLBACK_PORTS = 10
_PORT_RANGE = range(20_000, 32_768)
"""Below where Linux, the Mac and Windows begin to give ports to whoever asks for any."""
_DEFAULT_GROUPS = (("Admin", 1), ("Analyst", 2), ("Uploader", 3))


class LocalCognito:
    """A strict Cognito on this machine, for demonstrations and tests; keys and names are new at every start.

    Args:
        port: Of the user pool and the identity pool; 0 takes a free one.
        tls: Whether to answer https, with a CA of its own.
        aws: Whether to run IAM, STS and S3 behind a gate; without it the credentials open nothing.
        redirect_uris: What is registered; some free ports on this machine where None.
        logout_uris: The registered sign-out URLs.
        knobs: What can be changed while it runs.

    Attributes:
        domain: The Cognito domain, as a setting: `http://localhost:PORT`.
        redirect_uri: The registered ones, separated by white space.
        counts: Calls by endpoint name.
        secrets: Everything secret that was handed out or received, for tests that search for it.
        admin_url, admin_token: The admin route, whose token goes into the header X-Admin-Token.
    """

    def __init__(  # noqa: PLR0913 - each with a default, by keyword alone
        self,
        *,
        port: int = 0,
        tls: bool = False,
        aws: bool = True,
        redirect_uris: Sequence[str] | None = None,
        logout_uris: Sequence[str] = (LOGOUT_URI,),
        knobs: Knobs | None = None,
    ) -> None:
        self.knobs = knobs or Knobs()
        self.counts: Counter[str] = Counter()
        self.secrets: set[str] = set()
        self.region = REGION
        self.pool = UserPool(self.knobs)
        self.client_id = secrets.token_hex(13)
        self.admin_token = secrets.token_urlsafe(32)
        self.bucket, self.data_key = BUCKET, DATA_KEY
        uris = tuple(redirect_uris or (f"http://localhost:{port}" for port in _free_ports(_CALLBACK_PORTS)))
        self.redirect_uri = " ".join(uris)
        self.logout_uri = logout_uris[0] if logout_uris else None
        self.pool.clients[self.client_id] = AppClient(self.client_id, uris, tuple(logout_uris))
        self._requested_port, self._tls, self._with_aws = port, tls, aws
        self._folder: Path | None = None
        self._server: LoopbackServer | None = None
        self._aws: LocalAWS | None = None
        self._add_default_users()

    # -- life

    def start(self) -> Self:
        """Begins to answer, within two seconds; a second call does nothing."""
        if self._server is not None:
            return self
        # First, since moto's imports take longer than all the rest: both go on at once.
        self._aws = LocalAWS(self.knobs, self.counts) if self._with_aws else None
        issued_keys = self._aws.issued_keys if self._aws else IssuedKeys(self.knobs)
        assume_role = self._aws.assume_role if self._aws else _fake_credentials
        self.identity_pool = IdentityPool(self.pool, self.knobs, issued_keys, assume_role, self.client_id)
        try:
            self._server = self._start_server()
            if self._aws is not None:
                self._aws.start(self.identity_pool.pool_id)
        except BaseException:
            self.stop()
            raise
        return self

    def _start_server(self) -> LoopbackServer:
        app = make_app(self.pool, self.identity_pool, lambda: self.domain, self._add_secret)
        app.register_blueprint(make_admin_blueprint(self.knobs, self.counts, self.admin_token))
        server = LoopbackServer(
            FaultInjection(app.wsgi_app, self.knobs, self.counts),
            self._requested_port,
            self._tls_context(),
            self.knobs.now,
        )
        server.start()
        self.port = server.port
        return server

    def stop(self) -> None:
        """Ends everything: no thread, socket, child or file is left; a second call does nothing."""
        if self._server is not None:
            self._server.stop()
        if self._aws is not None:
            self._aws.stop()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._server = self._aws = self._folder = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    # -- where things are

    @property
    def domain(self) -> str:
        """The Cognito domain, as a setting."""
        return f"{'https' if self._tls else 'http'}://localhost:{self.port}"

    @property
    def endpoint(self) -> str:
        """Where cognito-idp and cognito-identity are."""
        return self.domain

    @property
    def admin_url(self) -> str:
        """The admin route's root."""
        return f"{self.domain}/_admin"

    @property
    def user_pool_id(self) -> str:
        """The user pool's id."""
        return self.pool.pool_id

    @property
    def identity_pool_id(self) -> str:
        """The identity pool's id."""
        return self.identity_pool.pool_id

    @property
    def aws(self) -> LocalAWS:
        """IAM, STS and S3.

        Raises:
            RuntimeError: It was started without them.
        """
        if self._aws is None:
            raise RuntimeError("This LocalCognito runs without AWS. Start it with aws=True.")
        return self._aws

    @property
    def aws_url(self) -> str:
        """S3, STS and IAM."""
        return self.aws.proxy.url

    @property
    def roles(self) -> dict[str, str]:
        """From the short name of a role to its ARN."""
        return {name: str(group.role_arn) for name, group in self.pool.groups.items() if group.role_arn}

    @property
    def environment(self) -> dict[str, str]:
        """What to export, so that everything on this machine uses this Cognito."""
        values = {
            "COGNITO_DOMAIN": self.domain,
            "COGNITO_CLIENT_ID": self.client_id,
            "COGNITO_REDIRECT_URI": self.redirect_uri,
            "COGNITO_REGION": self.region,
            "COGNITO_USER_POOL_ID": self.user_pool_id,
            "COGNITO_IDENTITY_POOL_ID": self.identity_pool_id,
            "AWS_ENDPOINT_URL_COGNITO_IDENTITY": self.endpoint,
            "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER": self.endpoint,
        }
        if self._with_aws:
            values |= {f"AWS_ENDPOINT_URL_{service}": self.aws_url for service in ("S3", "STS", "IAM")}
        if self._folder is not None:
            values |= dict.fromkeys(("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"), str(self._folder / "ca.pem"))
        return values

    @property
    def ca_file(self) -> str | None:
        """The CA to trust; None without TLS."""
        return str(self._folder / "ca.pem") if self._folder is not None else None

    # -- people

    @property
    def demo_user(self) -> User:
        """Somebody with the roles Analyst and Uploader."""
        return self.pool.users["demo"]

    def add_user(self, username: str, password: str, groups: Sequence[str] = (), email: str | None = None) -> User:
        """Adds somebody who can sign in."""
        user = User(username, password, email or f"{username}@example.org", tuple(groups))
        self.pool.users[username] = user
        return user

    def add_group(self, name: str, role_arn: str | None = None, precedence: int | None = None) -> Group:
        """Adds a group."""
        group = Group(name, role_arn, precedence)
        self.pool.groups[name] = group
        return group

    def add_client(self, client: AppClient) -> AppClient:
        """Adds an app client."""
        self.pool.clients[client.client_id] = client
        return client

    def issue_tokens(self, username: str = "demo", **claims: Any) -> dict[str, Any]:
        """Signed tokens without a login; the claims given replace those of the id token."""
        tokens = self.pool.issue_tokens(username, self.client_id, **claims)
        for name in ("id_token", "access_token", "refresh_token"):
            self._add_secret(tokens[name])
        return tokens

    def _add_default_users(self) -> None:
        for name, precedence in _DEFAULT_GROUPS:
            self.add_group(name, f"arn:aws:iam::123456789012:role/cognito-jupyter-{name}", precedence)
        password = "-".join(secrets.choice(_PASSWORD_WORDS) for _ in range(4))
        self.add_user("demo", password, ("Analyst", "Uploader"), "demo@example.org")
        self._add_secret(password)

    def _add_secret(self, secret: str) -> None:
        if secret:
            self.secrets.add(secret)

    def _tls_context(self) -> ssl.SSLContext | None:
        if not self._tls:
            return None
        import trustme  # late: it needs cryptography's X.509, which nothing else here does

        authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost", "127.0.0.1", "::1").configure_cert(context)
        self._folder = Path(tempfile.mkdtemp(prefix="local-cognito-"))
        authority.cert_pem.write_to_path(self._folder / "ca.pem")
        return context


def _fake_credentials(role_arn: str, session_name: str) -> dict[str, str]:
    """Keys that open nothing, for tests without AWS."""
    del role_arn, session_name
    key = f"ASIA{secrets.token_hex(8).upper()}"
    return {"AccessKeyId": key, "SecretKey": secrets.token_urlsafe(30), "SessionToken": secrets.token_urlsafe(90)}


def _free_ports(count: int) -> list[int]:
    """Ports that are free on both loopbacks now, of those that no system gives away by itself.

    Else a kernel that starts meanwhile might get one of them for a socket of its own.
    """
    ports = secrets.SystemRandom().sample(_PORT_RANGE, len(_PORT_RANGE))
    loopbacks = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
    free = (port for port in ports if not any(_is_port_in_use(family, host, port) for family, host in loopbacks))
    return list(islice(free, count))


def _is_port_in_use(family: socket.AddressFamily, host: str, port: int) -> bool:
    try:
        with socket.socket(family) as probe:
            probe.bind((host, port))
    except OSError as error:
        # That a machine has no IPv6 takes no port.
        return error.errno in {errno.EADDRINUSE, errno.EACCES}
    return False


_PASSWORD_WORDS = (
    "amber", "basil", "cedar", "delta", "ember", "fjord", "grove", "hazel", "iris", "jade", "kelp", "lunar",
    "maple", "north", "ocean", "pearl", "quartz", "river", "slate", "tulip", "umber", "violet", "willow", "zephyr",
)  # fmt: skip
