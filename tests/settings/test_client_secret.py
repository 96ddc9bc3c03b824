"""An app client's secret: where it may come from, and that nothing shows it."""

from __future__ import annotations

import contextlib
import copy
import os
import pickle
import traceback
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from IPython.core.ultratb import VerboseTB

from cognito_jupyter._util.redaction import Secret
from cognito_jupyter.credentials.store.sign_in import StoreKey
from cognito_jupyter.errors import SettingError
from cognito_jupyter.settings import Settings, parsers
from cognito_jupyter.settings.resolve import resolve
from cognito_jupyter.settings.toml_file import system_paths, user_path
from tests.settings.conftest import COMPLETE, ProjectFolder, write_file
from tests.support.systems import needs_modes

HUSH = "1hush2hush3hush4hush5hush6hush7hush8hush9hush0hush12"
LINE = f"client_secret = '{HUSH}'\n"


def secret_of(settings: Settings) -> str | None:
    return settings.client_secret.reveal() if settings.client_secret is not None else None


def write_private(path: Path, text: str) -> Path:
    write_file(path, text).chmod(0o600)
    return path


def test_it_may_come_from_the_environment(project: ProjectFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COGNITO_CLIENT_SECRET", f" {HUSH}\n")
    with contextlib.chdir(project.folder):
        settings = resolve(COMPLETE, discover_domain=lambda *_: "")
    assert secret_of(settings) == HUSH
    assert settings.sources["client_secret"] == "the environment variable COGNITO_CLIENT_SECRET"


@pytest.mark.parametrize("text", [LINE, f"[profile.work]\n{LINE}"])
def test_it_may_come_from_the_users_own_file(project: ProjectFolder, text: str) -> None:
    write_private(user_path(), text)
    assert secret_of(project.resolve("work" if "profile" in text else None)) == HUSH


def test_it_may_come_from_the_systems_file_which_everybody_reads(project: ProjectFolder) -> None:
    write_file(system_paths()[0], LINE)
    assert secret_of(project.resolve()) == HUSH


def test_it_belongs_to_the_app_client_of_its_own_place(project: ProjectFolder) -> None:
    """A login with another app client does not send it; where its place names no app client, it is for any."""
    write_private(user_path(), f"client_id = '1good'\n{LINE}[profile.lab]\nclient_id = '2public'")
    assert secret_of(project.resolve()) == HUSH
    del project.overrides["client_id"]
    assert secret_of(project.resolve()) == HUSH
    assert secret_of(project.resolve("lab")) is None
    write_private(user_path(), f"client_id = '1good'\n[profile.lab]\n{LINE}")
    assert secret_of(project.resolve("lab")) == HUSH
    project.overrides["client_id"] = "2public"
    assert secret_of(project.resolve("lab")) is None
    write_private(user_path(), LINE)
    assert secret_of(project.resolve()) == HUSH


@pytest.mark.parametrize("profile", ["", "[profile.lab]\n"])
def test_a_stored_sign_in_finds_its_app_clients_secret(own_environment: Path, profile: str) -> None:
    """`cognito-jupyter credential-process` and `logout` know a sign-in only by its app client."""
    write_private(
        user_path(),
        f"client_id = '2public'\n{profile}client_id = '1good'\n{LINE}".removeprefix(
            "" if profile else "client_id = '2public'\n"
        ),
    )
    found = StoreKey("good.example.org", "1good", "us-east-1_Good", "us-east-1:x").to_settings()
    assert secret_of(found) == HUSH
    other = StoreKey("good.example.org", "2public", "us-east-1_Good", "us-east-1:x").to_settings()
    assert secret_of(other) is None


def test_a_malformed_file_does_not_end_a_stored_sign_in_without_a_secret(own_environment: Path) -> None:
    write_file(user_path(), "= ")
    assert secret_of(StoreKey("good.example.org", "1good", "us-east-1_Good", "us-east-1:x").to_settings()) is None


def test_there_may_be_none(project: ProjectFolder) -> None:
    assert project.resolve().client_secret is None


@needs_modes
def test_a_file_that_others_can_read_is_refused_with_the_command_that_repairs_it(project: ProjectFolder) -> None:
    path = write_file(user_path(), LINE)
    with pytest.raises(SettingError, match=f"{path} holds client_secret, and other users") as raised:
        project.resolve()
    assert f"chmod go= {path}" in str(raised.value)


@pytest.mark.parametrize("text", [LINE, f"[profile.work]\n{LINE}"])
def test_a_file_beside_the_notebook_is_refused_even_where_its_value_would_not_be_used(
    project: ProjectFolder, text: str
) -> None:
    write_private(user_path(), LINE)
    path = write_private(project.file, text)
    project.trusts = True
    with pytest.raises(SettingError, match=f"client_secret, from {path}: ") as raised:
        project.resolve()
    assert f"Move it to {user_path()}, or set it in the environment variable" in str(raised.value)
    assert not project.prompts


@pytest.mark.parametrize("place", ["the arguments", r"c\.CognitoMagics\.client_secret"])
def test_an_argument_or_a_trait_is_refused(project: ProjectFolder, place: str) -> None:
    if place == "the arguments":
        project.overrides["client_secret"] = HUSH
        with pytest.raises(SettingError, match=f"^client_secret, from {place}: "):
            project.resolve()
    else:
        with pytest.raises(SettingError, match=f"^client_secret, from {place}: "):
            project.resolve(client_secret=HUSH)


@pytest.mark.parametrize("value", ["two words", "x" * 257, "new\nline", "sch\xf6n", "", "   "])
def test_a_malformed_one_is_refused_without_being_shown(value: str) -> None:
    with pytest.raises(SettingError, match="is not an app client's secret") as raised:
        parsers.client_secret(value)
    assert not value.strip() or value not in str(raised.value)


@given(st.one_of(st.text(), st.integers(), st.none(), st.lists(st.text())))
def test_any_value_is_a_secret_or_a_setting_error(value: object) -> None:
    try:
        found = parsers.client_secret(value)
    except SettingError as error:
        assert error.remedy
    else:
        assert isinstance(value, str)
        assert found.reveal() == value.strip()


@pytest.mark.parametrize(
    "value", [f'["{HUSH}"]', f'{{a = "{HUSH}"}}', "17", "true", f'"{HUSH} {HUSH}"', f'"{HUSH}\\u00e9"']
)
@pytest.mark.parametrize("head", ["", "[profile.of-a-secret]\n"])
def test_a_malformed_one_in_a_file_is_named_and_shown_in_no_traceback(
    project: ProjectFolder, value: str, head: str
) -> None:
    write_private(user_path(), f"{head}client_secret = {value}")
    with pytest.raises(SettingError, match=r"^client_secret, from .*: This is not an app client's secret") as raised:
        project.resolve("of-a-secret" if head else None)
    shown = traceback.TracebackException(type(raised.value), raised.value, raised.tb.tb_next, capture_locals=True)
    assert HUSH not in "".join(shown.format())


def test_no_view_of_a_secret_shows_it() -> None:
    secret = Secret(HUSH)
    for text in (repr(secret), str(secret), f"{secret}", "%s" % secret, repr({"a": [secret]})):  # noqa: UP031 - one of the forms
        assert "hush" not in text
    assert secret == Secret(HUSH)
    assert secret != Secret("other")
    for duplicate in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="stays in this process"):
            duplicate(secret)


