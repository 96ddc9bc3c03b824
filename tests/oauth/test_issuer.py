"""The `iss` claim of Cognito's tokens, and what is none of Cognito's."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from cognito_jupyter.oauth.issuer import Issuer, IssuerType, parse_issuer
from cognito_jupyter.oauth.tokens import Subject, subject_of

POOL = "us-east-1_AbCdEfGhI"
ORIGINAL = f"https://cognito-idp.us-east-1.amazonaws.com/{POOL}"
UPDATED = f"https://issuer-cognito-idp.us-east-1.amazonaws.com/{POOL}"
SUFFIXES = {
    "us-east-1": "amazonaws.com",
    "us-gov-west-1": "amazonaws.com",
    "cn-north-1": "amazonaws.com.cn",
    "us-iso-east-1": "c2s.ic.gov",
    "us-isob-east-1": "sc2s.sgov.gov",
    "eusc-de-east-1": "amazonaws.eu",
}
TYPES: tuple[IssuerType, ...] = ("ORIGINAL", "UPDATED")


@pytest.mark.parametrize(("region", "suffix"), SUFFIXES.items())
@pytest.mark.parametrize(("issuer_type", "label"), [("ORIGINAL", "cognito-idp"), ("UPDATED", "issuer-cognito-idp")])
def test_both_forms_are_read_in_every_partition(region: str, suffix: str, issuer_type: IssuerType, label: str) -> None:
    """The API reference's IssuerConfigurationType names both forms, botocore's data the suffixes."""
    provider = f"{label}.{region}.{suffix}/{region}_AbCdEfGhI"
    issuer = parse_issuer(f"https://{provider}")
    assert issuer == Issuer(f"{region}_AbCdEfGhI", region, issuer_type)
    assert issuer is not None
    assert (issuer.provider_name, issuer.is_replica) == (provider, False)


def test_a_replica_has_the_pools_id_and_its_own_region() -> None:
    """Seen in awslabs/aws-jwt-verify#282."""
    issuer = parse_issuer(ORIGINAL.replace("idp.us-east-1", "idp.eu-west-1"))
    assert issuer == Issuer(POOL, "eu-west-1")
    assert issuer is not None
    assert issuer.is_replica


@pytest.mark.parametrize(
    "claim",
    [
        ORIGINAL.replace("https", "http"),
        ORIGINAL.replace("cognito-idp", "cognito-idp-fips"),
        ORIGINAL.replace("cognito-idp", "issuer.cognito-idp"),
        ORIGINAL.replace("cognito-idp", "evil-cognito-idp"),
        ORIGINAL.replace(".com", ".com.evil.example"),
        ORIGINAL.replace(".com", ".com.cn"),
        ORIGINAL.replace("amazonaws.com", "evil.example"),
        ORIGINAL.replace("idp.us-east-1.amazonaws.com", "idp.cn-north-1.amazonaws.com.cn"),
        ORIGINAL.replace("amazonaws", "amaz0naws"),
        ORIGINAL.replace("https://", "https://evil.example/"),
        ORIGINAL.replace("https://", "https://evil.example@"),
        ORIGINAL.replace(".us-east-1.", "."),
        ORIGINAL.replace(".com/", ".com:443/"),
        ORIGINAL.replace(".com/", ".com./"),
        ORIGINAL + "/",
        ORIGINAL + "?x",
        ORIGINAL + "\n",
        " " + ORIGINAL,
        ORIGINAL.upper(),
        ORIGINAL.replace("us-east-1_AbC", "AbC"),
        ORIGINAL.replace("a", "\u0430"),
        "",
        None,
        7,
        [ORIGINAL],
    ],
)
def test_an_address_that_looks_alike_is_no_issuer(claim: object) -> None:
    assert parse_issuer(claim) is None


@given(st.text() | st.from_regex(r"https://(issuer-)?cognito-idp\.[a-z0-9.-]{1,40}/\w{1,40}"))
def test_whatever_is_read_as_an_issuer_is_written_as_it_was(claim: str) -> None:
    issuer = parse_issuer(claim)
    assert issuer is None or issuer.url == claim


@given(st.sampled_from(sorted(SUFFIXES)), st.sampled_from(TYPES), st.from_regex(r"[0-9A-Za-z]{1,40}", fullmatch=True))
def test_every_issuer_that_is_written_can_be_read(region: str, issuer_type: IssuerType, name: str) -> None:
    issuer = Issuer(f"{region}_{name}", region, issuer_type)
    assert parse_issuer(issuer.url) == issuer
    assert parse_issuer(issuer.in_other_form().url) == issuer.in_other_form()


def test_the_same_pool_and_sub_is_the_same_user_in_either_form_and_replica() -> None:
    replica = ORIGINAL.replace("idp.us-east-1", "idp.eu-west-1")
    users = {subject_of({"iss": iss, "sub": "ann"}) for iss in (ORIGINAL, UPDATED, replica)}
    assert users == {Subject(POOL, "ann")}


def test_the_same_sub_of_another_pool_or_of_a_look_alike_is_another_user() -> None:
    claims = [ORIGINAL, ORIGINAL + "X", ORIGINAL.replace(".com", ".com.evil.example")]
    assert len({subject_of({"iss": iss, "sub": "ann"}) for iss in claims}) == 3
