"""`LocalCognito`: a user pool, an identity pool and AWS behind them, in one `with`.

`cognito-jupyter local`, the demo and the pytest fixture start it.
"""

from __future__ import annotations

import secrets
import shutil
import ssl
import tempfile
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from .admin import make_admin_blueprint
from .aws.local_aws import LocalAWS
from .cognito.app import make_app
from .cognito.identity_pool import IdentityPool
from .cognito.saved_state import StateFile, read_state, restore_pool, write_after_requests
from .cognito.tokens.issuer import host_names
from .cognito.tokens.pre_token import PreTokenHandler
from .cognito.user_pool import UserPool
from .defaults import aws_content, demo_buckets, free_ports, groups_of_roles, made_up_user, region_of_pool
from .faults import inject_faults
from .http_server import LoopbackServer, bind_both_loopbacks
from .model import REGION, AppClient, Group, IdentityProvider, Knobs, User
from .settings_file import as_toml, read_arguments

if TYPE_CHECKING:
    from .template.stack import Stack

LOGOUT_URI = "http://localhost:3000/signed-out"
_CALLBACK_PORTS = 10
_NOT_LOOPBACK = (
    "LocalCognito listens on {}, which other computers may reach. It is made for tests: give it no password that is "
    "used elsewhere. Without bind_address it listens on this computer alone."
)