def test_settings_do_not_show_it(project: ProjectFolder) -> None:
    write_private(user_path(), LINE)
    settings = project.resolve()
    assert "hush" not in repr(settings) + str(settings) + repr(vars(settings)) + repr(dict(settings.sources))


@pytest.mark.parametrize(
    "rest",
    [
        "timeout = 'soon'",
        "timeuot = 7",
        "clientSecret = 'hush'",
        "= ",
        "profile = 'hush'",
        "client_id = ''\n[profile.a]",
    ],
)
@pytest.mark.parametrize("place", ["environment", "file", "project"])
def test_no_traceback_shows_it(project: ProjectFolder, place: str, rest: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """IPython's verbose tracebacks and capture_locals print the local variables of every frame."""
    if place == "environment":
        monkeypatch.setenv("COGNITO_CLIENT_SECRET", HUSH)
        write_private(user_path(), rest)
    else:
        write_private(user_path() if place == "file" else project.file, LINE + rest)
    del project.overrides["client_id"]
    shown = ""
    try:
        with contextlib.chdir(project.folder):
            resolve(project.overrides, discover_domain=lambda *_: "")
    except SettingError as error:
        frames = traceback.TracebackException.from_exception(error, capture_locals=True)
        shown = "".join(frames.format())
        shown += "\n".join(VerboseTB().structured_traceback(type(error), error, error.__traceback__))
    assert "settings" in shown
    assert HUSH not in shown
    assert HUSH in str(dict(os.environ)) or place != "environment"
