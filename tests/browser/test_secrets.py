"""A sign-in leaves nothing secret in any file of the notebook, of JupyterLab or of IPython."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from cognito_jupyter.local import LocalCognito

from .conftest import OpenFile, OpenNotebook
from .kernel_pool import KernelPool
from .lab_settings import DOCUMENTS, WIDGETS, ChangeSettings
from .notebook_page import LOAD, LOGIN, PANEL, NotebookPage

WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
# Parts of an authorization URL and response; the panel's picture shows the last two with dots for their values.
PARTS = ("/oauth2/authorize", "code_challenge", "nonce=", "state=", "code=")
PICTURE = ("code=…&amp;state=…", "code=\\u2026&amp;state=\\u2026")

# JupyterLab's own text for a widget without a kernel, or the panel's.
PLACEHOLDER_TEXT = re.compile(r"^\s*(Error displaying widget: model not found|A sign-in panel was shown here\..*)\s*$")
TRUSTED = "() => window.jupyterapp.shell.currentWidget.content.model.cells.get(1).trusted"


def parts_in(text: str) -> list[str]:
    """Returns which parts of an authorization URL or response a text holds."""
    for drawn in PICTURE:
        text = text.replace(drawn, "")
    return [part for part in PARTS if part in text]


def secrets_of(cognito: LocalCognito, *addresses: str) -> set[str]:
    """Returns all secrets that Cognito issued or received, and the parameters of the browser's URLs."""
    parameters = {values[0] for address in addresses for values in parse_qs(urlsplit(address).query).values()}
    return {secret for secret in cognito.secrets | parameters if len(secret) > 7}


def files_with(secrets: set[str], *folders: Path) -> list[str]:
    """Returns the files that hold any of them."""
    paths = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return [path.name for path in paths if any(secret.encode() in path.read_bytes() for secret in secrets)]


def test_nothing_secret_is_saved_with_the_widgets(  # noqa: PLR0913, PLR0917 - each is a place to search or to act
    open_notebook: OpenNotebook,
    cognito: LocalCognito,
    remote_redirect: str,
    lab_settings: ChangeSettings,
    lab_files: Path,
    notebooks: Path,
) -> None:
    """With the widget state in the file, and a wrong paste before the right one; the search must find what is there."""
    lab_settings(WIDGETS, {"saveState": True})
    notebook = open_notebook(f"{LOAD}\n{remote_redirect}", LOGIN, PANEL)
    notebook.run_cells(0)
    notebook.start_cell(1)
    address = notebook.sign_in_by_link()
    notebook.paste("https://hub.example.org/?code=pastedbymistake&state=def")
    notebook.expect_panel_text("belongs to another sign-in")
    notebook.paste(address)
    notebook.run_cells(2)
    saved = notebook.save()
    assert WIDGET_STATE in saved
    assert "Sign out" in saved
    assert parts_in(saved) == []
    secrets = secrets_of(cognito, address) | {"pastedbymistake"}
    assert files_with(secrets, notebooks, lab_files) == []
    found = files_with({LOGIN}, notebooks, lab_files)
    assert "history.sqlite" in found
    assert f"{notebook.path.stem}-checkpoint.ipynb" in found


def test_an_autosave_during_the_login_contains_no_link(
    open_notebook: OpenNotebook, lab_settings: ChangeSettings
) -> None:
    """JupyterLab saves automatically every two minutes, so this happens to a user who takes a while to sign in."""
    lab_settings(WIDGETS, {"saveState": True})
    lab_settings(DOCUMENTS, {"autosaveInterval": 1})
    notebook = open_notebook(LOAD, LOGIN)
    notebook.run_cells(0)
    notebook.start_cell(1)
    expect(notebook.sign_in_link).to_be_visible()
    notebook.cell(0).locator(".cm-content").click()
    saved = type_until_saved(notebook, "# so that there is something to save")
    assert WIDGET_STATE in saved
    assert "Cancel" in saved
    assert parts_in(saved) == []


def type_until_saved(notebook: NotebookPage, text: str) -> str:
    """Types a text, and then spaces until the notebook's file holds it; returns the content of the file.

    JupyterLab marks a notebook as saved when a save ends, even if the user has typed during the save.
    """
    notebook.page.keyboard.type(text)
    while text not in (saved := notebook.path.read_text(encoding="utf-8")):
        notebook.page.keyboard.type(" ")
        notebook.page.wait_for_timeout(500)
    return saved


@pytest.mark.parametrize("trusted", [True, False], ids=["trusted", "untrusted"])
@pytest.mark.parametrize("state_saved", [False, True], ids=["as usual", "with widget state"])
def test_a_notebook_opened_again_shows_only_text(  # noqa: PLR0913, PLR0917 - two of them are the cases
    open_notebook: OpenNotebook,
    open_file: OpenFile,
    kernel_pool: KernelPool,
    lab_settings: ChangeSettings,
    trusted: bool,
    state_saved: bool,
) -> None:
    """With a new kernel; as this user saved the notebook, and as another user would have sent it."""
    lab_settings(WIDGETS, {"saveState": True} if state_saved else {})
    notebook = open_notebook(LOAD, PANEL)
    notebook.run_cells(0, 1)
    expect(notebook.sign_in_link).to_be_visible()
    saved = notebook.save()
    assert (WIDGET_STATE in saved) is state_saved
    assert parts_in(saved) == []
    path = notebook.path.with_name(f"{notebook.path.stem}-again.ipynb")
    # Jupyter trusts only exactly what this user has run.
    path.write_text(saved if trusted else saved.replace("%load_ext", "%reload_ext"), encoding="utf-8")
    again = open_file(path)
    assert again.page.evaluate(TRUSTED) is trusted
    output = again.cell(1).locator(".jp-OutputArea-output")
    expect(output).to_have_text(PLACEHOLDER_TEXT, use_inner_text=True)
    expect(output.get_by_role("link")).to_have_count(0)
    expect(output.get_by_role("button")).to_have_count(0)
    expect(output.get_by_role("textbox")).to_have_count(0)
    kernel_pool.shut_down_kernel_of(path)