class LocalCognito:
    """A strict Cognito on this machine, for demonstrations and tests; keys are new at every start.

    What its caller does not fix is made up: names, a user with a password, three roles, and a bucket.

    Args:
        port: The port of the user pool and the identity pool; 0 takes a free one.
        tls: Whether to serve https, with a CA of its own.
        aws: Whether to run IAM, STS and S3; without them the credentials open nothing.
        redirect_uris: The registered redirect URIs; None registers some free ports of this machine.
        logout_uris: The registered sign-out URLs.
        knobs: What can be changed while it runs.
        user_pool_id: The user pool's id, which names its Region.
        identity_pool_id: The identity pool's id, which names its Region.
        client_id: The app client's id.
        users: The users; None makes one up, who is in the groups Analyst and Uploader, or in all groups of yours.
        groups: The groups; None makes one for each role, the first with the lowest precedence.
        roles: The IAM permissions policy of each role by the role's name; None makes Admin, Analyst and Uploader, which
            may use the buckets.
        buckets: Objects by key, by the name of their bucket; None makes a bucket with a CSV file.
        region: The Region of the user pool; None for us-east-1.
        identity_pool_region: The Region of the identity pool; None for that of the user pool.
        replica_regions: The Regions of the user pool's replicas; `knobs.issuing_region` selects the one that issues.
        client_secret: Whether the app client has a secret, or that secret.
        pre_token: A function of the pre token generation trigger, as in AWS Lambda: from an event and a context to the
            event with a response. `pool.pre_token` changes it while the server runs.
        folder: Where users, app clients, keys, ids, refresh tokens and ports are kept, after each request and each
            method that changes them; what a test changes in `pool` itself, after the next one. What it has kept comes
            before the other arguments at the next start. Objects in S3 and AWS credentials are not kept.
        aws_port: The port of S3, STS and IAM; 0 takes a free one.
        bind_address: An address to listen on in place of those of loopback, such as "0.0.0.0" in a container. Whoever
            reaches it can try the passwords of this server, and a warning says so. Clients still use `localhost`.
        custom_domain: The host name of a custom domain, such as "auth.example.org", with `tls`. Clients reach it
            through a proxy that connects them to `endpoint`.

    Attributes:
        knobs: What can be changed while it runs.
        counts: Calls by endpoint name.
        secrets: Every secret that was issued or received, for tests that search for them.
        region: The Region of the user pool.
        client_secret: The app client's secret; None for a public client.
        pool: The user pool.
        identity_pool: The identity pool, once started.
        client_id: The id of the app client.
        admin_token: The token of the admin route, which goes into the header X-Admin-Token.
        bucket: The first bucket.
        data_key: The key of the first object in it; empty if it has none.
        redirect_uri: The registered redirect URIs, separated by white space.
        logout_uri: The first registered sign-out URL.
        port: The port, once started.
        outputs: The outputs of the template, by name; empty without one.
    """

    # Names of endpoints in `knobs` and `counts`; the other ones are the last part of their path.
    CODE_EXCHANGE = "token:authorization_code"
    REFRESH = "token:refresh_token"
    REVOKE = "revoke"
    JWKS = "jwks"
    GET_ID = "GetId"
    EXCHANGE = "GetCredentialsForIdentity"
    S3 = "s3"

    def __init__(  # noqa: PLR0913 - keyword-only, each with a default
        self,
        *,
        port: int = 0,
        tls: bool = False,
        aws: bool = True,
        redirect_uris: Sequence[str] | None = None,
        logout_uris: Sequence[str] = (LOGOUT_URI,),
        knobs: Knobs | None = None,
        user_pool_id: str | None = None,
        identity_pool_id: str | None = None,
        client_id: str | None = None,
        users: Sequence[User] | None = None,
        groups: Sequence[Group] | None = None,
        roles: Mapping[str, Mapping[str, Any]] | None = None,
        buckets: Mapping[str, Mapping[str, str | bytes]] | None = None,
        region: str | None = None,
        identity_pool_region: str | None = None,
        replica_regions: Sequence[str] = (),
        client_secret: bool | str = False,
        pre_token: PreTokenHandler | None = None,
        folder: str | Path | None = None,
        aws_port: int = 0,
        bind_address: str | None = None,
        custom_domain: str | None = None,
    ) -> None:
        self._state_folder = Path(folder) if folder is not None else None
        saved = read_state(self._state_folder) if self._state_folder is not None else None
        if saved is not None:
            if user_pool_id not in {None, saved["user_pool_id"]}:
                raise ValueError(f"{folder} has the state of {saved['user_pool_id']}, not of {user_pool_id}.")
            user_pool_id, identity_pool_id = saved["user_pool_id"], saved["identity_pool_id"]
            client_id, client_secret = saved["client_id"], saved["client_secret"] or False
            redirect_uris, region, identity_pool_region = saved["redirect_uris"], None, None
            port, aws_port = saved["port"], saved["aws_port"] or aws_port
        self._state_file: StateFile | None = None
        self._saved_identities: dict[str, str] = {} if saved is None else saved["identities"]
        self.knobs = knobs or Knobs()
        self.counts: Counter[str] = Counter()
        self.secrets: set[str] = set()
        self.region = region_of_pool("user pool", user_pool_id, region)
        self.pool = UserPool(self.knobs, self.region, replica_regions, user_pool_id)
        self.pool.pre_token = pre_token
        self.client_id = client_id or secrets.token_hex(13)
        self.client_secret = secrets.token_hex(26) if client_secret is True else client_secret or None
        if custom_domain is not None and not tls:
            raise ValueError("A custom domain needs tls=True, as at AWS.")
        self._custom_domain = custom_domain
        if identity_pool_id is None:
            identity_pool_region = identity_pool_region or self.region
        self._identity_pool_region = region_of_pool("identity pool", identity_pool_id, identity_pool_region)
        self._fixed_identity_pool_id = identity_pool_id
        self.admin_token = secrets.token_urlsafe(32)
        self._roles, self._buckets = roles, demo_buckets() if buckets is None else buckets
        self.bucket = next(iter(self._buckets), "")
        self.data_key = next(iter(self._buckets.get(self.bucket, {})), "")
        uris = tuple(redirect_uris or (f"http://localhost:{port}" for port in free_ports(_CALLBACK_PORTS)))
        self.redirect_uri = " ".join(uris)
        self.logout_uri = logout_uris[0] if logout_uris else None
        self.pool.clients[self.client_id] = AppClient(
            self.client_id, uris, tuple(logout_uris), secret=self.client_secret
        )
        self._requested_port, self._tls, self._with_aws = port, tls, aws
        self._aws_port, self._bind_address = aws_port, bind_address
        self._stack: Stack | None = None
        self.outputs: Mapping[str, str] = {}
        self._folder: Path | None = None
        self._servers: list[LoopbackServer] = []
        self._aws: LocalAWS | None = None
        names = None if roles is None else list(roles)
        self._add_people(groups_of_roles(names, self._identity_pool_region) if groups is None else groups, users)
        self._add_secrets(self.client_secret)
        if saved is not None:
            self.pool.users.clear()
            restore_pool(self.pool, saved)

    def _add_people(self, groups: Sequence[Group], users: Sequence[User] | None) -> None:
        self.pool.groups |= {group.name: group for group in groups}
        for user in [made_up_user(groups)] if users is None else users:
            unknown = set(user.groups) - self.pool.groups.keys()
            if unknown:
                raise ValueError(f"{user.username} is in {', '.join(sorted(unknown))}, which is not among the groups.")
            self.pool.users[user.username] = user
            self._add_secrets(user.password)

    @classmethod
    def from_toml(cls, path: str | Path, profile: str | None = None, **arguments: Any) -> Self:
        """Makes a Cognito with the ids, the redirect URIs and the sign-out URL of a cognito.toml.

        The domain is this server's own all the same: use `environment`, or a file from `to_toml`.

        Args:
            path: The file.
            profile: The profile; None: the top-level settings alone.
            **arguments: Further arguments, which replace those of the file.

        Raises:
            ValueError: The file is malformed, or has no such profile.
        """
        return cls(**read_arguments(path, profile) | arguments)

    @classmethod
    def from_template(
        cls, path: str | Path, parameters: Mapping[str, str] | None = None, *, region: str = REGION, **arguments: Any
    ) -> Self:
        """Makes a Cognito of a CloudFormation template, such as `deploy/cognito-jupyter.yaml`.

        Groups, roles, their trust and permissions policies, session tags, the app client with its URLs, lifetimes and
        rotation are the template's. The buckets that the roles name exist; the first one has the demo's data. The
        template's outputs are in `outputs`.

        Args:
            path: The template, in YAML or JSON.
            parameters: The values of its parameters.
            region: The Region of the stack.
            **arguments: Further arguments, which replace what follows from the template.

        Raises:
            ValueError: The template, or a parameter, cannot be used.
        """
        from .template.stack import make_stack  # late: it needs PyYAML, which nothing else here does

        stack = make_stack(path, parameters or {}, region)
        cognito = cls(**stack.arguments() | arguments)
        cognito._stack, cognito.outputs = stack, stack.outputs
        cognito.pool.clients[cognito.client_id] = stack.registered(cognito.pool.clients[cognito.client_id])
        for provider in stack.providers:
            cognito.add_identity_provider(provider.name, provider.provider_type, provider.identifiers)
        return cognito

    def to_toml(self) -> str:
        """Returns a cognito.toml for this Cognito, once started.

        The endpoints of AWS and an app client's secret have no place in it: they come from `environment`.
        """
        return as_toml(
            {
                "domain": self.domain,
                "user_pool_id": self.user_pool_id,
                "client_id": self.client_id,
                "identity_pool_id": self.identity_pool_id,
                "region": self.region,
                "redirect_uri": self.redirect_uri,
                **({"logout_uri": self.logout_uri} if self.logout_uri else {}),
            }
        )

    # -- start and stop

    def start(self) -> Self:
        """Starts to respond, within two seconds; a second call does nothing."""
        if self._servers:
            return self
        # moto first: its imports take longer than everything else, and run at the same time in its own process.
        if self._bind_address is not None:
            warnings.warn(_NOT_LOOPBACK.format(self._bind_address), stacklevel=2)
        if self._with_aws:
            self._aws = LocalAWS(self.knobs, self.counts, address=self._bind_address, port=self._aws_port)
        issued_keys = self._aws.issued_keys if self._aws else {}
        assume_role = self._aws.assume_role if self._aws else _fake_credentials
        self.identity_pool = IdentityPool(
            self.pool,
            self.knobs,
            issued_keys,
            assume_role,
            self.client_id,
            region=self._identity_pool_region,
            pool_id=self._fixed_identity_pool_id,
        )
        self.identity_pool.identities.update(self._saved_identities)
        if self._stack is not None:
            self._stack.configure(self.identity_pool)
        try:
            app = make_app(self.pool, self.identity_pool, lambda: self.domain, self._add_secrets)
            app.register_blueprint(make_admin_blueprint(self.knobs, self.counts, self.admin_token))
            middleware = inject_faults(
                write_after_requests(app.wsgi_app, self._save), self.knobs, self.counts, self._host_names()
            )
            self._servers = bind_both_loopbacks(
                middleware,
                self._requested_port,
                tls=self._tls_context(),
                clock=self.knobs.now,
                address=self._bind_address,
            )
            self.port = self._servers[0].port
            self.pool.local_url = self.endpoint
            for server in self._servers:
                server.start()
            if self._aws is not None:
                region, pool_id = self._identity_pool_region, self.identity_pool.pool_id
                trust_policies = self.identity_pool.trust_policies
                self._aws.start(aws_content(region, pool_id, self._roles, self._buckets, trust_policies))
            if self._state_folder is not None:
                further = {
                    "client_id": self.client_id,
                    "client_secret": self.client_secret,
                    "port": self.port,
                    "redirect_uris": self.redirect_uri.split(),
                    "aws_port": self._aws.proxy.port if self._aws else 0,
                }
                self._state_file = StateFile(self._state_folder, self.pool, self.identity_pool, further)
                self._save()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Ends every thread, connection and child process, and removes all files except for those of `folder`.

        A second call does nothing.
        """
        self._save()
        for server in self._servers:
            server.stop()
        if self._aws is not None:
            self._aws.stop()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._servers, self._aws, self._folder, self._state_file = [], None, None, None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.stop()

    # -- URLs and ids

    @property
    def domain(self) -> str:
        """The Cognito domain, as a setting: `http://localhost:PORT`, or the custom domain."""
        return f"https://{self._custom_domain}" if self._custom_domain is not None else self.endpoint

    @property
    def endpoint(self) -> str:
        """The endpoint URL of cognito-idp and cognito-identity: `http://localhost:PORT`."""
        return f"{'https' if self._tls else 'http'}://localhost:{self.port}"

    @property
    def admin_url(self) -> str:
        """The URL of the admin route."""
        return f"{self.endpoint}/_admin"

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
        """The endpoint URL of S3, STS and IAM."""
        return self.aws.proxy.url

    @property
    def roles(self) -> dict[str, str]:
        """Role ARNs by short name."""
        return {name: str(group.role_arn) for name, group in self.pool.groups.copy().items() if group.role_arn}

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables with which every program on this machine uses this Cognito."""
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
        if self.client_secret is not None:
            values["COGNITO_CLIENT_SECRET"] = self.client_secret
        if self._with_aws:
            values |= {f"AWS_ENDPOINT_URL_{service}": self.aws_url for service in ("S3", "STS", "IAM")}
        if self.ca_file is not None:
            values |= dict.fromkeys(("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"), self.ca_file)
        return values

    @property
    def ca_file(self) -> str | None:
        """The CA that clients must trust; None without TLS."""
        return str(self._folder / "ca.pem") if self._folder is not None else None

    # -- users, groups, clients and tokens

    @property
    def demo_user(self) -> User:
        """The user with the roles Analyst and Uploader, who was made up; or the first one."""
        return self.pool.users.get("demo") or next(iter(self.pool.users.values()))

    def add_user(  # noqa: PLR0913 - what an administrator fills in, most of it with a default
        self,
        username: str,
        password: str,
        groups: Sequence[str] = (),
        email: str | None = None,
        *,
        phone_number: str | None = None,
        provider: str | None = None,
        must_change_password: bool = False,
        totp_secret: str | None = None,
        **attributes: str,
    ) -> User:
        """Adds a user.

        Args:
            username: The name that the user types.
            password: The user's password.
            groups: The names of the user's groups.
            email: The user's address; None makes one of the name, an empty string gives the user none.
            phone_number: The user's phone number.
            provider: The name of the external provider that the user signs in at, from `add_identity_provider`. The
                user pool names the user "PROVIDER_USERNAME".
            must_change_password: Whether the login page wants a new password.
            totp_secret: The secret, in base32, of the user's authenticator app, whose code the login page wants.
            **attributes: Further attributes, such as `name`.
        """
        email = f"{username}@example.org" if email is None else email
        external = self.pool.providers[provider] if provider is not None else None
        username = username if external is None else f"{external.name}_{username}"
        user = User(
            username,
            password,
            email,
            tuple(groups),
            phone_number=phone_number,
            attributes=attributes,
            provider=external,
            must_change_password=must_change_password,
            totp_secret=totp_secret,
        )
        self.pool.users[username] = user
        self._save()
        return user

    def add_identity_provider(
        self, name: str, provider_type: str = "SAML", identifiers: Sequence[str] = ()
    ) -> IdentityProvider:
        """Adds an external identity provider, whose sign-in page this server plays too.

        Args:
            name: The provider's name.
            provider_type: "SAML", "OIDC", or a social provider's name.
            identifiers: Its identifiers, such as the domains of e-mail addresses.
        """
        provider = IdentityProvider(name, provider_type, tuple(identifiers))
        self.pool.providers[name] = provider
        self._save()
        return provider

    def add_group(self, name: str, role_arn: str | None = None, precedence: int | None = None) -> Group:
        """Adds a group.

        Args:
            name: The group's name.
            role_arn: The role of its members.
            precedence: The lowest wins.
        """
        group = Group(name, role_arn, precedence)
        self.pool.groups[name] = group
        self._save()
        return group

    def add_client(self, client: AppClient) -> AppClient:
        """Adds an app client."""
        self.pool.clients[client.client_id] = client
        self._save()
        return client

    def issue_tokens(self, username: str = "demo", **claims: Any) -> dict[str, Any]:
        """Returns signed tokens without a login.

        Args:
            username: The user.
            **claims: Claims that replace those of the id token.
        """
        tokens = self.pool.issue_tokens(username, self.client_id, **claims)
        self._add_secrets(tokens["id_token"], tokens["access_token"], tokens["refresh_token"])
        self._save()
        return tokens

    def _save(self) -> None:
        if self._state_file is not None:
            self._state_file.write()

    def _add_secrets(self, *secrets: str | None) -> None:
        self.secrets.update(filter(None, secrets))

    def _host_names(self) -> set[str]:
        """Returns the names that this server may be asked for besides loopback's, by clients that a proxy connects."""
        regions = {*self.pool.regions, self._identity_pool_region}
        custom = {self._custom_domain} if self._custom_domain is not None else set()
        return custom.union(*map(host_names, regions))

    def _tls_context(self) -> ssl.SSLContext | None:
        if not self._tls:
            return None
        import trustme  # late: it needs cryptography's X.509, which nothing else here does

        authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost", "127.0.0.1", "::1", *self._host_names()).configure_cert(context)
        self._folder = Path(tempfile.mkdtemp(prefix="local-cognito-"))
        authority.cert_pem.write_to_path(self._folder / "ca.pem")
        return context


def _fake_credentials(*_session: object) -> dict[str, str]:
    """Makes credentials that open nothing, for tests without AWS."""
    key = f"ASIA{secrets.token_hex(8).upper()}"
    return {"AccessKeyId": key, "SecretKey": secrets.token_urlsafe(30), "SessionToken": secrets.token_urlsafe(90)}
