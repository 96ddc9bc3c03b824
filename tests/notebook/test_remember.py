"""Remembered sign-ins: real kernels that share one, and the file in which it is stored."""

from __future__ import annotations

import json
import stat
from importlib.util import find_spec
from pathlib import Path

import pytest

from cognito_jupyter.local import LocalCognito
from tests.support.notebook import READS_S3, started_notebook
from tests.support.shared_kernels import refresh_token_of, restart_kernel, store_sign_in
from tests.support.systems import ON_WINDOWS, needs_modes

REFRESH = "cognito.refresh_user_pool_tokens() and None"


@pytest.fixture
def home(tmp_path: Path, environment: dict[str, str]) -> Path:
    """Where kernels store sign-ins."""
    environment["COGNITO_JUPYTER_FOLDER"] = str(tmp_path / "ours")
    return tmp_path / "ours" / "state" / "sign-ins"


def stored_files(home: Path) -> list[Path]:
    return [path for path in home.iterdir() if path.suffix != ".lock"] if home.exists() else []


@pytest.fixture
def stored_by_a_kernel(cognito: LocalCognito, environment: dict[str, str], home: Path) -> Path:
    """The file of a sign-in that an earlier kernel has stored."""
    with started_notebook(cognito, environment) as notebook:
        notebook.text("%cognito_login --role-suffix Analyst --remember")
    (path,) = stored_files(home)
    return path


@pytest.fixture
def stored_file(cognito: LocalCognito, environment: dict[str, str], home: Path) -> Path:
    """The same, stored by this process, which takes a tenth of the time."""
    return store_sign_in(cognito, home)


def test_nothing_is_stored_unless_remember_is_requested(
    cognito: LocalCognito, environment: dict[str, str], home: Path
) -> None:
    with started_notebook(cognito, environment) as notebook:
        assert "no, only until this kernel ends" in notebook.text("%cognito_login")
        notebook.text(REFRESH)
        notebook.text("%cognito_login -r Uploader")
    assert not home.parent.exists()


def test_a_new_kernel_signs_in_without_a_user_and_without_any_request(
    cognito: LocalCognito, environment: dict[str, str], stored_by_a_kernel: Path
) -> None:
    before = cognito.counts.copy()
    with started_notebook(cognito, environment) as notebook:
        assert f"yes, on this computer, in {stored_by_a_kernel}" in notebook.text(
            "%cognito_login --role-suffix Analyst"
        )
        assert cognito.counts == before
        assert notebook.text(READS_S3) == "361\n"
        assert notebook.user.login_count == 0
    assert ON_WINDOWS or stat.S_IMODE(stored_by_a_kernel.stat().st_mode) == 0o600
    assert ON_WINDOWS or stat.S_IMODE(stored_by_a_kernel.parent.stat().st_mode) == 0o700


def test_a_new_kernel_that_signs_in_from_the_store_imports_nothing_of_a_login(
    cognito: LocalCognito, environment: dict[str, str], stored_file: Path
) -> None:
    """Its listener, its pages and its prompt would take a quarter of the time."""
    with started_notebook(cognito, environment) as notebook:
        assert "Signed in" in notebook.text("%cognito_login --role-suffix Analyst")
        loaded = notebook.text("import sys; print(*sys.modules)").split()
    login = {"oauth.login", "oauth.callback.server", "oauth.relay.listener", "oauth.browser", "notebook.panel"}
    login |= {"notebook.display.login_prompt", "notebook.display.panel_output", "notebook.kernel.widget_check"}
    login |= {"notebook.display.login_views", "notebook.options"}
    modules = {f"cognito_jupyter.{name}" for name in login}
    assert all(map(find_spec, modules))  # none has been renamed
    assert "cognito_jupyter.credentials.manager" in loaded
    assert not modules & set(loaded)


def test_a_notebook_without_an_interactive_front_end_signs_in_from_the_store(
    cognito: LocalCognito, environment: dict[str, str], stored_file: Path
) -> None:
    with started_notebook(cognito, environment, allow_stdin=False) as notebook:
        assert "Signed in" in notebook.text("%cognito_login --role-suffix Uploader")
        assert notebook.text(READS_S3) == "361\n"


