"""Credentials in files that AWS SDKs prefer to a share, each in the form in which users and AWS's tools write it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import botocore.credentials
import pytest

from cognito_jupyter import sharing
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.sharing.endpoint.aws_files import credentials_files, default_profile_warning
from tests.support.new_processes import run_program

KEYS = "aws_access_key_id = AKIASTALE\naws_secret_access_key = stale\n"
METHOD = """
import boto3, botocore.exceptions
try:
    print(boto3.Session().get_credentials().method)
except botocore.exceptions.BotoCoreError as error:
    print(type(error).__name__)
"""
"""Prints where boto3 finds credentials, or the error with which it looks no further."""

Place = Callable[[Path], None]


def in_credentials_file(text: str) -> Place:
    return lambda _home: _write(Path(os.environ["AWS_SHARED_CREDENTIALS_FILE"]), text)


def in_config_file(text: str) -> Place:
    return lambda _home: _write(Path(os.environ["AWS_CONFIG_FILE"]), text)


def in_home(name: str, text: str, variable: str | None = None) -> Place:
    def place(home: Path) -> None:
        _write(home / name, text)
        if variable is not None:
            os.environ[variable] = str(home / name)

    return place


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


HIDEABLE = {
    "a default profile in the credentials file": in_credentials_file(f"[default]\n{KEYS}"),
    "the keys of boto 2": in_home(".boto", f"[Credentials]\n{KEYS}"),
    "the keys of boto 2 in a file that a variable names": in_home("mine", f"[Credentials]\n{KEYS}", "BOTO_CONFIG"),
}
LOGIN = "what `aws login` writes"
SHOWN = {
    "a default profile in the config file": in_config_file(f"[default]\n{KEYS}"),
    "a default profile with the long heading": in_config_file(f"[profile default]\n{KEYS}"),
    "a default profile with a quoted heading": in_config_file(f'[profile "default"]\n{KEYS}'),
    "a program that prints credentials": in_config_file("[default]\ncredential_process = /bin/false\n"),
    LOGIN: in_config_file("[default]\nlogin_session = arn:aws:iam::1:user/me\nregion = us-east-1\n"),
    "what `aws configure sso` writes": in_config_file(
        "[default]\nsso_session = s\nsso_account_id = 1\nsso_role_name = r\n"
        "[sso-session s]\nsso_start_url = https://example.org\nsso_region = us-east-1\n"
    ),
    "a web identity": in_config_file("[default]\nrole_arn = arn:aws:iam::1:role/r\nweb_identity_token_file = /t\n"),
}
SET_ASIDE = {
    "the file of EC2's first tools": in_home("ec2", "AWSAccessKeyId=AKIA\nAWSSecretKey=stale\n", "AWS_CREDENTIAL_FILE"),
}


@pytest.fixture
def home(own_environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(home))
    for name in ("BOTO_CONFIG", "AWS_CREDENTIAL_FILE"):
        monkeypatch.setenv(name, "")  # so that it is restored
        monkeypatch.delenv(name)
    return home


knows_aws_login = pytest.mark.skipif(
    not hasattr(botocore.credentials, "LoginProvider"), reason="this botocore is older than `aws login`"
)


@pytest.mark.parametrize(
    "form",
    [pytest.param(form, marks=knows_aws_login if form == LOGIN else ()) for form in (*HIDEABLE, *SHOWN, *SET_ASIDE)],
)
def test_credentials_that_would_win_are_put_aside_or_pointed_out(
    manager: CognitoCredentialsManager, home: Path, form: str
) -> None:
    (HIDEABLE | SHOWN | SET_ASIDE)[form](home)
    assert run_program(METHOD).stdout not in {"container-role\n", ""}
    before = dict(os.environ)
    with sharing.share(manager):
        wins = run_program(METHOD).stdout != "container-role\n"
        assert wins == (default_profile_warning(os.environ) is not None) == (form not in SET_ASIDE)
    with sharing.share(manager, hide_credentials_file=True):
        wins = run_program(METHOD).stdout != "container-role\n"
        assert wins == (default_profile_warning(os.environ) is not None) == (form in SHOWN)
    assert dict(os.environ) == before


@pytest.mark.parametrize(
    "place",
    [
        in_credentials_file("[default]\nregion = us-east-1\n"),
        in_credentials_file(f"[work]\n{KEYS}"),
        in_credentials_file("no heading\n"),
        in_config_file(f"[profile work]\n{KEYS}[sso-session default]\nsso_region = us-east-1\n"),
        in_config_file(f"[profile 'x]\n{KEYS}"),
        in_home(".boto", "[GSUtil]\nprefer_api = json\n"),
    ],
)
def test_a_file_that_does_not_win_is_not_pointed_out(home: Path, place: Place) -> None:
    place(home)
    assert default_profile_warning(os.environ) is None


def test_other_programs_settings_in_botos_file_stay_visible(manager: CognitoCredentialsManager, home: Path) -> None:
    in_home("mine", "[GSUtil]\nprefer_api = json\n", "BOTO_CONFIG")(home)
    with sharing.share(manager, hide_credentials_file=True):
        assert os.environ["BOTO_CONFIG"] == str(home / "mine")


def test_a_hidden_credentials_file_still_counts_for_programs_elsewhere(home: Path) -> None:
    in_credentials_file("")(home)
    hidden = Path(os.environ["AWS_SHARED_CREDENTIALS_FILE"])
    assert credentials_files(os.environ) == [hidden, home / ".aws" / "credentials"]
    in_credentials_file("[work]\n")(home)
    assert credentials_files(os.environ) == [hidden]
