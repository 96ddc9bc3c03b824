"""The user pool's side of a set-up: domain, app client, redirect URIs, sign-out URL, login page, revocation.

Each check sends a request that Cognito refuses or redirects, and reads which refusal it is. Sources:
https://docs.aws.amazon.com/cognito/latest/developerguide/authorization-endpoint.html and its pages on the token, the
revocation, the login and the logout endpoint; what they leave open is in docs/administrators.md.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from urllib.parse import parse_qs, urlencode, urlsplit

from ..errors import CognitoError, UnavailableError
from ..oauth import discovery
from ..oauth.pkce import LoginSecrets, s256
from ..oauth.redirect_uri import parse_redirect_uris
from ..settings import Settings, parsers
from .probe import Probe
from .report import Check, fail, note, ok, unknown

USER_POOL, APP_CLIENT, REDIRECT_URI = "user pool", "app client", "redirect URI"
SIGN_OUT_URL, LOGIN_PAGE = "sign-out URL", "login page"
_MAX_REDIRECT_URIS = 4
"""Each takes a request; nobody needs more ports."""
_NO_STYLE = "Login pages unavailable"


class UserPoolChecks:
    """Checks one user pool with the settings of a login.

    Args:
        settings: The settings.
        probe: Sends the requests.
    """

    def __init__(self, settings: Settings, probe: Probe) -> None:
        self._settings = settings
        self._probe = probe
        self._domain = parsers.origin(settings.configuration.domain)
        self._login_page: str | None = None

    def run(self, configuration: Mapping[str, object]) -> Iterator[Check]:
        """Yields the checks.

        Args:
            configuration: The pool's openid-configuration.
        """
        yield from self._check_domain(configuration)
        for topic, check in (
            (APP_CLIENT, self._check_app_client),
            (APP_CLIENT, self._check_revocation),
            (REDIRECT_URI, self._check_redirect_uris),
            (SIGN_OUT_URL, self._check_sign_out_url),
            (LOGIN_PAGE, self._check_login_page),
        ):
            try:
                yield from check()
            except UnavailableError as error:
                yield fail(topic, error.what, error.remedy)
                if str(error) == str(self._unreachable()):
                    return

    def _unreachable(self) -> UnavailableError | None:
        """Returns why the domain could not be reached at all; the next check would only wait for the same."""
        contact = self._probe.contacts.get(urlsplit(self._domain).hostname or "")
        return contact.error if contact is not None else None

    def _check_domain(self, configuration: Mapping[str, object]) -> Iterator[Check]:
        pools = self._settings.configuration
        yield ok(USER_POOL, f"User pool {pools.user_pool_id} exists.")
        try:
            domain = discovery.domain_in(configuration, pools.user_pool_id)
        except CognitoError as error:
            yield note(USER_POOL, error.what, f"The setting domain names {pools.domain}, which is used.")
            return
        if parsers.origin(domain) == self._domain:
            yield ok(USER_POOL, f"Its domain is {domain}.")
        else:
            yield note(
                USER_POOL,
                f"The setting domain is {pools.domain}, and the pool's documents name {domain}.",
                "A pool may have two domains; if sign-ins fail, remove the setting, and the pool's own is used.",
            )

    def _check_app_client(self) -> Iterator[Check]:
        """Posts a code that was made up: Cognito refuses it as a code only after it has accepted the app client."""
        pools, secret = self._settings.configuration, self._settings.client_secret
        form = {
            "grant_type": "authorization_code",
            "client_id": pools.client_id,
            "code": secrets.token_urlsafe(24),
            "redirect_uri": pools.redirect_uri.split()[0],
            "code_verifier": LoginSecrets.new().code_verifier,
        }
        response = self._probe.post_form(f"{self._domain}/oauth2/token", form, secret)
        error = response.payload.get("error"), response.payload.get("error_description")
        match error:
            case ("invalid_grant", _):
                kind = "public" if secret is None else "confidential, and its secret is right"
                yield ok(APP_CLIENT, f"App client {pools.client_id} exists and is {kind}; it may use codes.")
            case ("invalid_client", "invalid_client_secret"):
                what = "asks for a client secret, and none is set" if secret is None else "has another client secret"
                yield fail(
                    APP_CLIENT,
                    f"App client {pools.client_id} {what}.",
                    "Use a public app client, or set client_secret in your own cognito.toml.",
                )
            case ("invalid_client", _):
                yield fail(
                    APP_CLIENT,
                    f"{self._domain} knows no app client {pools.client_id}"
                    + (", or it has no secret." if secret is not None else "."),
                    "Copy client_id from the user pool's app clients; check that domain is this pool's.",
                )
            case ("unauthorized_client", _):
                yield fail(
                    APP_CLIENT,
                    f"App client {pools.client_id} may not use the authorization code grant.",
                    "Allow the grant type 'Authorization code grant' in the app client's login pages.",
                )
            case _:
                yield unknown(
                    APP_CLIENT,
                    f"The token endpoint responded HTTP {response.status} with {error[0]} to a made-up code.",
                )

    def _check_revocation(self) -> Iterator[Check]:
        pools = self._settings.configuration
        form = {"token": secrets.token_urlsafe(48), "client_id": pools.client_id}
        response = self._probe.post_form(f"{self._domain}/oauth2/revoke", form, self._settings.client_secret)
        match response.status, response.payload.get("error"):
            case (HTTPStatus.OK, _):
                yield ok(APP_CLIENT, "Token revocation is on.")
            case (_, "invalid_request"):
                yield fail(
                    APP_CLIENT,
                    "Token revocation is off, so that signing out ends no refresh token.",
                    "Turn on token revocation for the app client.",
                )
            case (_, "invalid_client" | "unauthorized_client"):
                yield unknown(APP_CLIENT, "Whether token revocation is on is not known before the app client is right.")
            case (status, error):
                yield unknown(APP_CLIENT, f"The revocation endpoint responded HTTP {status} with {error}.")

    def _check_redirect_uris(self) -> Iterator[Check]:
        uris = parse_redirect_uris(self._settings.configuration.redirect_uri)
        for uri in uris[:_MAX_REDIRECT_URIS]:
            yield self._check_redirect_uri(uri.text)
        if len(uris) > _MAX_REDIRECT_URIS:
            yield note(REDIRECT_URI, f"Only the first {_MAX_REDIRECT_URIS} of {len(uris)} redirect URIs were checked.")

    def _check_redirect_uri(self, redirect_uri: str) -> Check:
        settings = self._settings
        login = LoginSecrets.new()
        query = {
            "response_type": "code",
            "client_id": settings.configuration.client_id,
            "redirect_uri": redirect_uri,
            "scope": settings.scopes,
            "state": login.state,
            "nonce": login.nonce,
            "code_challenge_method": "S256",
            "code_challenge": s256(login.code_verifier),
            "identity_provider": settings.identity_provider,
            "idp_identifier": settings.idp_identifier,
        }
        given = {name: value for name, value in query.items() if value is not None}
        response = self._probe.get_page(f"{self._domain}/oauth2/authorize?{urlencode(given)}")
        if response.location is None:
            return fail(
                REDIRECT_URI,
                f"{self._domain} responded HTTP {response.status} in place of a redirect to the login page.",
                "If AWS WAF protects the pool, it or a proxy may refuse this computer: ask the administrator."
                if response.status == HTTPStatus.FORBIDDEN
                else "Check that domain is the user pool's, without a path.",
            )
        target = urlsplit(response.location)
        parameters = parse_qs(target.query)
        error = (parameters.get("error") or [""])[0]
        if response.location.startswith(redirect_uri) and error:
            return self._refused_request(error, (parameters.get("error_description") or [""])[0])
        if target.path == "/error":
            return fail(
                REDIRECT_URI,
                f"{redirect_uri} is not registered with app client {settings.configuration.client_id} ({error}).",
                "Add it to the app client's allowed callback URLs, character for character; a slash at the end counts.",
            )
        if target.path == "/login":
            self._login_page = response.location
        return ok(REDIRECT_URI, f"{redirect_uri} is registered, and the scopes {settings.scopes} are allowed.")

    def _refused_request(self, error: str, description: str) -> Check:
        client_id, scopes = self._settings.configuration.client_id, self._settings.scopes
        if "invalid_scope" in {error, description}:
            return fail(
                REDIRECT_URI,
                f"App client {client_id} may not request all of the scopes {scopes}.",
                "Allow these OpenID Connect scopes in the app client's login pages, or change the setting scopes.",
            )
        if error == "unauthorized_client":
            return fail(
                REDIRECT_URI,
                f"App client {client_id} may not use the authorization code grant.",
                "Allow the grant type 'Authorization code grant' in the app client's login pages.",
            )
        return fail(
            REDIRECT_URI,
            f"Cognito refuses the sign-in request with {error} ({description or 'no description'}).",
            "Check identity_provider, idp_identifier and scopes.",
        )

    def _check_sign_out_url(self) -> Iterator[Check]:
        logout_uri = self._settings.logout_uri
        if logout_uri is None:
            yield note(
                SIGN_OUT_URL,
                "logout_uri is not set, so a sign-out leaves the browser's own Cognito session until it ends.",
                "To let users end it by a link, register a sign-out URL and set logout_uri.",
            )
            return
        query = {"client_id": self._settings.configuration.client_id, "logout_uri": logout_uri}
        response = self._probe.get_page(f"{self._domain}/logout?{urlencode(query)}")
        if response.location is not None and response.location.rstrip("/") == logout_uri.rstrip("/"):
            yield ok(SIGN_OUT_URL, f"{logout_uri} is registered.")
        else:
            yield fail(
                SIGN_OUT_URL,
                f"{logout_uri} is not registered with the app client.",
                "Add it to the app client's allowed sign-out URLs, character for character, or remove logout_uri.",
            )

    def _check_login_page(self) -> Iterator[Check]:
        if self._login_page is None:
            yield unknown(LOGIN_PAGE, "Which page signs users in is not known: no redirect URI led to Cognito's own.")
            return
        response = self._probe.get_page(self._login_page)
        if _NO_STYLE in response.text:
            yield fail(
                LOGIN_PAGE,
                f"The login page says {_NO_STYLE!r}: managed login has no style for this app client.",
                "Create a style for the app client in the console's managed login, or use the classic hosted UI.",
            )
        elif response.status == HTTPStatus.OK or response.location is not None:
            yield ok(LOGIN_PAGE, "The login page is there.")
        else:
            yield fail(
                LOGIN_PAGE,
                f"The login page responds HTTP {response.status}.",
                "Open the link of a sign-in in a browser to see what it says.",
            )