def test_the_domain_of_a_remembered_sign_in_needs_no_request(
    cognito: LocalCognito, environment: dict[str, str], stored_file: Path
) -> None:
    del environment["COGNITO_DOMAIN"]
    before = cognito.counts.copy()
    with started_notebook(cognito, environment) as notebook:
        assert "Signed in" in notebook.text("%cognito_login --role-suffix Analyst")
        assert cognito.counts == before


def test_fresh_always_logs_in_and_the_new_sign_in_replaces_the_stored_one(
    cognito: LocalCognito, environment: dict[str, str], stored_file: Path
) -> None:
    before = stored_file.read_bytes()
    with started_notebook(cognito, environment) as notebook:
        notebook.text("%cognito_login --fresh")
        assert notebook.user.login_count == 1
        notebook.text("%cognito_login --fresh")
        assert notebook.user.login_count == 2
    assert stored_file.read_bytes() != before


def test_signing_out_in_one_notebook_signs_out_all_and_removes_the_file(
    cognito: LocalCognito, environment: dict[str, str], stored_file: Path
) -> None:
    with started_notebook(cognito, environment) as first, started_notebook(cognito, environment) as second:
        for notebook in (first, second):
            notebook.text("%cognito_login --role-suffix Analyst")
        first.text("%cognito_logout")
        assert stored_files(stored_file.parent) == []
        assert "You signed out on this computer" in second.error(REFRESH)
        assert stored_files(stored_file.parent) == []
        second.text("%cognito_login")
        assert second.user.login_count == 1
        assert stored_files(stored_file.parent) == []


def test_a_sign_in_ended_by_the_user_pool_needs_a_new_login_and_is_stored_again(
    cognito: LocalCognito, environment: dict[str, str], stored_file: Path
) -> None:
    with started_notebook(cognito, environment) as notebook:
        notebook.text("%cognito_login --role-suffix Analyst")
        notebook.text("cognito.authenticator.revoke(cognito.auth_tokens['refresh_token'])")
    before = stored_file.read_bytes()
    with started_notebook(cognito, environment) as notebook:
        notebook.text("%cognito_login --role-suffix Analyst")
        assert "Sign in again: %cognito_login" in notebook.error(REFRESH)
        notebook.text("%cognito_login")
        assert notebook.user.login_count == 1
        notebook.text(REFRESH)
    assert stored_file.read_bytes() != before


def test_a_new_kernel_knows_that_a_remembered_sign_in_has_ended_without_any_request(
    cognito: LocalCognito, environment: dict[str, str], stored_file: Path
) -> None:
    manager = restart_kernel(stored_file.parent)
    assert manager.authenticator is not None
    manager.authenticator.revoke(refresh_token_of(manager))
    with pytest.raises(PermissionError):
        manager.refresh_user_pool_tokens()
    before = cognito.counts.copy()
    with started_notebook(cognito, environment, allow_stdin=False) as notebook:
        assert "the sign-in stored on this computer has ended" in notebook.text("%cognito_status")
        for _ in range(2):
            assert "The sign-in has ended" in notebook.error("%cognito_login --role-suffix Analyst")
        assert cognito.counts == before
        assert "Signed out" in notebook.text("%cognito_logout")
    assert stored_files(stored_file.parent) == []


def test_a_notebook_without_a_login_shows_and_ends_the_remembered_sign_in(
    cognito: LocalCognito, environment: dict[str, str], stored_file: Path
) -> None:
    with started_notebook(cognito, environment) as notebook:
        assert str(stored_file) in notebook.text("%cognito_status")
        assert "Signed out" in notebook.text("%cognito_logout")
        assert stored_files(stored_file.parent) == []
        assert cognito.counts[cognito.REVOKE]
        assert "You are not signed in" in notebook.text("%cognito_status")
        assert notebook.user.login_count == 0


def test_another_role_of_a_remembered_sign_in_is_selected_without_a_user(
    cognito: LocalCognito, environment: dict[str, str], stored_file: Path
) -> None:
    with started_notebook(cognito, environment) as notebook:
        assert "This sign-in allows: Analyst, Uploader." in notebook.error("%cognito_login -r Nobody")
        assert "role cognito-jupyter-Uploader" in notebook.text("%cognito_login -r Uploader")
        assert notebook.user.login_count == 0


