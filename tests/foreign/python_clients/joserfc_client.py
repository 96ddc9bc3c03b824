"""joserfc: the keys of the pool, the signatures and claims of both tokens, and the header of the refresh token."""

from __future__ import annotations

from joserfc import errors, jwe, jwt
from joserfc.jwk import KeySet

from .common import CLIENT_ID, ISSUER, get_json, new_session, report, tokens_of_sign_in


def main() -> None:
    """Validates both tokens and reports the claims, and the error for a token that was changed."""
    configuration = get_json(f"{ISSUER}/.well-known/openid-configuration")
    tokens = tokens_of_sign_in(new_session(), configuration)
    keys = KeySet.import_key_set(get_json(configuration["jwks_uri"]))
    issuer = {"essential": True, "value": ISSUER}
    expected = {
        "id_token": {"iss": issuer, "aud": {"essential": True, "value": CLIENT_ID}, "token_use": {"value": "id"}},
        "access_token": {"iss": issuer, "client_id": {"value": CLIENT_ID}, "token_use": {"value": "access"}},
    }
    claims, headers = {}, {}
    for name, registry in expected.items():
        token = jwt.decode(tokens[name], keys, algorithms=["RS256"])
        jwt.JWTClaimsRegistry(leeway=60, exp={"essential": True}, iat={"essential": True}, **registry).validate(
            token.claims
        )
        claims[name], headers[name] = token.claims, token.header
    refresh_token = jwe.extract_compact(tokens["refresh_token"].encode(), jwe.default_registry)
    header, payload, signature = tokens["id_token"].split(".")
    changed = ".".join((header, payload, ("B" if signature.startswith("A") else "A") + signature[1:]))
    try:
        jwt.decode(changed, keys, algorithms=["RS256"])
        error = None
    except errors.JoseError as caught:
        error = type(caught).__name__
    report(
        claims=claims,
        headers=headers,
        kids=[key.kid for key in keys.keys],
        changed_signature=error,
        refresh_token_header=refresh_token.protected,
    )


if __name__ == "__main__":
    main()
