"""Authlib: discovery, PKCE, the claims of OpenID Connect, userInfo, a refresh and a revocation."""

from __future__ import annotations

from authlib.integrations.base_client import OAuthError
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import OpenIDProviderMetadata
from joserfc import jwt
from joserfc.jwk import KeySet

from .common import CLIENT_ID, ISSUER, get_json, new_session, report, routed, tokens_of_sign_in

_NONCE = "a nonce of this sign-in"


def main() -> None:
    """Does everything that Authlib can do here, and reports it."""
    configuration = get_json(f"{ISSUER}/.well-known/openid-configuration")
    OpenIDProviderMetadata(configuration).validate()
    session = new_session()
    tokens = tokens_of_sign_in(session, configuration, nonce=_NONCE)
    keys = KeySet.import_key_set(get_json(configuration["jwks_uri"]))
    token = jwt.decode(tokens["id_token"], keys, algorithms=["RS256"])
    claims = CodeIDToken(
        token.claims,
        token.header,
        {"iss": {"value": ISSUER}, "aud": {"value": CLIENT_ID}},
        {"nonce": _NONCE, "client_id": CLIENT_ID, "access_token": tokens["access_token"]},
    )
    claims.validate(leeway=60)
    user_info = session.get(configuration["userinfo_endpoint"])
    refreshed = session.refresh_token(configuration["token_endpoint"], tokens["refresh_token"])
    newest = refreshed.get("refresh_token", tokens["refresh_token"])
    revocation = session.revoke_token(configuration["revocation_endpoint"], newest, token_type_hint="refresh_token")
    try:
        session.refresh_token(configuration["token_endpoint"], newest)
        after = None
    except OAuthError as error:
        after = error.error
    report(
        issuer=configuration["issuer"],
        jwks_uri=routed(configuration["jwks_uri"]),
        claims=dict(claims),
        user_info=user_info.json(),
        refreshed=refreshed["access_token"] != tokens["access_token"],
        revocation=[revocation.status_code, revocation.text],
        refresh_after_revocation=after,
    )


if __name__ == "__main__":
    main()
