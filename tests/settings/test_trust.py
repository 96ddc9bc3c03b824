"""Trust in a project file: when it is needed, what the user confirms, and what the record is worth."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shlex
import shutil
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, given, settings as hypothesis_settings, strategies as st

from cognito_jupyter._util.folders.private import user_folder
from cognito_jupyter.errors import SettingError
from cognito_jupyter.settings import SETTING_NAMES, Settings
from cognito_jupyter.settings.toml_file import system_paths, user_path
from tests.settings.conftest import COMPLETE, OTHER_UID, ProjectFolder, write_file
from tests.support.systems import needs_fifos, needs_home_variable, needs_modes, needs_root, needs_unix_sockets

UNCONFIRMED = "you have not confirmed that you trust it"
COMPLETE_TOML = "".join(f"{name} = '{value}'\n" for name, value in COMPLETE.items())


# -- when a project file needs the user's trust


@pytest.mark.parametrize("text", ["", "[profile.other]\nclient_id = '2other'", "client_id = '2other'", "scopes = ''"])
def test_a_file_that_changes_no_setting_needs_no_confirmation(project: ProjectFolder, text: str) -> None:
    project.write(text)
    settings = project.resolve()
    assert settings.configuration.client_id == "1good"
    assert str(project.file) not in settings.sources.values()


def test_a_profile_of_the_users_own_file_beats_the_project_file_without_a_prompt(project: ProjectFolder) -> None:
    del project.overrides["client_id"]
    write_file(user_path(), "[profile.work]\nclient_id = '3work'")
    project.write("client_id = '2other'")
    assert project.resolve("work").configuration.client_id == "3work"


@pytest.mark.parametrize("table", ["[profile.lab]", "[profile.lab]\nclient_id = '2other'", "profile.lab.timeout = 9"])
def test_a_profile_that_only_the_project_file_has_needs_confirmation(project: ProjectFolder, table: str) -> None:
    """Also an empty one: without it the profile would be unknown."""
    project.write(table)
    with pytest.raises(SettingError, match=UNCONFIRMED):
        project.resolve("lab")
    project.trusts = True
    assert project.resolve("lab").profile == "lab"


def test_the_users_file_with_the_same_settings_replaces_the_project_file(project: ProjectFolder) -> None:
    """The errors tell the user to copy the file, so that has to help."""
    project.overrides = {}
    project.write(COMPLETE_TOML)
    write_file(user_path(), COMPLETE_TOML)
    assert project.resolve().sources["client_id"] == str(user_path())


# -- who can write the file


@needs_root
def test_another_users_file_is_refused_only_where_it_would_be_used(project: ProjectFolder) -> None:
    os.chown(project.write("client_id = '2other'"), OTHER_UID, OTHER_UID)
    assert project.resolve().configuration.client_id == "1good"
    del project.overrides["client_id"]
    project.trusts = True
    with pytest.raises(SettingError, match=rf"belongs to another user \(uid {OTHER_UID}\).*copy it to {user_path()}"):
        project.resolve()
    assert not project.prompts
    write_file(user_path(), "client_id = '2other'")
    assert project.resolve().configuration.client_id == "2other"


@needs_root
@pytest.mark.parametrize("whose", ["link", "target"])
def test_a_symlink_counts_only_where_link_and_target_are_the_users(project: ProjectFolder, whose: str) -> None:
    target = write_file(project.folder / "target.toml", "timeout = 7")
    project.file.symlink_to(target)
    project.trusts = True
    os.chown(project.file if whose == "link" else target, OTHER_UID, OTHER_UID, follow_symlinks=False)
    with pytest.raises(SettingError, match="belongs to another user"):
        project.resolve()
    os.chown(project.file if whose == "link" else target, 0, 0, follow_symlinks=False)
    assert project.resolve().timeout == 7


@needs_modes
def test_a_confirmation_holds_without_a_prompt_until_others_can_write_the_file(project: ProjectFolder) -> None:
    path = project.write("timeout = 7")
    project.trusts = True
    project.resolve()
    project.trusts = None
    assert project.resolve().timeout == 7
    path.chmod(0o666)
    with pytest.raises(SettingError, match="can be written by other users"):
        project.resolve()


@needs_root
def test_an_administrators_file_may_belong_to_any_user(project: ProjectFolder) -> None:
    """And it may begin with a BOM."""
    os.chown(write_file(system_paths()[0], "\ufefftimeout = 7"), OTHER_UID, OTHER_UID)
    assert project.resolve().timeout == 7


@needs_modes
def test_a_file_that_other_users_can_write_is_refused_without_a_prompt(project: ProjectFolder) -> None:
    """It chooses where the password is typed."""
    project.write("timeout = 7").chmod(0o666)
    project.trusts = True
    with pytest.raises(SettingError, match=r"can be written by other users.*chmod go-w"):
        project.resolve()
    assert not project.prompts


# -- what the user confirms


def test_the_user_confirms_a_project_file_once_and_again_when_it_changes(project: ProjectFolder) -> None:
    project.overrides, project.trusts = {}, True
    project.write(COMPLETE_TOML)
    project.resolve()
    project.resolve()
    assert len(project.prompts) == 1
    assert COMPLETE["domain"] in project.prompts[0]
    project.write(f"{COMPLETE_TOML}timeout = 7")
    project.resolve()
    assert len(project.prompts) == 2


def test_an_unconfirmed_project_file_is_not_used(project: ProjectFolder) -> None:
    project.overrides = {}
    project.write(COMPLETE_TOML)
    project.trusts = False
    with pytest.raises(SettingError, match="did not confirm"):
        project.resolve()
    project.trusts = None
    with pytest.raises(SettingError, match=UNCONFIRMED):
        project.resolve()


def test_a_declined_prompt_is_not_remembered(project: ProjectFolder) -> None:
    project.write("timeout = 7")
    project.trusts = False
    for _ in range(2):
        with pytest.raises(SettingError, match="you did not confirm"):
            project.resolve()
    assert len(project.prompts) == 2


def test_the_prompt_shows_every_setting_and_first_where_the_password_goes(project: ProjectFolder) -> None:
    domain = "a" * 60 + ".auth.us-east-1.amazoncognito.com.evil.example"
    project.write(f"client_id = 'c\\u001b[2J'\ndomain = '{domain}'\n[profile.lab]\nallowed_domains = ['x.example']")
    project.trusts = False
    with pytest.raises(SettingError):
        project.resolve(region="us-east-1", scopes="openid", profile="lab")
    (text,) = project.prompts
    assert text.index(f"domain = '{domain}'") < text.index("client_id = ")
    assert "for the profile 'lab'" in text
    assert "allowed_domains = ['x.example']" in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("domain = 'g\u043e\u043ed.example'", r"domain = 'g\u043e\u043ed.example'"),
        ("login_hint = 'Zoë'", "login_hint = 'Zoë'"),
        ("login_hint = 'a    b'", r"login_hint = 'a \x20\x20\x20b'"),
        ("login_hint = 'a\u3164b'", r"login_hint = 'a\u3164b'"),
        ('login_hint = "a\\nb"', r"login_hint = 'a\nb'"),
    ],
)
def test_the_prompt_shows_each_letter_that_looks_like_another_or_like_none(
    project: ProjectFolder, written: str, shown: str
) -> None:
    """A domain in letters that are not ASCII is refused later; the user sees before that it is not what it seems."""
    project.overrides.pop("domain")
    project.write(written)
    project.trusts = False
    with pytest.raises(SettingError, match="you did not confirm"):
        project.resolve()
    assert f"    {shown}" in project.prompts[0].splitlines()


@pytest.mark.parametrize(
    "written",
    [f"login_hint = '{'x' * 500}'", "".join(f"[profile.p{number}]\ntimeout = 9\n" for number in range(40))],
    ids=["one long line", "many lines"],
)
def test_a_file_that_would_push_the_domain_off_the_screen_is_refused_without_a_prompt(
    project: ProjectFolder, written: str
) -> None:
    del project.overrides["client_id"]
    project.write(f"client_id = '2other'\n{written}")
    project.trusts = True
    with pytest.raises(SettingError, match="holds more than you could be asked about"):
        project.resolve()
    assert not project.prompts


@needs_modes
def test_a_command_to_copy_does_nothing_else_whatever_the_folder_is_called(tmp_path: Path) -> None:
    project = ProjectFolder(tmp_path / "x$(touch y)\"`'")
    project.folder.mkdir()
    project.write("timeout = 7").chmod(0o666)
    with pytest.raises(SettingError) as refused:
        project.resolve()
    assert shlex.split(refused.value.remedy)[1:] == ["chmod", "go-w", str(project.file)]


@needs_modes
@pytest.mark.parametrize("changed", ["mode", pytest.param("owner", marks=needs_root)])
def test_a_trust_record_that_others_could_have_written_is_ignored(
    project: ProjectFolder, own_environment: Path, changed: str
) -> None:
    project.write("timeout = 7")
    project.trusts = True
    project.resolve()
    (record,) = (own_environment / "state" / "agreed").iterdir()
    assert record.stat().st_mode & 0o777 == 0o600
    if changed == "mode":
        record.chmod(0o622)
    else:
        os.chown(record, OTHER_UID, OTHER_UID)
    project.trusts = None
    with pytest.raises(SettingError, match=UNCONFIRMED):
        project.resolve()


def test_where_no_record_can_be_written_a_yes_counts_once(project: ProjectFolder, own_environment: Path) -> None:
    (own_environment / "state").write_text("a file where a folder should be")
    project.write("timeout = 7")
    project.trusts = True
    assert [project.resolve().timeout, project.resolve().timeout] == [7, 7]
    assert len(project.prompts) == 2


# -- any file

PLAIN = st.one_of(
    st.integers(-9, 10**20).map(str),
    st.sampled_from(["true", "false", "nan", "inf", "''", "[]", "1979-05-27", "{}", "[['x.example']]", "'openid'"]),
    st.sampled_from([*COMPLETE.values(), "eu-west-1", "http://localhost:1", "evil.example"]).map(repr),
)


LINES = st.dictionaries(st.sampled_from(SETTING_NAMES), PLAIN, max_size=4).map(
    lambda values: "".join(f"{name} = {value}\n" for name, value in values.items())
)


FILES = LINES | st.tuples(LINES, LINES).map(lambda pair: f"{pair[0]}[profile.lab]\n{pair[1]}")


@given(
    st.tuples(FILES, FILES), st.sampled_from([None, "lab"]), st.sets(st.sampled_from(sorted(COMPLETE))), st.booleans()
)
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)
def test_an_unconfirmed_file_never_changes_the_settings(
    project: ProjectFolder, files: tuple[str, str], profile: str | None, left_out: set[str], trusted: bool
) -> None:
    """Either the login is refused, or it is the one that there would be without the file."""
    project.overrides = {name: value for name, value in COMPLETE.items() if name not in left_out}
    # Hypothesis uses one home for all examples: a confirmation in one would hold in the next.
    shutil.rmtree(user_folder("state"), ignore_errors=True)
    project.trusts = trusted or None
    project.write(files[0])
    write_file(user_path(), files[1])
    with_it = resolve_outcome(project, profile)
    project.file.unlink()
    if not trusted and isinstance(with_it, Settings):
        assert with_it == resolve_outcome(project, profile)


def resolve_outcome(project: ProjectFolder, profile: str | None) -> Settings | SettingError:
    """The settings or the error; any other end fails the test."""
    try:
        return project.resolve(profile)
    except SettingError as error:
        assert error.what
        assert error.remedy
        return error


# -- what the record is worth


def record_of(project: ProjectFolder) -> Path:
    digest = hashlib.sha256(project.file.read_bytes()).hexdigest()
    return user_folder("state") / "agreed" / digest


def private_folder(record: Path) -> None:
    record.mkdir(mode=0o700)


def link_to_a_private_file(record: Path) -> None:
    target = record.with_name("private")
    target.touch(mode=0o600)
    record.symlink_to(target)


def named_pipe(record: Path) -> None:
    os.mkfifo(record, 0o600)


def listening_socket(record: Path) -> None:
    with contextlib.chdir(record.parent), socket.socket(socket.AF_UNIX) as listener:
        listener.bind(record.name)
    record.chmod(0o600)


def file_that_others_can_read(record: Path) -> None:
    record.touch()
    record.chmod(0o644)


def folder_that_others_can_write(record: Path) -> None:
    record.touch(mode=0o600)
    record.parent.chmod(0o777)


def folder_behind_a_link(record: Path) -> None:
    elsewhere = record.parent.with_name("elsewhere")
    record.parent.rename(elsewhere)
    record.parent.symlink_to(elsewhere)
    record.touch(mode=0o600)


@pytest.mark.parametrize(
    "make",
    [
        private_folder,
        link_to_a_private_file,
        pytest.param(named_pipe, marks=needs_fifos),
        pytest.param(listening_socket, marks=needs_unix_sockets),
        pytest.param(file_that_others_can_read, marks=needs_modes),
        pytest.param(folder_that_others_can_write, marks=needs_modes),
        folder_behind_a_link,
    ],
)
def test_only_a_private_file_in_a_private_folder_is_a_confirmation(
    project: ProjectFolder, make: Callable[[Path], None]
) -> None:
    project.write("timeout = 7")
    record = record_of(project)
    record.parent.mkdir(mode=0o700, parents=True)
    make(record)
    with pytest.raises(SettingError, match=UNCONFIRMED):
        project.resolve()


@needs_modes
def test_a_confirmation_with_a_umask_of_zero_lets_no_other_user_write(
    project: ProjectFolder, own_environment: Path
) -> None:
    project.write("timeout = 7")
    project.trusts = True
    before = os.umask(0)
    try:
        project.resolve()
    finally:
        os.umask(before)
    record = record_of(project)
    folders = [each for each in record.parents if each.is_relative_to(own_environment) and each != own_environment]
    assert len(folders) == 2
    assert [stat.S_IMODE(each.stat().st_mode) for each in folders] == [0o700] * 2
    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    project.trusts = None
    assert project.resolve().timeout == 7


# -- a user without a home


@pytest.fixture
def no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user id that the system does not know, as in many containers."""
    for name in ("HOME", "COGNITO_JUPYTER_FOLDER", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS"):
        monkeypatch.delenv(name, raising=False)

    def unknown(_: object) -> NoReturn:
        raise KeyError

    monkeypatch.setattr("pwd.getpwuid", unknown)


@needs_home_variable
@pytest.mark.usefixtures("no_home")
def test_without_a_home_a_folder_of_a_clone_is_no_home(project: ProjectFolder) -> None:
    """A folder whose name is ~ would hold the user's own file, and confirmations that the user never gave."""
    own_file = write_file(project.folder / "~" / ".config" / "cognito_jupyter" / "cognito.toml", "timeout = 7")
    assert project.resolve().timeout != 7
    own_file.unlink()
    project.write("timeout = 8")
    digest = hashlib.sha256(project.file.read_bytes()).hexdigest()
    record = project.folder / "~" / ".local" / "state" / "cognito_jupyter" / "agreed" / digest
    record.parent.mkdir(mode=0o700, parents=True)
    record.touch(mode=0o600)
    with pytest.raises(SettingError, match=UNCONFIRMED):
        project.resolve()


@needs_home_variable
@pytest.mark.usefixtures("no_home")
def test_without_a_home_a_confirmation_counts_once_and_leaves_nothing_in_the_working_folder(
    project: ProjectFolder,
) -> None:
    project.write("timeout = 7")
    project.trusts = True
    assert project.resolve().timeout == 7
    assert project.resolve().timeout == 7
    assert len(project.prompts) == 2
    assert [path.name for path in project.folder.iterdir()] == ["cognito.toml"]
