"""The profile in the AWS config file: read by botocore, and written beside the user's own content."""

from __future__ import annotations

import os
import shlex
import stat
import threading
from pathlib import Path

import botocore.session
import pytest
from hypothesis import given, settings, strategies as st

from cognito_jupyter import sharing
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.credentials.store.sign_in import StoreKey
from cognito_jupyter.credentials.store.store import Store
from cognito_jupyter.errors import RoleError, SettingError
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.settings import CognitoConfiguration
from cognito_jupyter.sharing.profile.config_text import with_profile, without_profile
from tests.sharing.conftest import run_until_expired
from tests.support.new_processes import run_program
from tests.support.systems import ON_WINDOWS, needs_links, needs_modes

THEIRS = """# Mine.
[default]
region = eu-north-1   ; where I live

[profile  work]
output=json
s3 =
    max_concurrent_requests = 20
[profile "with space"]
credential_process = /bin/theirs "a b"
"""
NAME = "cognito"
COMMAND = "/opt/with\\ space/cognito-jupyter credential-process x 'arn:aws:iam::1:role/A'"
OURS = (NAME, COMMAND, "us-east-1")

# What users write, and mistakes: all kinds of headings, settings, comments, and the line ends of all systems.
HEADINGS = ("[default]", "[profile a]", "[profile  b]", '[profile "c d"]', "[sso-session s]", "[profile cognito2]")
LINES = ("region = x", "s3 =\n  nested = 1", "key=%(x)s", "# comment", "; comment", "", "   ", "name = \ufefföäü")
WRONG = ("[profile [x]]", "no setting", "[default]", "region = x", "[profile 'x]", "\udcff")


@st.composite
def config_files(draw: st.DrawFn) -> bytes:
    """Config files, most of which AWS SDKs can read."""
    lines = draw(st.lists(st.sampled_from(["# comment", "", "; comment"]), max_size=2))
    for heading in draw(st.lists(st.sampled_from(HEADINGS), unique=True, max_size=4)):
        lines += [heading, *draw(st.lists(st.sampled_from(LINES[:3] + LINES[7:]), unique=True))]
        lines += draw(st.lists(st.sampled_from(LINES[3:7]), max_size=3))
    if draw(st.integers(0, 9)) == 9:
        lines.insert(draw(st.integers(0, len(lines))), draw(st.sampled_from(WRONG)))
    end = draw(st.sampled_from(["\n", "\r\n"]))
    text = "\n".join(lines).replace("\n", end)
    return (text + (end if draw(st.booleans()) else "")).encode("utf-8", "surrogateescape")


def session_reading(path: Path) -> botocore.session.Session:
    session = botocore.session.Session(profile=NAME)
    session.set_config_variable("config_file", str(path))
    return session


def try_edit(content: bytes, profile: tuple[str, str, str] = OURS) -> bytes | None:
    """Returns the edited content; None if the edit is refused."""
    try:
        return with_profile(content, *profile)
    except SettingError:
        return None


@given(config_files())
def test_existing_content_is_preserved_and_restored(content: bytes) -> None:
    added = try_edit(content)
    if added is None:
        return
    assert added.startswith(content)
    removed = without_profile(added, NAME)
    # A last line without a line end has received one.
    end = b"\r\n" if b"\r\n" in content.partition(b"\n")[0] + b"\n" else b"\n"
    assert removed == content or removed in {content + end, content + b"\n"}
    assert without_profile(removed, NAME) == removed


@given(config_files(), config_files())
def test_content_after_the_profile_is_preserved(before: bytes, after: bytes) -> None:
    added = try_edit(before)
    if added is None or try_edit(added + after, ("other", "x", "y")) is None:
        return
    whole = added + after
    changed = with_profile(whole, NAME, "another", "eu-west-1")
    assert changed.startswith(before)
    assert changed.endswith(after)
    assert b"another" in changed
    assert with_profile(changed, *OURS) == whole


