"""The random values of a login."""

from cognito_jupyter import CognitoOAuthAuthenticator
from cognito_jupyter.oauth.pkce import LoginSecrets, base64url, new_state, s256
from cognito_jupyter.server_extension.hub import server_name_in

UNRESERVED = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")  # RFC 3986


def test_the_challenge_matches_rfc_7636_appendix_b() -> None:
    octets = bytes([
        116, 24, 223, 180, 151, 153, 224, 37, 79, 250, 96, 125, 216, 173, 187, 186,
        22, 212, 37, 77, 105, 214, 191, 240, 91, 88, 5, 88, 83, 132, 141, 121,
    ])  # fmt: skip
    verifier = base64url(octets)
    assert verifier == "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert s256(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_each_pair_is_new_and_its_challenge_matches() -> None:
    """A verifier has 43 unreserved characters."""
    pairs = {CognitoOAuthAuthenticator.generate_pkce_pair() for _ in range(50)}
    assert len(pairs) == 50
    for verifier, challenge in pairs:
        assert len(verifier) == 43
        assert set(verifier) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        assert challenge == s256(verifier)


def test_the_repr_of_login_secrets_shows_none_of_them() -> None:
    secrets = LoginSecrets.new()
    shown = f"{secrets!r} {secrets}"
    assert not any(value in shown for value in (secrets.code_verifier, secrets.state, secrets.nonce))


def test_a_state_is_256_random_bits_and_on_a_named_server_of_a_hub_also_its_name() -> None:
    """The hub reads the name; for the default server there is nothing to read."""
    assert len(new_state()) == 43
    state = new_state("grüße lab/2")
    random_part, dot, name = state.partition(".")
    assert (len(random_part), dot) == (43, ".")
    assert set(state) <= UNRESERVED
    assert server_name_in([state.encode()]) == "grüße lab/2"
    assert name == new_state("grüße lab/2").partition(".")[2]
    assert repr(state) == "'...'"
