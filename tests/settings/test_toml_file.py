"""Settings files: where they are found, and what can be wrong with one."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, given, settings as hypothesis_settings, strategies as st

from cognito_jupyter.errors import SettingError
from cognito_jupyter.settings.toml_file import MAX_FILE_SIZE, system_paths, user_path
from tests.settings.conftest import ProjectFolder, write_file
from tests.support.systems import needs_fifos, needs_modes, needs_xdg

# -- where they are found


def test_a_file_is_found_above_the_notebook_as_far_as_the_repository(project: ProjectFolder) -> None:
    inner = project.folder / "a" / "b"
    inner.mkdir(parents=True)
    (project.folder / ".git").mkdir()
    project.write("timeout = 7")
    project.folder, project.trusts = inner, True
    assert project.resolve().timeout == 7


def test_outside_of_home_and_repository_only_the_folder_itself_counts(
    project: ProjectFolder, own_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Above it any user may have put a file."""
    for name in ("HOME", "USERPROFILE"):  # the temporary folders of Windows are in the user's home
        monkeypatch.setenv(name, str(own_environment))
    project.write("timeout = 7")
    project.folder, project.trusts = project.folder / "inner", True
    project.folder.mkdir()
    assert project.resolve().timeout == 300
    assert not project.prompts


def test_the_file_in_the_users_config_folder_is_the_users_wherever_the_notebook_lies(project: ProjectFolder) -> None:
    project.folder = write_file(user_path(), "timeout = 8").parent
    assert project.resolve().timeout == 8


@needs_xdg
def test_the_systems_own_place_is_always_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user's environment cannot undo what an administrator wrote."""
    monkeypatch.setenv("COGNITO_JUPYTER_FOLDER", "/anywhere")
    monkeypatch.setenv("XDG_CONFIG_DIRS", "/somewhere")
    folders = ["/anywhere/system", "/somewhere/cognito_jupyter", "/etc/xdg/cognito_jupyter"]
    assert [str(path.parent) for path in system_paths()] == folders


# -- what can be wrong with one


def test_a_folder_of_that_name_is_refused_and_no_descriptor_leaks(project: ProjectFolder) -> None:
    project.file.mkdir()
    process = psutil.Process()
    count = getattr(process, "num_fds", None) or getattr(process, "num_handles")  # noqa: B009 - only Windows has it
    before = count()
    with pytest.raises(SettingError, match="cannot be read"):
        project.resolve()
    assert count() == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"#" * (MAX_FILE_SIZE + 1), "is longer than"),
        (b"timeout = 7\nscopes = '\xff'", "is not UTF-8 text, near line 2"),
        (b"a = " + b"[" * 20_000, "is not TOML"),
        (b"timeout = " + b"9" * 20_000, "is not TOML"),
        (b"profile = 'work'", "is not a table"),
        (b"redirect-uri = 'x'", "Did you mean 'redirect_uri'?"),
        (b"[profile.work]\nclientSecret = 'hush'", "Did you mean 'client_secret'?"),
        (b"domain = ", "is not TOML, near line 1"),
        (b'\n\nclient_id "x"', "is not TOML, near line 3"),
        (b'clientid = "x"', "Did you mean 'client_id'?"),
        (b'COGNITO_CLIENT_ID = "x"', "Did you mean 'client_id'?"),
        pytest.param(b'client_secret = "hush"', "other users of this computer can read it", marks=needs_modes),
        (b'profile = "a"\n[profile]\nb = 1', "is not"),
        (b'[profile.a]\nprofile = "b"', "is not a setting"),
    ],
)
def test_a_malformed_file_is_named_with_what_is_wrong(project: ProjectFolder, content: bytes, message: str) -> None:
    path = write_file(user_path(), content)
    with pytest.raises(SettingError) as raised:
        project.resolve()
    assert message in str(raised.value)
    assert str(path) in str(raised.value)
    assert "hush" not in str(raised.value)


def test_a_dangling_symlink_is_named(project: ProjectFolder) -> None:
    user_path().parent.mkdir(parents=True)
    user_path().symlink_to("nowhere.toml")
    with pytest.raises(SettingError, match="a dangling symlink"):
        project.resolve()


@needs_fifos
def test_a_named_pipe_is_refused_without_waiting(project: ProjectFolder) -> None:
    user_path().parent.mkdir(parents=True)
    os.mkfifo(user_path())
    with pytest.raises(SettingError, match="is not a file"):
        project.resolve()


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_bytes_are_a_file_or_a_setting_error(project: ProjectFolder, content: bytes) -> None:
    path = write_file(user_path(), content)
    try:
        project.resolve()
    except SettingError as error:
        assert str(path) in str(error)
