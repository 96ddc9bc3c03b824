"""Which CA certificates verify Cognito and AWS, in a network that inspects TLS, and what an error says about them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cognito_jupyter._util.botocore_session import new_session
from cognito_jupyter.credentials.identity_pool.client import IdentityPool
from cognito_jupyter.errors import UnavailableError
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.oauth.discovery import discover_domain

VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE")
CONFIG_FILE = "ca_bundle in the config file"
HALVES = ("user pool", "identity pool")
SOURCES = {"user pool": (*VARIABLES, CONFIG_FILE), "identity pool": ("AWS_CA_BUNDLE", CONFIG_FILE, VARIABLES[0])}
"""The settings that each half of a sign-in heeds, the strongest first."""
EVERY = [(half, source) for half in HALVES for source in SOURCES[half]]


@pytest.fixture(scope="module")
def over_tls() -> Iterator[LocalCognito]:
    with LocalCognito(aws=False, tls=True) as cognito:
        yield cognito


@pytest.fixture
def request_of(over_tls: LocalCognito, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], object]:
    """Makes one request of a half of a sign-in, with a new client, in an environment that names no CA bundle."""
    for name, value in over_tls.environment.items():
        monkeypatch.setenv(name, value)
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")

    def make(half: str) -> object:
        if half == "user pool":
            return discover_domain(over_tls.user_pool_id, over_tls.region)
        pool = IdentityPool(over_tls.identity_pool_id, over_tls.user_pool_id, over_tls.region)
        return pool.fetch_identity_id(over_tls.issue_tokens(over_tls.demo_user.username)["id_token"])

    return make


def name_bundle(source: str, path: object) -> str:
    """Has a setting name a CA bundle, and returns how a message calls that setting."""
    if source in VARIABLES:
        os.environ[source] = str(path)
        return source
    config = Path(os.environ["AWS_CONFIG_FILE"])
    config.write_text(f"[default]\nca_bundle = {path}\n")
    return f"ca_bundle in {config}"


@pytest.fixture(autouse=True)
def restored_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


@pytest.mark.parametrize(("half", "source"), EVERY)
def test_each_setting_alone_serves_its_half(
    over_tls: LocalCognito, request_of: Callable[[str], object], half: str, source: str
) -> None:
    name_bundle(source, over_tls.ca_file)
    assert request_of(half)


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("blank", ["", "  "])
@pytest.mark.parametrize("variable", VARIABLES)
def test_an_empty_variable_counts_as_unset(
    over_tls: LocalCognito, request_of: Callable[[str], object], variable: str, blank: str, half: str
) -> None:
    os.environ[variable] = blank
    name_bundle(CONFIG_FILE, over_tls.ca_file)
    assert request_of(half)


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("variable", [None, *VARIABLES])
def test_without_a_bundle_or_with_an_empty_variable_certificates_are_still_verified(
    request_of: Callable[[str], object], variable: str | None, half: str
) -> None:
    if variable is not None:
        os.environ[variable] = ""
    with pytest.raises(UnavailableError, match=r"certificate of .* could not be verified\. Check the domain; if your"):
        request_of(half)


@pytest.mark.parametrize(("half", "source"), EVERY)
@pytest.mark.parametrize("kind", ["missing", "garbage", "another CA", "a folder"])
def test_an_error_names_the_setting_that_was_used(
    request_of: Callable[[str], object], tmp_path: Path, half: str, source: str, kind: str
) -> None:
    path = tmp_path / "ca.pem"
    if kind == "garbage":
        path.write_text("-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n")
    elif kind == "another CA":
        with LocalCognito(aws=False, tls=True) as other:
            path.write_bytes(Path(str(other.ca_file)).read_bytes())
    elif kind == "a folder":
        path.mkdir()
    named = name_bundle(source, path)
    weaker = SOURCES[half][SOURCES[half].index(source) + 1 :]
    for each in weaker:
        name_bundle(each, "/weaker.pem")
    with pytest.raises(UnavailableError) as failed:
        request_of(half)
    unreadable = f"could not be verified: {named} names {path}, which cannot be read as CA certificates."
    expected = (
        unreadable if kind in {"missing", "garbage"} else f"could not be verified by {path}, which {named} names."
    )
    assert expected in failed.value.what
    assert named in failed.value.remedy


def test_the_config_file_of_the_selected_profile_counts(
    over_tls: LocalCognito, request_of: Callable[[str], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(os.environ["AWS_CONFIG_FILE"]).write_text(f"[profile lab]\nca_bundle = {over_tls.ca_file}\n")
    for half in HALVES:
        with pytest.raises(UnavailableError, match="certificate"):
            request_of(half)
    monkeypatch.setenv("AWS_PROFILE", "lab")
    for half in HALVES:
        assert request_of(half)


def test_the_sessions_of_a_sign_in_verify_certificates_though_the_variable_is_empty(
    request_of: Callable[[str], object], over_tls: LocalCognito
) -> None:
    """Newer versions of botocore refuse an empty variable, and older ones would verify nothing."""
    assert request_of is not None
    os.environ["AWS_CA_BUNDLE"] = os.environ["REQUESTS_CA_BUNDLE"] = ""
    assert new_session().get_config_variable("ca_bundle") is True
    name_bundle(CONFIG_FILE, over_tls.ca_file)
    assert new_session().get_config_variable("ca_bundle") == str(over_tls.ca_file)
