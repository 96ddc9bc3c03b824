"""What an administrator locks in the system's file, nobody else decides."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings as hypothesis_settings, strategies as st

from cognito_jupyter.errors import SettingError
from cognito_jupyter.settings import SETTING_NAMES
from cognito_jupyter.settings.layers import require_not_forbidden
from cognito_jupyter.settings.toml_file import Scope, read_settings_file, system_paths, user_path
from tests.settings.conftest import COMPLETE, ProjectFolder, write_file
from tests.support.systems import needs_xdg

VALUES: dict[str, tuple[object, object]] = {
    "domain": ("good.example.org", "evil.example.org"),
    "client_id": ("1good", "2evil"),
    "user_pool_id": ("us-east-1_Good", "us-east-1_Evil"),
    "identity_pool_id": (COMPLETE["identity_pool_id"], COMPLETE["identity_pool_id"].replace("0", "f", 1)),
    "redirect_uri": ("http://localhost:3000", "http://localhost:4000"),
    "region": ("us-east-1", "us-west-2"),
    "client_secret": ("good", "evil"),
    "identity_provider": ("Good", "Evil"),
    "idp_identifier": ("good", "evil"),
    "login_hint": ("good", "evil"),
    "role_selection": ("token", "identity_pool"),
    "scopes": ("openid", "openid email phone"),
    "logout_uri": ("https://good.example/", "https://evil.example/"),
    "session_region": ("us-east-1", "us-west-2"),
    "timeout": (60, 3600),
    "wait_for_sign_in": (1, 3600),
    "refresh_token_days": (1, 30),
    "remember": (False, True),
    "remote_kernel": (True, False),
    "allowed_domains": (["good.example.org"], ["good.example.org", "evil.example.org"]),
    "share": (False, True),
}
"""Of each setting, what an administrator locks, and what somebody else would have instead."""


ELSEWHERE = [
    (name, place)
    for name in VALUES
    for place in ("the user's file", "the project's file", "c.CognitoMagics", "a profile")
    # A client secret is refused in the other two, locked or not.
    if name != "client_secret" or place in {"the user's file", "a profile"}
]


def toml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)


def lock(name: str, value: object = None) -> Path:
    line = f"{name} = {toml(value)}\n" if value is not None else ""
    return write_file(system_paths()[0], f"{line}locked = ['{name}']")


def test_every_setting_can_be_locked() -> None:
    assert set(VALUES) == set(SETTING_NAMES)


@pytest.mark.parametrize(("name", "place"), ELSEWHERE)
def test_a_locked_setting_is_what_the_systems_file_says_wherever_else_it_is_set(
    project: ProjectFolder, name: str, place: str
) -> None:
    good, evil = VALUES[name]
    path = lock(name, good)
    project.overrides = {each: value for each, value in COMPLETE.items() if each != name}
    project.trusts = True
    traits = {name: evil} if place == "c.CognitoMagics" else {}
    line = f"{name} = {toml(evil)}"
    if place == "the project's file":
        project.write(line)
    elif place != "c.CognitoMagics":
        write_file(user_path(), f"[profile.lab]\n{line}" if place == "a profile" else line).chmod(0o600)
    settings = project.resolve("lab" if place == "a profile" else None, **traits)
    own = settings.configuration if hasattr(settings.configuration, name) else settings
    value = getattr(own, name)
    value = value.reveal() if name == "client_secret" else value
    assert (list(value) if isinstance(value, tuple) else value) == good
    assert settings.sources[name] == f"{path}, which locks it"
    assert name in settings.locked
    # What changes nothing needs no confirmation.
    assert not project.prompts


@pytest.mark.parametrize("name", [name for name in VALUES if name != "client_secret"])
def test_an_argument_that_asks_for_another_value_is_refused(project: ProjectFolder, name: str) -> None:
    good, evil = VALUES[name]
    path = lock(name, good)
    project.overrides[name] = evil
    with pytest.raises(SettingError, match=f"^{name} is locked by {path}, and the arguments ask for another value"):
        project.resolve()
    project.overrides[name] = good
    assert name in project.resolve().locked


def test_the_environment_cannot_change_a_locked_setting(
    project: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cognito_jupyter.settings.resolve import resolve

    lock("login_hint", "good")
    monkeypatch.chdir(project.folder)
    settings = resolve(COMPLETE, environment={"COGNITO_LOGIN_HINT": "evil"}, discover_domain=lambda *_: "")
    assert settings.login_hint == "good"


def test_a_setting_that_is_locked_without_a_value_has_its_default(project: ProjectFolder) -> None:
    lock("timeout")
    write_file(user_path(), "timeout = 7")
    assert project.resolve().timeout == 300


def test_remember_is_forbidden_by_false_alone(project: ProjectFolder) -> None:
    write_file(system_paths()[0], "remember = false")
    write_file(user_path(), "remember = true")
    settings = project.resolve(remember=True)
    assert not settings.remember
    assert "remember" in settings.locked
    project.overrides["remember"] = True
    with pytest.raises(SettingError, match="remember is locked"):
        project.resolve()


@needs_xdg
@pytest.mark.parametrize("variable", ["COGNITO_JUPYTER_FOLDER", "XDG_CONFIG_DIRS"])
def test_another_folder_of_system_files_does_not_undo_a_lock(
    project: ProjectFolder, own_environment: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """Both variables are the user's to set: a file further behind is the administrator's."""
    folders = [own_environment / "mine", own_environment / "administrator"]
    if variable == "COGNITO_JUPYTER_FOLDER":
        monkeypatch.setenv(variable, str(folders.pop(0)))
    else:
        monkeypatch.delenv("COGNITO_JUPYTER_FOLDER")
    monkeypatch.setenv("XDG_CONFIG_DIRS", os.pathsep.join(map(str, folders)))
    mine, system = system_paths()[:2]
    write_file(system, "remember = false\ntimeout = 60\nlocked = ['timeout', 'share']")
    write_file(mine, "remember = true\ntimeout = 7\nshare = true\nlocked = ['remember', 'timeout', 'share']")
    settings = project.resolve()
    assert (settings.remember, settings.timeout, settings.share) == (False, 60, False)
    with pytest.raises(SettingError, match=f"does not allow to share: see {system}"):
        require_not_forbidden("share", "share", "")


@pytest.mark.parametrize("scope", [Scope.USER, Scope.PROJECT])
def test_only_the_systems_file_can_lock(project: ProjectFolder, scope: Scope) -> None:
    project.trusts = True
    write_file(user_path() if scope is Scope.USER else project.file, "locked = ['remember']")
    with pytest.raises(SettingError, match=r"locked in .* has no effect: only the system's file can lock a setting"):
        project.resolve()


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("locked = 'remember'", "is not a list of settings"),
        ("locked = [1]", "is not a list of settings"),
        ("locked = ['remembr']", "'remembr' in .* is not a setting. Did you mean 'remember'"),
        ("locked = ['profile']", "is not a setting"),
        ("[profile.lab]\nlocked = ['remember']", "'locked' in .* is not a setting"),
    ],
)
def test_a_malformed_lock_is_an_error_not_a_lock_less(project: ProjectFolder, text: str, error: str) -> None:
    write_file(system_paths()[0], text)
    with pytest.raises(SettingError, match=error):
        project.resolve()


@given(st.sets(st.sampled_from(sorted(VALUES))), st.sets(st.sampled_from(sorted(VALUES))))
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
def test_whatever_is_locked_no_user_file_changes_it(
    project: ProjectFolder, locked: set[str], changed: set[str]
) -> None:
    locked -= {"client_secret", "idp_identifier"}
    changed -= {"client_secret", "idp_identifier"}
    lines = [f"{name} = {toml(VALUES[name][0])}" for name in locked]
    path = write_file(system_paths()[0], "\n".join([*lines, f"locked = {sorted(locked)}"]))
    write_file(user_path(), "\n".join(f"{name} = {toml(VALUES[name][1])}" for name in changed - {"domain", "region"}))
    project.overrides = {name: value for name, value in COMPLETE.items() if name not in locked | changed}
    file = read_settings_file(path, Scope.SYSTEM)
    assert file is not None
    try:
        settings = project.resolve(**{name: COMPLETE[name] for name in COMPLETE})
    except SettingError:
        return
    assert settings.locked == locked
    assert {name for name, source in settings.sources.items() if source.endswith("which locks it")} == locked
