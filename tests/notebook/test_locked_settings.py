"""What the system's file forbids, in a notebook's magics, panel and code, and at a terminal."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cognito_jupyter.local import LocalCognito
from tests.support.forked_commands import Commands
from tests.support.notebook import Notebook, started_notebook
from tests.support.shared_kernels import store_sign_in

PANEL_CHOICE = "get_ipython().magics_manager.registry['CognitoMagics'].state.controller.set_remember(True)"
PANEL_BOX = (
    "import ipywidgets\n"
    "from cognito_jupyter import LoginPanel\n"
    "panel = LoginPanel()\n"
    "boxes = [each for each in panel.children if isinstance(each, ipywidgets.Checkbox)]\n"
    "print([(box.value, box.disabled) for box in boxes])"
)


@pytest.fixture
def system_file(environment: dict[str, str], tmp_path: Path) -> Path:
    folder = tmp_path / "system"
    folder.mkdir()
    environment["COGNITO_JUPYTER_FOLDER"] = str(tmp_path)
    return folder / "cognito.toml"


@pytest.fixture
def locked(cognito: LocalCognito, environment: dict[str, str], system_file: Path) -> Iterator[Notebook]:
    """A notebook on a computer whose administrator forbids to remember and to share."""
    system_file.write_text('remember = false\nlocked = ["share"]\n')
    with started_notebook(cognito, environment) as notebook:
        yield notebook


@pytest.fixture
def run_command(commands: Commands, environment: dict[str, str]) -> Callable[..., str]:
    """Runs `cognito-jupyter` with some arguments, and returns what it prints."""

    def run(*arguments: str) -> str:
        ended = commands.run(arguments, environment)
        return ended.stdout + ended.stderr

    return run


def stored_files(environment: dict[str, str]) -> list[str]:
    folder = Path(environment["COGNITO_JUPYTER_FOLDER"]) / "state" / "sign-ins"
    return [name for name in os.listdir(folder) if name.endswith(".sign-in")] if folder.exists() else []


def test_nothing_is_stored_where_the_administrator_forbids_it(
    locked: Notebook, environment: dict[str, str], system_file: Path, run_command: Callable[..., str]
) -> None:
    assert f"remember is locked by {system_file}" in locked.error("%cognito_login --remember")
    assert "remember is locked" in locked.error("import cognito_jupyter\nawait cognito_jupyter.login(remember=True)")
    locked.text(f"%config CognitoMagics.remember = True\n%cognito_login --no-browser\n{PANEL_CHOICE}")
    assert "no, only until this kernel ends" in locked.text("%cognito_status")
    locked.text(f"{PANEL_CHOICE}\n%cognito_login --fresh --no-browser")
    assert "does not allow to stay signed in on it" in run_command("login")
    assert str(system_file) in run_command("login")
    assert not stored_files(environment)
    locked.text("%cognito_logout")
    assert locked.text(PANEL_BOX).strip() == "[(False, True)]"


def test_nothing_is_shared_where_the_administrator_forbids_it(locked: Notebook, system_file: Path) -> None:
    assert f"share is locked by {system_file}" in locked.error("%cognito_login --share")
    locked.text("%config CognitoMagics.share = True\n%cognito_login")
    assert "Shared" not in locked.text("%cognito_status")
    forbidden = f"The administrator of this computer does not allow to share a sign-in: see {system_file}."
    for code in ("%cognito_share", "import cognito_jupyter.sharing\ncognito_jupyter.sharing.share(cognito)"):
        assert forbidden in locked.error(code)
    assert forbidden in locked.error("cognito_jupyter.sharing.dask(cognito, None)")
    assert "AWS_CONTAINER" not in locked.value("sorted(__import__('os').environ)")


@pytest.mark.parametrize("where", ["notebook", "terminal"])
def test_what_was_stored_before_is_not_used_and_can_be_removed(
    cognito: LocalCognito, environment: dict[str, str], system_file: Path, run_command: Callable[..., str], where: str
) -> None:
    store_sign_in(cognito, system_file.parents[1] / "state" / "sign-ins")
    (name,) = stored_files(environment)
    system_file.write_text("remember = false\n")
    fetched = run_command("credential-process", name.removesuffix(".sign-in"), cognito.roles["Uploader"])
    assert "does not allow to stay signed in on it" in fetched
    with started_notebook(cognito, environment) as notebook:
        assert "You are not signed in. Run %cognito_login." in notebook.text("%cognito_status")
        if where == "notebook":
            assert "Signed out" in notebook.text("%cognito_logout")
        else:
            assert "Signed out" in run_command("logout")
    assert not stored_files(environment)
