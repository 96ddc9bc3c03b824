"""The environment, changed for a while."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from cognito_jupyter.sharing.environment import ChangedEnvironment, without_proxy

NAMES = st.sampled_from(["A", "B", "C"])
VALUES = st.none() | st.sampled_from(["", "1", "2"])
CHANGES = st.lists(st.tuples(NAMES, VALUES))
VARIABLES = st.dictionaries(NAMES, st.sampled_from(["", "1", "2"]))


@given(VARIABLES, CHANGES)
def test_it_is_put_back_exactly(before: dict[str, str], changes: list[tuple[str, str | None]]) -> None:
    environ = dict(before)
    changed = ChangedEnvironment(environ)
    for name, value in changes:
        changed.set(name, value)
        assert environ.get(name) == value
    changed.restore()
    assert environ == before
    changed.restore()
    assert environ == before


@pytest.mark.parametrize("theirs", ["theirs", None])
def test_what_somebody_has_changed_meanwhile_stays(theirs: str | None) -> None:
    environ = {"SET": "before"}
    changed = ChangedEnvironment(environ)
    changed.set("SET", "ours")
    changed.set("NEW", "ours")
    for name in ("SET", "NEW"):
        environ.pop(name)
        if theirs is not None:
            environ[name] = theirs
    changed.restore()
    assert environ == ({"SET": theirs, "NEW": theirs} if theirs is not None else {})


def test_what_was_taken_away_and_set_anew_by_somebody_stays() -> None:
    environ = {"AWS_PROFILE": "before"}
    changed = ChangedEnvironment(environ)
    changed.set("AWS_PROFILE", None)
    environ["AWS_PROFILE"] = "theirs"
    changed.restore()
    assert environ == {"AWS_PROFILE": "theirs"}


def test_what_somebody_set_between_two_changes_of_ours_is_put_back() -> None:
    environ: dict[str, str] = {}
    changed = ChangedEnvironment(environ)
    changed.set("A", "first")
    environ["A"] = "theirs"
    changed.set("A", "second")
    changed.restore()
    assert environ == {"A": "theirs"}


def test_values_are_in_no_repr() -> None:
    changed = ChangedEnvironment({"AWS_SECRET_ACCESS_KEY": "the-secret"})
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
    ],
)
def test_this_machine_is_asked_without_a_proxy_by_either_name(environ: dict[str, str], hosts: str) -> None:
    assert without_proxy(environ, "linux") == {"NO_PROXY": hosts, "no_proxy": hosts}


def test_each_name_keeps_its_own_hosts() -> None:
    both = without_proxy({"NO_PROXY": "a", "no_proxy": "b"}, "linux")
    assert both == {"NO_PROXY": "a,127.0.0.1,localhost", "no_proxy": "b,127.0.0.1,localhost"}


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_the_proxies_of_the_system_settings_are_not_forgotten(platform: str) -> None:
    """urllib and requests look there only while no variable is called something_proxy."""
    assert without_proxy({}, platform) == {}
    assert without_proxy({"https_proxy": "http://proxy"}, platform)["NO_PROXY"] == "127.0.0.1,localhost"
