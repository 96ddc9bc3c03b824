"""Staying signed in on this computer: real kernels that share a sign-in, and the file it is kept in."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.kernel import Kernel
from tests.credentials.kernels import restarted, token_of
from tests.notebook.conftest import Notebook, Person

READS_S3 = (
    'body = session.client("s3").get_object(Bucket="cognito-jupyter-demo", Key="stars/measurements.csv")["Body"]\n'
    "print(len(body.read().splitlines()))"
)
REFRESH = "cognito.refresh_user_pool_tokens() and None"


@pytest.fixture
def home(tmp_path: Path, environment: dict[str, str]) -> Path:
    """Where kernels keep what they keep between runs."""
    environment["XDG_STATE_HOME"] = str(tmp_path / "state")
    return tmp_path / "state" / "cognito_jupyter" / "sign-ins"


@contextmanager
def started(cognito: LocalCognito, environment: dict[str, str], *, allow_stdin: bool = True) -> Iterator[Notebook]:
    """A kernel that has just started, with somebody in front of it."""
    with Kernel(environment, allow_stdin=allow_stdin) as kernel:
        notebook = Notebook(kernel, Person(cognito))
        notebook.text("%load_ext cognito_jupyter")
        yield notebook


def files(home: Path) -> list[Path]:
    return [path for path in home.iterdir() if path.suffix != ".lock"] if home.exists() else []


@pytest.fixture
def kept(cognito: LocalCognito, environment: dict[str, str], home: Path) -> Path:
    """The file of a sign-in that an earlier kernel has kept."""
    with started(cognito, environment) as notebook:
        notebook.text("%cognito_login --role-suffix Analyst --remember")
    (path,) = files(home)
    return path


def test_without_being_asked_for_nothing_is_kept(
    cognito: LocalCognito, environment: dict[str, str], home: Path
) -> None:
    with started(cognito, environment) as notebook:
        assert "no, it ends with this kernel" in notebook.text("%cognito_login")
        notebook.text(REFRESH)
        notebook.text("%cognito_login -r Uploader")
    assert not home.parent.exists()


def test_a_new_kernel_signs_in_without_a_person_and_without_any_call(
    cognito: LocalCognito, environment: dict[str, str], kept: Path
) -> None:
    before = cognito.counts.copy()
    with started(cognito, environment) as notebook:
        assert f"yes, on this computer, in {kept}" in notebook.text("%cognito_login --role-suffix Analyst")
        assert cognito.counts == before
        assert notebook.text(READS_S3) == "361\n"
        assert notebook.person.sign_ins == 0
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700


def test_a_notebook_that_runs_without_anybody_signs_in_too(
    cognito: LocalCognito, environment: dict[str, str], kept: Path
) -> None:
    with started(cognito, environment, allow_stdin=False) as notebook:
        assert "Signed in" in notebook.text("%cognito_login --role-suffix Uploader")
        assert notebook.text(READS_S3) == "361\n"


def test_no_network_is_asked_for_a_domain_that_is_kept(
    cognito: LocalCognito, environment: dict[str, str], kept: Path
) -> None:
    del environment["COGNITO_DOMAIN"]
    before = cognito.counts.copy()
    with started(cognito, environment) as notebook:
        assert "Signed in" in notebook.text("%cognito_login --role-suffix Analyst")
        assert cognito.counts == before


def test_fresh_asks_in_any_case_and_the_new_sign_in_takes_the_kept_ones_place(
    cognito: LocalCognito, environment: dict[str, str], kept: Path
) -> None:
    before = kept.read_bytes()
    with started(cognito, environment) as notebook:
        notebook.text("%cognito_login --fresh")
        assert notebook.person.sign_ins == 1
        notebook.text("%cognito_login --fresh")
        assert notebook.person.sign_ins == 2
    assert kept.read_bytes() != before


def test_signing_out_in_one_notebook_ends_it_for_all_and_removes_the_file(
    cognito: LocalCognito, environment: dict[str, str], kept: Path
) -> None:
    with started(cognito, environment) as first, started(cognito, environment) as second:
        for notebook in (first, second):
            notebook.text("%cognito_login --role-suffix Analyst")
        first.text("%cognito_logout")
        assert files(kept.parent) == []
        assert "You signed out on this computer" in second.error(REFRESH)
        assert files(kept.parent) == []
        second.text("%cognito_login")
        assert second.person.sign_ins == 1
        assert files(kept.parent) == []


def test_a_sign_in_that_the_user_pool_has_ended_is_asked_for_again_and_kept_again(
    cognito: LocalCognito, environment: dict[str, str], kept: Path
) -> None:
    with started(cognito, environment) as notebook:
        notebook.text("%cognito_login --role-suffix Analyst")
        notebook.text("cognito.authenticator.revoke(cognito.auth_tokens['refresh_token'])")
    before = kept.read_bytes()
    with started(cognito, environment) as notebook:
        notebook.text("%cognito_login --role-suffix Analyst")
        assert "Sign in again." in notebook.error(REFRESH)
        notebook.text("%cognito_login")
        assert notebook.person.sign_ins == 1
        notebook.text(REFRESH)
    assert kept.read_bytes() != before


def test_a_new_kernel_knows_that_a_kept_sign_in_has_ended_and_asks_nobody_but_the_person(
    cognito: LocalCognito, environment: dict[str, str], kept: Path
) -> None:
    manager = restarted(kept.parent)
    assert manager.authenticator is not None
    manager.authenticator.revoke(token_of(manager))
    with pytest.raises(PermissionError):
        manager.refresh_user_pool_tokens()
    before = cognito.counts.copy()
    with started(cognito, environment, allow_stdin=False) as notebook:
        assert "the sign-in that was kept on this computer has ended" in notebook.text("%cognito_status")
        for _ in range(2):
            assert "The sign-in has ended" in notebook.error("%cognito_login --role-suffix Analyst")
        assert cognito.counts == before
        assert "Signed out" in notebook.text("%cognito_logout")
    assert files(kept.parent) == []


def test_a_notebook_in_which_nobody_has_signed_in_shows_and_ends_what_is_kept(
    cognito: LocalCognito, environment: dict[str, str], kept: Path
) -> None:
    with started(cognito, environment) as notebook:
        assert str(kept) in notebook.text("%cognito_status")
        assert "Signed out" in notebook.text("%cognito_logout")
        assert files(kept.parent) == []
        assert cognito.counts["revoke"]
        assert "You are not signed in" in notebook.text("%cognito_status")
        assert notebook.person.sign_ins == 0


def test_another_role_of_a_kept_sign_in_is_taken_without_a_person(
    cognito: LocalCognito, environment: dict[str, str], kept: Path
) -> None:
    with started(cognito, environment) as notebook:
        assert "This sign-in allows: Analyst, Uploader." in notebook.error("%cognito_login -r Nobody")
        assert "role cognito-jupyter-Uploader" in notebook.text("%cognito_login -r Uploader")
        assert notebook.person.sign_ins == 0


def test_a_setting_remembers_and_a_setting_forbids(
    cognito: LocalCognito, environment: dict[str, str], home: Path
) -> None:
    with started(cognito, environment) as notebook:
        notebook.text("%config CognitoMagics.remember = True")
        notebook.text("%cognito_login")
        assert len(files(home)) == 1
    with started(cognito, environment) as notebook:
        notebook.text("%config CognitoMagics.remember = False")
        notebook.text("%cognito_login")
        assert notebook.person.sign_ins == 1


def test_a_folder_that_cannot_be_trusted_is_told_and_costs_nobody_the_sign_in(
    cognito: LocalCognito, environment: dict[str, str], home: Path
) -> None:
    home.mkdir(parents=True)
    home.chmod(0o755)
    with started(cognito, environment) as notebook:
        shown = notebook.text("%cognito_login --remember -r Analyst")
        assert "This sign-in lasts as long as its kernel." in shown
        assert "chmod 700" in shown
        assert notebook.text(READS_S3) == "361\n"
    assert files(home) == []


def test_what_is_kept_is_in_no_output(cognito: LocalCognito, environment: dict[str, str], kept: Path) -> None:
    with started(cognito, environment) as notebook:
        runs = [notebook.run(line) for line in ("%cognito_login", "%cognito_status", "cognito.keeper", "vars(cognito)")]
        shown = json.dumps([[run.outputs, run.error, run.text] for run in runs])
    secrets = [secret for secret in cognito.secrets if secret and secret in kept.read_text("ascii")]
    assert len(secrets) >= 5
    assert not [secret for secret in secrets if secret in shown]