def test_a_setting_turns_remembering_on_and_off(cognito: LocalCognito, environment: dict[str, str], home: Path) -> None:
    with started_notebook(cognito, environment) as notebook:
        notebook.text("%config CognitoMagics.remember = True")
        notebook.text("%cognito_login")
        assert len(stored_files(home)) == 1
    with started_notebook(cognito, environment) as notebook:
        notebook.text("%config CognitoMagics.remember = False")
        notebook.text("%cognito_login")
        assert notebook.user.login_count == 1


@needs_modes
def test_an_untrusted_folder_is_reported_and_the_sign_in_still_works(
    cognito: LocalCognito, environment: dict[str, str], home: Path
) -> None:
    home.mkdir(parents=True)
    home.chmod(0o755)
    with started_notebook(cognito, environment) as notebook:
        shown = notebook.text("%cognito_login --remember -r Analyst")
        assert "This sign-in lasts as long as its kernel." in shown
        assert "chmod 700" in shown
        assert notebook.text(READS_S3) == "361\n"
    assert stored_files(home) == []


def test_no_stored_secret_is_in_any_output(
    cognito: LocalCognito, environment: dict[str, str], stored_by_a_kernel: Path
) -> None:
    with started_notebook(cognito, environment) as notebook:
        lines = ("%cognito_login", "%cognito_status", "cognito.shared_sign_in", "vars(cognito)")
        runs = [notebook.run(line) for line in lines]
        assert [run.error for run in runs] == [None] * len(lines)
        shown = json.dumps([[run.outputs, run.error, run.text] for run in runs])
    secrets = [secret for secret in cognito.secrets if secret and secret in stored_by_a_kernel.read_text("ascii")]
    assert len(secrets) >= 5
    assert not [secret for secret in secrets if secret in shown]


def wrong_character(path: Path) -> None:
    content = path.read_bytes()
    position = content.index(b"\nid_token\t") + 200
    path.write_bytes(content[:position] + b"!" + content[position + 1 :])


def test_a_damaged_file_is_named_and_a_login_goes_on_and_a_logout_deletes_it(
    cognito: LocalCognito, environment: dict[str, str], stored_file: Path
) -> None:
    wrong_character(stored_file)
    revoked = cognito.counts[cognito.REVOKE]
    with started_notebook(cognito, environment) as notebook:
        shown = notebook.text("%cognito_login")
        assert f"{stored_file} is damaged, and was set aside as {stored_file.name}.set-aside-1" in shown
        assert "no, only until this kernel ends" in shown
        notebook.text(REFRESH)
        notebook.text("%cognito_logout")
    assert stored_files(stored_file.parent) == []
    assert cognito.counts[cognito.REVOKE] == revoked + 2  # of this sign-in, and of the damaged file's


def test_a_logout_in_a_new_kernel_deletes_a_damaged_file_and_revokes_its_token(
    cognito: LocalCognito, environment: dict[str, str], stored_file: Path
) -> None:
    wrong_character(stored_file)
    revoked = cognito.counts[cognito.REVOKE]
    with started_notebook(cognito, environment) as notebook:
        assert f"{stored_file.name}.set-aside-1" in notebook.text("%cognito_logout")
        assert "You are not signed in." in notebook.text("%cognito_logout")
    assert stored_files(stored_file.parent) == []
    assert cognito.counts[cognito.REVOKE] == revoked + 1


def test_a_file_damaged_during_work_is_named_and_the_logout_deletes_it(
    cognito: LocalCognito, environment: dict[str, str], home: Path
) -> None:
    with started_notebook(cognito, environment) as notebook:
        notebook.text("%cognito_login --remember")
        (path,) = stored_files(home)
        wrong_character(path)
        assert f"{path} is damaged, and was set aside as {path.name}.set-aside-1" in notebook.text(REFRESH)
        assert "361" in notebook.text(READS_S3)
        notebook.text("%cognito_logout")
    assert stored_files(home) == []


def test_a_user_without_a_home_signs_in_and_learns_why_it_is_not_remembered(
    cognito: LocalCognito, environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment["COGNITO_JUPYTER_FOLDER"] = "~/.local"  # which begins as the default does where there is no home
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    with started_notebook(cognito, environment) as notebook:
        shown = notebook.text("%cognito_login --remember")
        assert "no, only until this kernel ends" in shown
        assert "has no home folder on this computer, so no sign-in can be read or stored." in shown
        assert "Signed out" in notebook.text("%cognito_logout")
    assert not list((tmp_path / "work").iterdir())
