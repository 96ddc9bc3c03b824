"""Where settings come from, and the errors about missing and malformed ones."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import chdir
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings as hypothesis_settings, strategies as st

from cognito_jupyter.errors import SettingError
from cognito_jupyter.settings import SETTING_NAMES, Settings, parsers
from cognito_jupyter.settings.layers import ENVIRONMENT_NAMES, known_profiles
from cognito_jupyter.settings.resolve import resolve
from cognito_jupyter.settings.toml_file import system_paths, user_path
from tests.settings.conftest import COMPLETE, ProjectFolder, write_file

GOOD = {
    "domain": "my-app.auth.us-east-1.amazoncognito.com",
    "client_id": "1example23456789",
    "redirect_uri": "http://localhost:3000",
    "region": "us-east-1",
    "user_pool_id": "us-east-1_AbCdEf123",
    "identity_pool_id": "us-east-1:01234567-89ab-cdef-0123-456789abcdef",
}
OTHER = {
    "domain": "other.auth.us-east-1.amazoncognito.com",
    "client_id": "2other",
    "redirect_uri": "http://localhost:3001",
    "region": "us-east-1",
    "user_pool_id": "us-east-1_Other",
    "identity_pool_id": "us-east-1:11111111-89ab-cdef-0123-456789abcdef",
}
FURTHER: dict[str, object] = {
    "scopes": "openid email profile",
    "identity_provider": "Google",
    "login_hint": "ada@example.org",
    "role_selection": "identity_pool",
    "logout_uri": "https://example.org/bye",
    "session_region": "eu-west-1",
    "timeout": 60.0,
    "wait_for_sign_in": 600.0,
    "refresh_token_days": 30.0,
    "remember": True,
    "remote_kernel": False,
    "allowed_domains": ["my-app.auth.us-east-1.amazoncognito.com"],
}


def discover(user_pool_id: str, region: str) -> str:
    return f"found-{user_pool_id.partition('_')[2].lower()}.auth.{region}.amazoncognito.com"


def toml(values: dict[str, object], profile: str | None = None) -> str:
    def plain(value: object) -> str:
        return str(value).lower() if isinstance(value, bool) else repr(value).replace("'", '"')

    head = f"[profile.{profile}]\n" if profile else ""
    return head + "".join(f"{name} = {plain(value)}\n" for name, value in values.items())


class SettingSources:
    """Every place that can hold settings, each empty until a test fills it."""

    def __init__(self, home: Path, folder: Path) -> None:
        self.arguments: dict[str, object] = {}
        self.traits: dict[str, object] = {}
        self.environment: dict[str, str] = {}
        self.folder = folder
        self.files = {
            "project": folder / "cognito.toml",
            "user": home / "config" / "cognito.toml",
            "system": home / "system" / "cognito.toml",
        }
        self.prompts: list[str] = []

    def write(self, place: str, text: str) -> Path:
        path = self.files[place]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o644)
        return path

    def set_values(self, place: str, values: dict[str, object]) -> None:
        match place:
            case "arguments":
                self.arguments = values
            case "traits":
                self.traits = values
            case "environment":
                self.environment = {ENVIRONMENT_NAMES[name]: str(value) for name, value in values.items()}
            case _:
                self.write(place, toml(values))

    def resolve(self, profile: str | None = None, *, trusted: bool | None = True) -> Settings:
        with chdir(self.folder):
            return resolve(
                {**self.arguments, "profile": profile},
                traits=self.traits,
                environment=self.environment,
                discover_domain=discover,
                confirm_trust=None if trusted is None else self._confirm(trusted),
            )

    def _confirm(self, trusted: bool) -> Callable[[str], bool]:
        def confirm(text: str) -> bool:
            self.prompts.append(text)
            return trusted

        return confirm


@pytest.fixture
def sources(own_environment: Path, tmp_path: Path) -> SettingSources:
    (tmp_path / "work").mkdir()
    return SettingSources(own_environment, tmp_path / "work")


ORDER = ["arguments", "traits", "environment", "project", "user", "system"]


@pytest.mark.parametrize("place", ORDER)
def test_each_place_alone_is_enough(sources: SettingSources, place: str) -> None:
    sources.set_values(place, dict(GOOD))
    found = sources.resolve().configuration
    assert {each.name: getattr(found, each.name) for each in fields(found)} == GOOD


@pytest.mark.parametrize(("strong", "weak"), list(itertools.pairwise(ORDER)))
def test_each_place_beats_the_next(sources: SettingSources, strong: str, weak: str) -> None:
    sources.set_values(weak, dict(OTHER))
    sources.set_values(strong, {"client_id": GOOD["client_id"]})
    settings = sources.resolve()
    assert settings.configuration.client_id == GOOD["client_id"]
    assert settings.configuration.user_pool_id == OTHER["user_pool_id"]


@pytest.mark.parametrize("name", sorted(FURTHER))
@pytest.mark.parametrize("place", ["arguments", "traits", "user"])
def test_each_further_setting_is_read(sources: SettingSources, place: str, name: str) -> None:
    sources.set_values("environment", dict(GOOD))
    sources.set_values(place, {name: FURTHER[name]})
    expected = tuple(FURTHER[name]) if name == "allowed_domains" else FURTHER[name]  # type: ignore[arg-type]
    settings = sources.resolve()
    assert getattr(settings, name) == expected
    assert name in settings.sources


def test_an_identifier_may_stand_in_place_of_the_provider(sources: SettingSources) -> None:
    sources.set_values("environment", {**GOOD, "idp_identifier": "example.org"})
    assert sources.resolve().idp_identifier == "example.org"
    sources.write("user", toml({"identity_provider": "Google"}))
    with pytest.raises(SettingError, match=r"identity_provider \(from .*cognito\.toml\) and idp_identifier \(from"):
        sources.resolve()


def test_three_settings_are_enough(sources: SettingSources) -> None:
    """The region follows from the pools, the domain from the user pool, the redirect URI has a default."""
    sources.set_values("environment", {name: GOOD[name] for name in ("client_id", "user_pool_id", "identity_pool_id")})
    settings = sources.resolve()
    assert settings.configuration.region == "us-east-1"
    assert settings.configuration.domain == "found-abcdef123.auth.us-east-1.amazoncognito.com"
    assert settings.configuration.redirect_uri == "http://localhost:3000"
    assert (settings.scopes, settings.timeout, settings.remember) == ("openid email", 300.0, False)
    assert settings.wait_for_sign_in == 0
    assert settings.remote_kernel is None


@pytest.mark.parametrize("name", ["client_id", "user_pool_id", "identity_pool_id"])
def test_a_missing_setting_is_named_with_every_place_searched(sources: SettingSources, name: str) -> None:
    sources.set_values("environment", {key: value for key, value in GOOD.items() if key != name})
    with pytest.raises(SettingError, match=f"^{name} is not set. Looked in the arguments") as raised:
        sources.resolve()
    for place in ("c.CognitoMagics", "COGNITO_CLIENT_ID", *map(str, (sources.files["user"], sources.files["system"]))):
        assert place in str(raised.value)


def test_all_missing_settings_are_named_at_once(sources: SettingSources) -> None:
    with pytest.raises(SettingError, match="client_id and user_pool_id and identity_pool_id are not set"):
        sources.resolve()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("domain", "http://my-app.auth.us-east-1.amazoncognito.com", "plain http"),
        ("domain", "my-app", "full domain"),
        ("domain", "https://a.example/path", "not a Cognito domain"),
        ("domain", "https://user@a.example", "not a Cognito domain"),
        ("client_id", "has a space", "not an app client id"),
        ("redirect_uri", "http://example.com:3000", "plain http to another machine"),
        ("redirect_uri", "localhost:3000", "not a redirect URI"),
        ("redirect_uri", "http://localhost:99999", "not a redirect URI"),
        ("region", "Virginia", "not an AWS region"),
        ("user_pool_id", "AbCdEf123", "not a user pool id"),
        ("identity_pool_id", "us-east-1_AbCdEf123", "not an identity pool id"),
        ("identity_provider", "Goo\tgle", "not an identity provider"),
        ("identity_provider", "Google\u202e", "not an identity provider"),
        ("idp_identifier", "x" * 257, "not an identity provider's identifier"),
        ("login_hint", "ada\x1b[31m", "not a login hint"),
        ("role_selection", "both", "not a way to select the role"),
    ],
)
def test_a_malformed_setting_is_named_with_its_source(
    sources: SettingSources, name: str, value: str, message: str
) -> None:
    sources.set_values("environment", {**GOOD, name: value})
    variable = ENVIRONMENT_NAMES[name]
    with pytest.raises(SettingError, match=f"^{name}, from the environment variable {variable}: .*{message}"):
        sources.resolve()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("scopes", "email", "lack openid"),
        ("logout_uri", "nowhere", "not a logout URI"),
        ("session_region", "here", "not an AWS region"),
        ("timeout", 0, "not a possible number"),
        ("timeout", "soon", "not a number of seconds"),
        ("wait_for_sign_in", -1, "not a possible number"),
        ("wait_for_sign_in", 604_801, "not a possible number"),
        ("wait_for_sign_in", "long", "not a number of seconds"),
        ("refresh_token_days", 4000, "not a possible number of days"),
        ("refresh_token_days", "a month", "not a number of days"),
        ("remember", "yes", "not a yes or no"),
        ("remote_kernel", 1, "not a yes or no"),
        ("allowed_domains", "a.example", "not a list of domains"),
        ("client_id", 7, "not text"),
        ("client_id", "   ", "empty"),
    ],
)
def test_a_malformed_line_of_a_file_is_named_with_the_file(
    sources: SettingSources, name: str, value: object, message: str
) -> None:
    path = sources.write("user", toml({**GOOD, name: value}))
    with pytest.raises(SettingError, match=f"^{name}, from .*: .*{message}") as raised:
        sources.resolve()
    assert str(path) in str(raised.value)


@pytest.mark.parametrize(
    "region", ["us-gov-west-1", "eusc-de-east-1", "cn-north-1", "us-iso-east-1", "us-isob-east-1", "il-central-1"]
)
def test_pools_of_every_partition_are_accepted(sources: SettingSources, region: str) -> None:
    values = {name: value.replace("us-east-1", region) for name, value in GOOD.items()}
    values["domain"] = f"my-app.auth-fips.{region}.amazoncognito.com"
    sources.set_values("environment", dict(values))
    found = sources.resolve().configuration
    assert {each.name: getattr(found, each.name) for each in fields(found)} == values


def test_the_pools_may_be_in_two_regions(sources: SettingSources) -> None:
    """The domain is found in the user pool's region, which is the sessions' too, unless `region` is set."""
    identity_pool_id = GOOD["identity_pool_id"].replace("us-east-1", "eu-west-1")
    values = {"client_id": "1", "user_pool_id": GOOD["user_pool_id"], "identity_pool_id": identity_pool_id}
    sources.set_values("environment", dict(values))
    found = sources.resolve().configuration
    assert (found.region, found.domain) == ("us-east-1", "found-abcdef123.auth.us-east-1.amazoncognito.com")
    sources.arguments = {"region": "eu-west-1"}
    found = sources.resolve().configuration
    assert (found.region, found.domain) == ("eu-west-1", "found-abcdef123.auth.us-east-1.amazoncognito.com")


@pytest.mark.parametrize("suffix", ["com", "eu"])
def test_a_domain_of_another_region_is_named(sources: SettingSources, suffix: str) -> None:
    domain = f"my-app.auth.eu-west-1.amazoncognito.{suffix}"
    sources.set_values("environment", {**GOOD, "domain": domain})
    with pytest.raises(SettingError, match=r"is in eu-west-1, and the user pool is in us-east-1"):
        sources.resolve()


def test_the_domain_of_a_replica_is_accepted_with_the_replicas_region(sources: SettingSources) -> None:
    domain = "my-app.auth.eu-west-1.amazoncognito.com"
    sources.set_values("environment", {**GOOD, "domain": domain, "region": "eu-west-1"})
    assert sources.resolve().configuration.domain == domain


def test_a_custom_domain_may_be_anywhere(sources: SettingSources) -> None:
    sources.set_values("environment", {**GOOD, "domain": "login.observatory.example"})
    assert sources.resolve().configuration.domain == "login.observatory.example"


def test_a_loopback_domain_keeps_its_http(sources: SettingSources) -> None:
    sources.set_values("environment", {**GOOD, "domain": "http://localhost:9000"})
    assert sources.resolve().configuration.domain == "http://localhost:9000"


# -- profiles


def test_a_profile_overrides_the_top_of_every_file(sources: SettingSources) -> None:
    sources.write("user", toml(dict(GOOD)))
    sources.write("system", toml({"client_id": "3system"}) + toml({"client_id": "4staging"}, "staging"))
    assert sources.resolve("staging").configuration.client_id == "4staging"
    assert sources.resolve().configuration.client_id == GOOD["client_id"]
    with chdir(sources.folder):
        assert known_profiles() == ["staging"]


@pytest.mark.parametrize("place", ["arguments", "traits", "environment"])
def test_each_place_can_select_a_profile(sources: SettingSources, place: str) -> None:
    sources.write("user", toml(dict(GOOD)) + toml({"client_id": "4staging"}, "staging"))
    if place != "arguments":
        sources.set_values(place, {"profile": "staging"})
    settings = sources.resolve("staging" if place == "arguments" else None)
    assert (settings.configuration.client_id, settings.profile) == ("4staging", "staging")


def test_an_unknown_profile_lists_those_there_are(sources: SettingSources) -> None:
    sources.write("user", toml(dict(GOOD)) + toml({"client_id": "4staging"}, "staging"))
    with pytest.raises(SettingError, match=r"no profile 'stagging', selected by the arguments\. There are: staging\."):
        sources.resolve("stagging")


# -- several sources


def test_the_profile_may_be_among_the_arguments(project: ProjectFolder) -> None:
    write_file(user_path(), "[profile.work]\ntimeout = 8")
    project.overrides["profile"] = "work"
    assert project.resolve().timeout == 8


def test_a_malformed_value_is_named_with_the_trait_or_the_profile_that_holds_it(project: ProjectFolder) -> None:
    write_file(user_path(), "[profile.work]\ntimeout = 'soon'")
    with pytest.raises(SettingError, match=rf"^timeout, from the profile work in {user_path()}: "):
        project.resolve("work")
    with pytest.raises(SettingError, match=r"^region, from c\.CognitoMagics\.region: "):
        project.resolve(region="Virginia")


def test_a_discovered_domain_takes_its_one_form(project: ProjectFolder) -> None:
    del project.overrides["domain"]
    project.discovered_domain = "https://Found.Example.org/"
    assert project.resolve().configuration.domain == "found.example.org"
    project.discovered_domain = "http://evil.example"
    with pytest.raises(SettingError, match=r"^domain, from the openid-configuration of us-east-1_Good: .*plain http"):
        project.resolve()


# -- the administrator's list


@pytest.mark.parametrize("text", ["allowed_domains = []", "allowed_domains = ''", "allowed_domains = ['my-app']"])
def test_a_malformed_administrators_list_allows_nothing(project: ProjectFolder, text: str) -> None:
    write_file(system_paths()[0], text)
    with pytest.raises(SettingError, match=f"^allowed_domains, from {system_paths()[0]}: "):
        project.resolve(allowed_domains=["good.example.org"])


def test_only_allowed_domains_may_be_used(sources: SettingSources) -> None:
    sources.set_values("environment", dict(GOOD))
    sources.write("system", toml({"allowed_domains": [OTHER["domain"]]}))
    with pytest.raises(SettingError, match=r"is not one of the allowed domains: other\.auth"):
        sources.resolve()


def test_the_administrators_list_cannot_be_widened(sources: SettingSources) -> None:
    sources.set_values("environment", dict(GOOD))
    sources.write("system", toml({"allowed_domains": [OTHER["domain"], "third.example.org"]}))
    sources.arguments = {"allowed_domains": [GOOD["domain"], OTHER["domain"]]}
    with pytest.raises(SettingError, match=r"allowed domains: other\.auth\.us-east-1\.amazoncognito\.com"):
        sources.resolve()
    sources.environment["COGNITO_DOMAIN"] = OTHER["domain"]
    assert sources.resolve().allowed_domains == (OTHER["domain"],)
    sources.arguments = {"allowed_domains": [GOOD["domain"]]}
    with pytest.raises(SettingError, match="allowed_domains leaves no domain"):
        sources.resolve()


def test_a_discovered_domain_is_checked_too(sources: SettingSources) -> None:
    sources.set_values("environment", {name: value for name, value in GOOD.items() if name != "domain"})
    sources.traits = {"allowed_domains": [OTHER["domain"]]}
    with pytest.raises(SettingError, match=r"from the openid-configuration of us-east-1_AbCdEf123"):
        sources.resolve()


# -- any values

VALUES = st.one_of(
    st.text(max_size=30), st.integers(), st.floats(), st.booleans(), st.none(), st.lists(st.text(max_size=9))
)


@given(st.dictionaries(st.sampled_from(SETTING_NAMES), VALUES))
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_values_are_settings_or_a_setting_error(own_environment: Path, values: dict[str, object]) -> None:
    folder = own_environment / "empty"
    folder.mkdir(exist_ok=True)
    try:
        with chdir(folder):
            found = resolve({**GOOD, **values}, environment={}, discover_domain=discover)
    except SettingError as error:
        assert error.what
        assert error.remedy
    else:
        assert found.configuration.region == (values.get("region") or "us-east-1")


def test_resolving_imports_nothing_heavy(project: ProjectFolder) -> None:
    program = (
        "import sys; from cognito_jupyter.settings.resolve import resolve\n"
        f"resolve({COMPLETE!r}, environment={{}}, discover_domain=None)\n"
        "print(*sys.modules)"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=project.folder)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {"boto3", "botocore", "requests", "urllib3", "ipywidgets", "IPython", "jwt", "cryptography"}


@given(st.dictionaries(st.sampled_from(sorted(ENVIRONMENT_NAMES.values())), st.text(max_size=20)))
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)
def test_any_environment_resolves_or_says_why_not(project: ProjectFolder, environment: dict[str, str]) -> None:
    good = {ENVIRONMENT_NAMES[name]: value for name, value in COMPLETE.items()}
    try:
        with chdir(project.folder):
            resolve({}, environment={**good, **environment}, discover_domain=lambda *_: "found.example")
    except SettingError as error:
        assert error.what
        assert error.remedy


@given(st.sampled_from(["identity_provider", "idp_identifier", "login_hint"]), st.text(max_size=300))
@hypothesis_settings(deadline=None)
def test_what_goes_into_the_sign_in_link_is_one_printable_line(name: str, value: str) -> None:
    try:
        found = getattr(parsers, name)(value)
    except SettingError as error:
        assert error.remedy
        assert str(error).isprintable()
    else:
        assert found == value.strip()
        assert found.isprintable()
        assert 0 < len(found) <= 256


@given(st.text(max_size=40))
def test_the_region_of_a_pool_is_a_region_or_the_default(pool_id: str) -> None:
    assert parsers.pool_region(pool_id, "the default") in {"the default", re.split("[_:]", pool_id)[0]}
