"""COGNITO_JUPYTER_FOLDER: one folder for all files, which the tests and the demo have in place of the developer's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cognito_jupyter._util.folders.private import FOLDER_VARIABLE, user_folder
from cognito_jupyter.credentials.store.files import state_directory
from cognito_jupyter.demo.jupyterlab import clean_environment
from cognito_jupyter.settings.toml_file import system_paths, user_path
from tests.conftest import require_temporary_folders


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_every_file_is_below_it_on_every_system(platform: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    paths = [user_path(), user_folder("state"), Path(state_directory()), system_paths()[0]]
    assert [path.relative_to(tmp_path).parts for path in paths] == [
        ("config", "cognito.toml"),
        ("state",),
        ("state", "sign-ins"),
        ("system", "cognito.toml"),
    ]


@pytest.mark.parametrize("value", [None, "", " "])
def test_without_it_the_tests_end_before_they_touch_a_file_of_the_developers(
    value: str | None, own_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name)
    monkeypatch.setenv(FOLDER_VARIABLE, value) if value is not None else monkeypatch.delenv(FOLDER_VARIABLE)
    with pytest.raises(
        pytest.exit.Exception, match=r"The tests would use /.*They run only with COGNITO_JUPYTER_FOLDER"
    ):
        require_temporary_folders(own_environment)


def test_the_demo_has_one_in_its_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, "/the/users/own")
    assert Path(clean_environment(tmp_path, {})[FOLDER_VARIABLE]).is_relative_to(tmp_path)


def test_a_project_that_uses_the_fixture_leaves_no_file_in_the_developers_folders(tmp_path: Path) -> None:
    (tmp_path / "test_project.py").write_text(
        "from cognito_jupyter.credentials.store.files import state_directory\n"
        "def test_folder(local_cognito_environment, tmp_path_factory):\n"
        "    assert state_directory().startswith(str(tmp_path_factory.getbasetemp()))\n",
        encoding="ascii",
    )
    environment = {name: value for name, value in os.environ.items() if name != FOLDER_VARIABLE}
    environment |= {"HOME": str(tmp_path / "home"), "PYTEST_ADDOPTS": ""}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    finished = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert "1 passed" in finished.stdout, finished.stdout + finished.stderr
