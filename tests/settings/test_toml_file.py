"""Settings files: whose they are, when one of the working folder counts, and what a person has agreed to."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, given, settings as hypothesis_settings, strategies as st
from platformdirs import user_state_path

from cognito_jupyter.errors import SettingError
from cognito_jupyter.settings import SETTING_NAMES, Settings
from cognito_jupyter.settings.layers import ENVIRONMENT_NAMES
from cognito_jupyter.settings.resolve import resolve
from cognito_jupyter.settings.toml_file import MAX_FILE_SIZE, system_paths, user_path

POOL = "us-east-1:01234567-89ab-cdef-0123-456789abcdef"
GOOD = {"client_id": "1good", "user_pool_id": "us-east-1_Good", "identity_pool_id": POOL, "domain": "good.example.org"}
OTHER_UID = 12345
AS_ROOT = pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file to somebody else")


@dataclass
class ProjectFolder:
    """A folder with a project, and the person in front of it."""

    folder: Path
    overrides: dict[str, object] = field(default_factory=lambda: dict(GOOD))
    trusts: bool | None = None
    discovered_domain: str = "found.example.org"
    prompts: list[str] = field(default_factory=list)

    @property
    def file(self) -> Path:
        return self.folder / "cognito.toml"

    def write(self, text: str) -> Path:
        return write_file(self.file, text)

    def resolve(self, profile: str | None = None, **traits: object) -> Settings:
        return resolve(
            self.overrides,
            traits=traits,
            environment={},
            folder=self.folder,
            profile=profile,
            discover_domain=lambda *_: self.discovered_domain,
            confirm_trust=None if self.trusts is None else self.confirm,
        )

    def confirm(self, text: str) -> bool:
        self.prompts.append(text)
        return self.trusts is True


def write_file(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(0o644)
    return path


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    (tmp_path / "work").mkdir()
    return ProjectFolder(tmp_path / "work")


# -- when a file of the working folder counts


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
    with pytest.raises(SettingError, match="you have not confirmed that you trust it"):
        project.resolve("lab")
    project.trusts = True
    assert project.resolve("lab").profile == "lab"


def test_the_users_file_with_the_same_settings_replaces_the_project_file(project: ProjectFolder) -> None:
    """The errors tell people to copy the file: then that has to help."""
    project.overrides = {}
    text = "".join(f"{name} = '{value}'\n" for name, value in GOOD.items())
    project.write(text)
    write_file(user_path(), text)
    assert project.resolve().sources["client_id"] == str(user_path())


def test_the_profile_may_be_among_the_arguments(project: ProjectFolder) -> None:
    write_file(user_path(), "[profile.work]\ntimeout = 8")
    project.overrides["profile"] = "work"
    assert project.resolve().timeout == 8


def test_the_file_in_the_users_config_folder_is_the_users_wherever_the_notebook_lies(project: ProjectFolder) -> None:
    project.folder = write_file(user_path(), "timeout = 8").parent
    assert project.resolve().timeout == 8


# -- whose a file is


@AS_ROOT
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


@AS_ROOT
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


def test_a_confirmation_holds_without_a_prompt_until_others_can_write_the_file(project: ProjectFolder) -> None:
    path = project.write("timeout = 7")
    project.trusts = True
    project.resolve()
    project.trusts = None
    assert project.resolve().timeout == 7
    path.chmod(0o666)
    with pytest.raises(SettingError, match="can be written by other users"):
        project.resolve()


@AS_ROOT
def test_an_administrators_file_may_belong_to_any_user(project: ProjectFolder) -> None:
    """And may begin with the mark that some editors put in front."""
    os.chown(write_file(system_paths()[0], "\ufefftimeout = 7"), OTHER_UID, OTHER_UID)
    assert project.resolve().timeout == 7


# -- what a person has agreed to


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


@pytest.mark.parametrize("spoilt", ["mode", pytest.param("owner", marks=AS_ROOT)])
def test_a_trust_record_that_others_could_have_written_is_ignored(
    project: ProjectFolder, own_environment: Path, spoilt: str
) -> None:
    project.write("timeout = 7")
    project.trusts = True
    project.resolve()
    (note,) = (own_environment / "state" / "cognito_jupyter" / "agreed").iterdir()
    assert note.stat().st_mode & 0o777 == 0o600
    if spoilt == "mode":
        note.chmod(0o622)
    else:
        os.chown(note, OTHER_UID, OTHER_UID)
    project.trusts = None
    with pytest.raises(SettingError, match="you have not confirmed that you trust it"):
        project.resolve()


def test_where_no_record_can_be_written_a_yes_counts_once(project: ProjectFolder, own_environment: Path) -> None:
    (own_environment / "state").write_text("a file where a folder should be")
    project.write("timeout = 7")
    project.trusts = True
    assert [project.resolve().timeout, project.resolve().timeout] == [7, 7]
    assert len(project.prompts) == 2


# -- what else can be wrong with a file


def test_a_folder_of_that_name_is_refused_and_no_descriptor_leaks(project: ProjectFolder) -> None:
    project.file.mkdir()
    before = psutil.Process().num_fds()
    with pytest.raises(SettingError, match="cannot be read"):
        project.resolve()
    assert psutil.Process().num_fds() == before


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"#" * (MAX_FILE_SIZE + 1), "is longer than"),
        (b"timeout = 7\nscopes = '\xff'", "is not UTF-8 text, near line 2"),
        (b"a = " + b"[" * 20_000, "is not TOML"),
        (b"timeout = " + b"9" * 20_000, "is not TOML"),
        (b"profile = 'work'", "is not a table"),
        (b"redirect-uri = 'x'", "Did you mean 'redirect_uri'?"),
        (b"[profile.work]\nclientSecret = 'hush'", "a notebook cannot protect an app client's secret"),
    ],
)
def test_a_malformed_file_is_named_with_what_is_wrong(project: ProjectFolder, content: bytes, said: str) -> None:
    path = write_file(user_path(), content)
    with pytest.raises(SettingError) as raised:
        project.resolve()
    assert said in str(raised.value)
    assert str(path) in str(raised.value)
    assert "hush" not in str(raised.value)


# -- sources, and the administrator


def test_a_malformed_value_is_named_with_the_trait_or_the_profile_that_holds_it(project: ProjectFolder) -> None:
    write_file(user_path(), "[profile.work]\ntimeout = 'soon'")
    with pytest.raises(SettingError, match=rf"^timeout, from the profile work in {user_path()}: "):
        project.resolve("work")
    with pytest.raises(SettingError, match=r"^region, from c\.CognitoMagics\.region: "):
        project.resolve(region="Virginia")
    with pytest.raises(SettingError, match=r"region \(from c\.CognitoMagics\.region\) is in eu-west-1, user_pool_id"):
        project.resolve(region="eu-west-1")


def test_a_discovered_domain_takes_its_one_form(project: ProjectFolder) -> None:
    del project.overrides["domain"]
    project.discovered_domain = "https://Found.Example.org/"
    assert project.resolve().configuration.domain == "found.example.org"
    project.discovered_domain = "http://evil.example"
    with pytest.raises(SettingError, match=r"^domain, from the openid-configuration of us-east-1_Good: .*plain http"):
        project.resolve()


def test_the_systems_own_place_is_always_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment cannot undo what an administrator wrote."""
    monkeypatch.setenv("XDG_CONFIG_DIRS", "/somewhere")
    assert [str(path.parent.parent) for path in system_paths()] == ["/somewhere", "/etc/xdg"]