@given(config_files())
@settings(max_examples=50)
def test_botocore_finds_it_in_every_file_that_it_can_read(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("config") / "config"
    added = try_edit(content)
    path.write_bytes(content if added is None else added)
    if added is None:
        return
    found = session_reading(path).full_config["profiles"][NAME]
    assert found == {"credential_process": COMMAND, "region": "us-east-1"}


def test_a_profile_written_by_the_user_is_refused() -> None:
    for name in ("default", "work", "with"):
        other = (name, "x", "y")
        if name == "with":
            assert with_profile(THEIRS.encode(), *other).startswith(THEIRS.encode())
            continue
        with pytest.raises(SettingError, match="did not write"):
            with_profile(THEIRS.encode(), *other)
        with pytest.raises(SettingError, match="did not write"):
            without_profile(THEIRS.encode(), name)


def test_a_setting_added_by_the_user_is_preserved() -> None:
    added = with_profile(THEIRS.encode(), *OURS) + b"output = yaml\n[profile next]\n"
    changed = with_profile(added, NAME, "another", "eu-west-1")
    assert b"output = yaml" in changed
    removed = without_profile(added, NAME)
    assert removed.endswith(b"[profile cognito]\noutput = yaml\n[profile next]\n")


@pytest.mark.parametrize("content", [b"no heading\n", b"[a]\nx=1\nx=2\n", b"[profile a]\nb\xff=secret-key\n"])
def test_an_invalid_file_is_refused_and_not_quoted(content: bytes) -> None:
    with pytest.raises(SettingError) as caught:
        with_profile(content, *OURS)
    assert "secret-key" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.fixture
def remembered(cognito: LocalCognito, manager: CognitoCredentialsManager, tmp_path: Path) -> CognitoCredentialsManager:
    """The demo user's sign-in, remembered in a folder whose name contains a space."""
    key = StoreKey(cognito.domain, cognito.client_id, cognito.user_pool_id, cognito.identity_pool_id)
    tokens = manager.auth_tokens
    assert tokens is not None
    manager.adopt_tokens(tokens, Store(key, tmp_path / "a folder"))
    return manager


@pytest.fixture
def config(own_environment: Path) -> Path:
    return Path(os.environ["AWS_CONFIG_FILE"])


def test_the_profile_names_the_sign_in_and_the_role(
    cognito: LocalCognito, remembered: CognitoCredentialsManager, config: Path
) -> None:
    config.write_text(THEIRS)
    assert sharing.write_profile(remembered, "cognito", "Uploader", region_name="eu-west-1") == config
    found = session_reading(config).full_config["profiles"]["cognito"]
    assert found["region"] == "eu-west-1"
    # On Windows the line has short names, and no quotes.
    command, *options, word, file, role_arn = shlex.split(found["credential_process"], posix=not ON_WINDOWS)
    assert Path(command).is_file()
    assert options in ([], ["-m", "cognito_jupyter.cli"])
    assert (word, role_arn) == ("credential-process", cognito.roles["Uploader"])
    assert os.path.samefile(file, str(remembered.shared_sign_in.path))
    tokens, credentials = remembered.auth_tokens, remembered.credentials
    text = config.read_text()
    for secret in [*(tokens or {}).values(), *(credentials or {}).values()]:
        assert str(secret) not in text or secret == 3600
    assert sharing.remove_profile("cognito")
    assert not sharing.remove_profile("cognito")
    assert config.read_text() == THEIRS


@needs_links
@needs_modes
def test_symlink_and_mode_are_preserved(remembered: CognitoCredentialsManager, config: Path, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles" / "aws-config"
    real.parent.mkdir()
    real.write_text(THEIRS)
    real.chmod(0o640)
    config.symlink_to(real)
    sharing.write_profile(remembered, "cognito")
    assert config.is_symlink()
    assert config.resolve() == real
    assert real.read_text().startswith(THEIRS)
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert [path.name for path in real.parent.iterdir()] == ["aws-config"]


@needs_modes
def test_a_missing_file_is_created_readable_only_by_the_user(
    remembered: CognitoCredentialsManager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_CONFIG_FILE")
    monkeypatch.setenv("HOME", str(tmp_path))
    path = sharing.write_profile(remembered, "cognito")
    assert path == tmp_path / ".aws" / "config"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_many_at_once_are_all_written(remembered: CognitoCredentialsManager, config: Path) -> None:
    config.write_text(THEIRS)
    names = [f"profile{number}" for number in range(8)]
    threads = [threading.Thread(target=sharing.write_profile, args=(remembered, name)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(names) <= set(session_reading(config).full_config["profiles"])


def test_a_sign_in_that_is_not_remembered_is_refused(manager: CognitoCredentialsManager, config: Path) -> None:
    with pytest.raises(SettingError, match="--remember"):
        sharing.write_profile(manager, "cognito")
    assert not config.exists()


@pytest.mark.parametrize("name", ["", "a b", "a]", "a\nb", "ä", "#a"])
def test_an_invalid_name_is_refused(remembered: CognitoCredentialsManager, config: Path, name: str) -> None:
    with pytest.raises(SettingError, match="cannot be a profile's name"):
        sharing.write_profile(remembered, name)
    assert not config.exists()


@pytest.mark.parametrize(
    "region",
    ["us-east-1\n[profile evil]\ncredential_process = x", "us-east-1\r[default]", "us-east-1\u2028x", "us east 1", "x"],
)
def test_a_region_that_is_none_is_refused(remembered: CognitoCredentialsManager, config: Path, region: str) -> None:
    """A line break in it would write a profile of its own."""
    config.write_text(THEIRS)
    with pytest.raises(SettingError, match="is not an AWS region"):
        sharing.write_profile(remembered, "cognito", region_name=region)
    remembered.region = region
    with pytest.raises(SettingError, match="is not an AWS region"):
        sharing.write_profile(remembered, "cognito")
    assert config.read_text() == THEIRS


@pytest.mark.parametrize("heading", ["[cognito]", "[profile cognito]", '[profile "cognito"]'])
def test_a_profile_that_the_credentials_file_has_already_is_refused(
    remembered: CognitoCredentialsManager, config: Path, heading: str
) -> None:
    """AWS's programs would use that one."""
    check_that_the_name_is_refused(remembered, config, Path(os.environ["AWS_SHARED_CREDENTIALS_FILE"]), heading)


def test_a_profile_of_a_credentials_file_that_a_share_hides_is_refused(
    remembered: CognitoCredentialsManager, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Programs that are not started from this process see the file."""
    Path(os.environ["AWS_SHARED_CREDENTIALS_FILE"]).write_text("")
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    check_that_the_name_is_refused(remembered, config, tmp_path / ".aws" / "credentials", "[cognito]")


def check_that_the_name_is_refused(
    remembered: CognitoCredentialsManager, config: Path, file: Path, heading: str
) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"{heading}\naws_access_key_id = AKIA\naws_secret_access_key = the-secret-key\n")
    with pytest.raises(SettingError, match="has a profile cognito too") as caught:
        sharing.write_profile(remembered, "cognito")
    assert str(file) in str(caught.value)
    assert not config.exists()
    assert sharing.write_profile(remembered, "other") == config


def test_an_unknown_role_is_refused(remembered: CognitoCredentialsManager, config: Path) -> None:
    with pytest.raises(RoleError):
        sharing.write_profile(remembered, "cognito", "Unknown")
    assert not config.exists()


# One client for all requests, which runs the process again before its credentials expire.
LIST_BY_PROFILE = """
import boto3, os, time
s3, stopping = boto3.Session(profile_name="cognito").client("s3"), False
while not stopping:
    stopping = os.path.exists(STOP)
    s3.list_objects_v2(Bucket="cognito-jupyter-demo")
    time.sleep(1)
print(boto3.Session(profile_name="cognito").client("sts").get_caller_identity()["Arn"])
"""


def test_a_program_uses_the_profile_past_an_expiry_and_until_the_logout(
    cognito: LocalCognito, manager: CognitoCredentialsManager, config: Path, tmp_path: Path
) -> None:
    cognito.knobs.credentials_seconds = 9
    tokens = manager.auth_tokens
    assert tokens is not None
    pools = (cognito.region, cognito.user_pool_id, cognito.identity_pool_id)
    key = StoreKey.from_configuration(
        CognitoConfiguration(cognito.domain, cognito.client_id, cognito.redirect_uri, *pools)
    )
    manager.adopt_tokens(tokens, Store(key))
    sharing.write_profile(manager, "cognito", "Analyst")
    stop = tmp_path / "stop"
    program = LIST_BY_PROFILE.replace("STOP", repr(str(stop)))
    done = run_until_expired(cognito, 1, lambda: run_program(program), stop)
    assert "cognito-jupyter-Analyst" in done.stdout, done.stderr
    manager.sign_out()
    done = run_program(program)
    assert "cognito-jupyter login" in done.stderr
