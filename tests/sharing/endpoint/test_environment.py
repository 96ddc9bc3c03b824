"""The environment overlay."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from cognito_jupyter.sharing.endpoint.environment import EnvironmentOverlay, no_proxy_variables

NAMES = st.sampled_from(["A", "B", "C"])
VALUES = st.none() | st.sampled_from(["", "1", "2"])
CHANGES = st.lists(st.tuples(NAMES, VALUES))
VARIABLES = st.dictionaries(NAMES, st.sampled_from(["", "1", "2"]))


@given(VARIABLES, CHANGES)
def test_the_environment_is_restored_exactly(before: dict[str, str], changes: list[tuple[str, str | None]]) -> None:
    environ = dict(before)
    changed = EnvironmentOverlay(environ)
    for name, value in changes:
        changed.set(name, value)
        assert environ.get(name) == value
    changed.restore()
    assert environ == before
    changed.restore()
    assert environ == before


@pytest.mark.parametrize("theirs", ["theirs", None])
def test_a_variable_changed_by_the_user_is_not_restored(theirs: str | None) -> None:
    environ = {"SET": "before"}
    changed = EnvironmentOverlay(environ)
    changed.set("SET", "ours")
    changed.set("NEW", "ours")
    for name in ("SET", "NEW"):
        environ.pop(name)
        if theirs is not None:
            environ[name] = theirs
    changed.restore()
    assert environ == ({"SET": theirs, "NEW": theirs} if theirs is not None else {})


def test_a_removed_variable_set_by_the_user_is_not_restored() -> None:
    environ = {"AWS_PROFILE": "before"}
    changed = EnvironmentOverlay(environ)
    changed.set("AWS_PROFILE", None)
    environ["AWS_PROFILE"] = "theirs"
    changed.restore()
    assert environ == {"AWS_PROFILE": "theirs"}


def test_a_value_set_by_the_user_between_two_changes_is_restored() -> None:
    environ: dict[str, str] = {}
    changed = EnvironmentOverlay(environ)
    changed.set("A", "first")
    environ["A"] = "theirs"
    changed.set("A", "second")
    changed.restore()
    assert environ == {"A": "theirs"}


def test_values_are_in_no_repr() -> None:
    changed = EnvironmentOverlay({"AWS_SECRET_ACCESS_KEY": "the-secret"})
    changed.set("AWS_SECRET_ACCESS_KEY", None)
    assert "the-secret" not in repr(changed)


@pytest.mark.parametrize(
    ("environ", "hosts"),
    [
        ({}, "127.0.0.1,localhost"),
        ({"no_proxy": "corp"}, "corp,127.0.0.1,localhost"),
        ({"NO_PROXY": "corp,localhost"}, "corp,localhost,127.0.0.1"),
        ({"NO_PROXY": "localhost, 127.0.0.1"}, "localhost, 127.0.0.1"),
        ({"NO_PROXY": "*"}, "*"),
        ({"NO_PROXY": "*", "no_proxy": "*"}, "*"),
        ({"no_proxy": "corp,*"}, "corp,*,127.0.0.1,localhost"),
        ({"no_proxy": " *"}, " *,127.0.0.1,localhost"),
    ],
)
def test_loopback_is_in_both_no_proxy_variables(environ: dict[str, str], hosts: str) -> None:
    assert no_proxy_variables(environ, "linux") == {"NO_PROXY": hosts, "no_proxy": hosts}


def test_each_no_proxy_variable_retains_its_own_hosts() -> None:
    both = no_proxy_variables({"NO_PROXY": "a", "no_proxy": "b"}, "linux")
    assert both == {"NO_PROXY": "a,127.0.0.1,localhost", "no_proxy": "b,127.0.0.1,localhost"}
    mixed = no_proxy_variables({"NO_PROXY": "*", "no_proxy": "b"}, "linux")
    assert mixed == {"NO_PROXY": "*,127.0.0.1,localhost", "no_proxy": "b,127.0.0.1,localhost"}


@pytest.mark.parametrize(("no_proxy", "disabled"), [("*", True), ("corp,*", False), ("", False)])
def test_proxies_that_no_program_may_use_are_disabled_and_restored(no_proxy: str, disabled: bool) -> None:
    proxies = dict.fromkeys(("http_proxy", "HTTPS_PROXY", "all_proxy"), "http://proxy")
    before = proxies | {"no_proxy": no_proxy}
    environ = dict(before)
    changed = EnvironmentOverlay(environ)
    changed.point_to_endpoint(no_proxy_variables(environ))
    assert {environ[name] for name in proxies} == {"" if disabled else "http://proxy"}
    # When the role changes, the variables are set again.
    changed.point_to_endpoint(no_proxy_variables(environ))
    assert {environ[name] for name in proxies} == {"" if disabled else "http://proxy"}
    changed.restore()
    assert environ == before


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_loopback_is_exempt_from_the_proxy_of_object_store(platform: str) -> None:
    variables = no_proxy_variables({"AWS_PROXY_URL": "http://proxy", "AWS_PROXY_EXCLUDES": "corp"}, platform)
    assert variables["AWS_PROXY_EXCLUDES"] == "corp,127.0.0.1,localhost"
    assert "AWS_PROXY_EXCLUDES" not in no_proxy_variables({"AWS_PROXY_EXCLUDES": "corp"}, platform)


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_the_proxies_of_the_system_settings_stay_in_effect(platform: str) -> None:
    """urllib and requests read the system settings only while no variable's name ends in _proxy."""
    assert no_proxy_variables({}, platform) == {}
    assert no_proxy_variables({"https_proxy": "http://proxy"}, platform)["NO_PROXY"] == "127.0.0.1,localhost"
