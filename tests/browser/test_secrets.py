"""What stays of a sign-in: nothing secret, in no file of the notebook, of JupyterLab or of IPython."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from cognito_jupyter.local import LocalCognito

from .book import LOAD, LOGIN, PANEL, NotebookPage
from .conftest import DOCUMENTS, WIDGETS, ChangeSettings, OpenFile, OpenNotebook
from .shelf import KernelPool

WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
# Parts of an authorization URL and of an answer; the panel's picture shows the last two with dots for their values.
PARTS = ("/oauth2/authorize", "code_challenge", "nonce=", "state=", "code=")
PICTURE = ("code=…&amp;state=…", "code=\\u2026&amp;state=\\u2026")

# JupyterLab's own words for a widget whose kernel is not there, or ours.
PLACEHOLDER_TEXT = re.compile(r"^\s*(Error displaying widget: model not found|A sign-in panel was shown here\..*)\s*$")
TRUSTED = "() => window.jupyterapp.shell.currentWidget.content.model.cells.get(1).trusted"


def parts_in(text: str) -> list[str]:
    """What of an authorization URL or of an answer is in a text."""
    for drawn in PICTURE:
        text = text.replace(drawn, "")
    return [part for part in PARTS if part in text]


def secrets_of(cognito: LocalCognito, *addresses: str) -> set[str]:
    """All that passed at Cognito, and what the browser's addresses held."""
    parameters = {values[0] for address in addresses for values in parse_qs(urlsplit(address).query).values()}
    return {secret for secret in cognito.secrets | parameters if len(secret) > 7}


def files_with(secrets: set[str], *folders: Path) -> list[str]:
    """The files that hold any of them."""
    paths = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return [path.name for path in paths if any(secret.encode() in path.read_bytes() for secret in secrets)]


def test_nothing_secret_is_saved_with_the_widgets(  # noqa: PLR0913, PLR0917 - each is a place to search or to act
    open_book: OpenNotebook,
    cognito: LocalCognito,
    far: str,
    lab_settings: ChangeSettings,
    lab_files: Path,
    notebooks: Path,
) -> None:
    """With the widget state in the file, and a wrong paste before the right one; the search finds what is there."""
    lab_settings(WIDGETS, {"saveState": True})
    book = open_book(f"{LOAD}\n{far}", LOGIN, PANEL)
    book.run_cells(0)
    book.start_cell(1)
    address = book.sign_in_by_link()
    book.paste_field.fill("https://hub.example.org/?code=pastedbymistake&state=def")
    book.expect_panel_text("belongs to another sign-in")
    book.paste_field.fill(address)
    book.run_cells(2)
    saved = book.save()
    assert WIDGET_STATE in saved
    assert "Sign out" in saved
    assert parts_in(saved) == []
    secrets = secrets_of(cognito, address) | {"pastedbymistake"}
    assert files_with(secrets, notebooks, lab_files) == []
    found = files_with({LOGIN}, notebooks, lab_files)
    assert "history.sqlite" in found
    assert f"{book.path.stem}-checkpoint.ipynb" in found


def test_an_autosave_during_the_login_contains_no_link(open_book: OpenNotebook, lab_settings: ChangeSettings) -> None:
    """JupyterLab saves by itself every two minutes, so this happens to whoever takes a while to sign in."""
    lab_settings(WIDGETS, {"saveState": True})
    lab_settings(DOCUMENTS, {"autosaveInterval": 1})
    book = open_book(LOAD, LOGIN)
    book.run_cells(0)
    book.start_cell(1)
    expect(book.sign_in_link).to_be_visible()
    book.cell(0).locator(".cm-content").click()
    book.page.keyboard.type("# so that there is something to save")
    saved = wait_for_file(book, "something to save")
    assert WIDGET_STATE in saved
    assert "Cancel" in saved
    assert parts_in(saved) == []


def wait_for_file(book: NotebookPage, text: str) -> str:
    """The notebook's file, once it holds a text."""
    while text not in (saved := book.path.read_text(encoding="utf-8")):
        book.page.wait_for_timeout(100)
    return saved


@pytest.mark.parametrize("state_saved", [False, True], ids=["as usual", "with widget state"])
@pytest.mark.parametrize("trusted", [True, False], ids=["trusted", "untrusted"])
def test_a_notebook_opened_again_shows_only_text(  # noqa: PLR0913, PLR0917 - two of them are the cases
    open_book: OpenNotebook,
    visit: OpenFile,
    shelf: KernelPool,
    lab_settings: ChangeSettings,
    trusted: bool,
    state_saved: bool,
) -> None:
    """With another kernel, in which nothing has run; as this person saved it, or as it came from somebody else."""
    lab_settings(WIDGETS, {"saveState": state_saved})
    book = open_book(LOAD, PANEL)
    book.run_cells(0, 1)
    expect(book.sign_in_link).to_be_visible()
    saved = book.save()
    assert (WIDGET_STATE in saved) is state_saved
    assert parts_in(saved) == []
    path = book.path.with_name(f"{book.path.stem}-again.ipynb")
    # Jupyter trusts what this person has run, to the character.
    path.write_text(saved if trusted else saved.replace("%load_ext", "%reload_ext"), encoding="utf-8")
    again = visit(path)
    assert again.page.evaluate(TRUSTED) is trusted
    output = again.cell(1).locator(".jp-OutputArea-output")
    expect(output).to_have_text(PLACEHOLDER_TEXT, use_inner_text=True)
    expect(output.get_by_role("link")).to_have_count(0)
    expect(output.get_by_role("button")).to_have_count(0)
    expect(output.get_by_role("textbox")).to_have_count(0)
    shelf.shut_down_kernel_of(path)