@pytest.mark.parametrize("text", ["allowed_domains = []", "allowed_domains = ''", "allowed_domains = ['my-app']"])
def test_a_malformed_administrators_list_allows_nothing(project: ProjectFolder, text: str) -> None:
    write_file(system_paths()[0], text)
    with pytest.raises(SettingError, match=f"^allowed_domains, from {system_paths()[0]}: "):
        project.resolve(allowed_domains=["good.example.org"])


def test_resolving_imports_nothing_heavy(project: ProjectFolder) -> None:
    program = (
        "import sys; from pathlib import Path; from cognito_jupyter.settings.resolve import resolve\n"
        f"resolve({GOOD!r}, environment={{}}, folder=Path({str(project.folder)!r}), discover_domain=None)\n"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {"boto3", "botocore", "requests", "urllib3", "ipywidgets", "IPython", "jwt", "cryptography"}


# -- anything at all

PLAIN = st.one_of(
    st.integers(-9, 10**20).map(str),
    st.sampled_from(["true", "false", "nan", "inf", "''", "[]", "1979-05-27", "{}", "[['x.example']]", "'openid'"]),
    st.sampled_from([*GOOD.values(), "eu-west-1", "http://localhost:1", "evil.example"]).map(repr),
)
LINES = st.dictionaries(st.sampled_from(SETTING_NAMES), PLAIN, max_size=4).map(
    lambda values: "".join(f"{name} = {value}\n" for name, value in values.items())
)
FILES = LINES | st.tuples(LINES, LINES).map(lambda pair: f"{pair[0]}[profile.lab]\n{pair[1]}")
ANYTHING = hypothesis_settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200
)


@given(st.tuples(FILES, FILES), st.sampled_from([None, "lab"]), st.sets(st.sampled_from(sorted(GOOD))), st.booleans())
@ANYTHING
def test_an_unconfirmed_file_never_changes_the_settings(
    project: ProjectFolder, files: tuple[str, str], profile: str | None, left_out: set[str], agrees: bool
) -> None:
    """Either the login is refused, or it is the one that there would be without the file."""
    project.overrides = {name: value for name, value in GOOD.items() if name not in left_out}
    # Hypothesis keeps one home for all examples: what was agreed to in one would hold in the next.
    shutil.rmtree(user_state_path("cognito_jupyter"), ignore_errors=True)
    project.trusts = agrees or None
    project.write(files[0])
    write_file(user_path(), files[1])
    with_it = resolve_outcome(project, profile)
    project.file.unlink()
    if not agrees and isinstance(with_it, Settings):
        assert with_it == resolve_outcome(project, profile)


@given(st.dictionaries(st.sampled_from(sorted(ENVIRONMENT_NAMES.values())), st.text(max_size=20)))
@ANYTHING
def test_any_environment_resolves_or_says_why_not(project: ProjectFolder, environment: dict[str, str]) -> None:
    good = {ENVIRONMENT_NAMES[name]: value for name, value in GOOD.items()}
    try:
        resolve(
            {}, environment={**good, **environment}, folder=project.folder, discover_domain=lambda *_: "found.example"
        )
    except SettingError as error:
        assert error.what
        assert error.remedy


def resolve_outcome(project: ProjectFolder, profile: str | None) -> Settings | SettingError:
    """How resolving ended; anything but the two ways there are fails the test."""
    try:
        return project.resolve(profile)
    except SettingError as error:
        assert error.what
        assert error.remedy
        return error
