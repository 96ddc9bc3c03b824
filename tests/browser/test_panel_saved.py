"""What a save during a login writes, with the widget state in the file: nothing secret."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from .browser_session import BrowserSession
from .conftest import OpenNotebook
from .lab_settings import WIDGETS, ChangeSettings
from .notebook_page import LOAD, LOGIN, PANEL
from .test_secrets import WIDGET_STATE, parts_in

# JupyterLab's own text for a widget without a kernel, or the panel's.
PLACEHOLDER_TEXT = re.compile("Loading widget|model not found|run %cognito_panel for a new one")
BUSY = "import pathlib, time\nwhile not pathlib.Path({go!r}).exists(): time.sleep(0.1)"


def test_a_save_while_the_kernel_is_busy_contains_nothing_that_was_pasted(
    open_notebook: OpenNotebook, remote_redirect: str, lab_settings: ChangeSettings, tmp_path: Path
) -> None:
    """The browser empties the box: a kernel that runs another cell could only do it later."""
    lab_settings(WIDGETS, {"saveState": True})
    go = tmp_path / "go"
    notebook = open_notebook(f"{LOAD}\n{remote_redirect}", PANEL, BUSY.format(go=str(go)))
    notebook.run_cells(0, 1)
    address = notebook.sign_in_by_link()
    notebook.start_cell(2)
    notebook.paste(address)
    saved = notebook.save()
    assert WIDGET_STATE in saved
    assert parts_in(saved) == []
    go.touch()
    notebook.expect_signed_in()


def test_with_the_user_hidden_no_file_names_them(open_notebook: OpenNotebook, lab_settings: ChangeSettings) -> None:
    """With hide_person, a saved notebook holds neither name nor e-mail."""
    lab_settings(WIDGETS, {"saveState": True})
    notebook = open_notebook(f"{LOAD}\n%config CognitoMagics.hide_person = True", LOGIN, "%cognito_status")
    notebook.run_cells(0)
    notebook.start_cell(1)
    notebook.sign_in_by_link()
    notebook.wait_for_cell(1)
    notebook.expect_signed_in()
    expect(notebook.panel).not_to_contain_text("demo")
    notebook.run_cells(2)
    saved = notebook.save()
    assert WIDGET_STATE in saved
    assert "demo" not in saved.replace("cognito-jupyter-demo", "")


@pytest.fixture
def page_of_its_own(browser_session: BrowserSession) -> Iterator[None]:
    """Closes the page afterwards: a reloaded JupyterLab opens its notebook again a moment after that was closed."""
    yield
    browser_session.close_page()


@pytest.mark.usefixtures("page_of_its_own")
def test_a_reopened_notebook_shows_text_instead_of_the_panel(
    open_notebook: OpenNotebook, lab_settings: ChangeSettings
) -> None:
    """After the kernel was shut down, and in a notebook opened again, nothing looks clickable."""
    lab_settings(WIDGETS, {"saveState": True})
    notebook = open_notebook(LOAD, PANEL)
    notebook.run_cells(0, 1)
    expect(notebook.sign_in_link).to_be_visible()
    notebook.save()
    notebook.choose_menu_item("Kernel", "Shut Down Kernel")
    notebook.expect_panel_text("run %cognito_panel for a new one")
    expect(notebook.panel.get_by_role("button")).to_have_count(0)
    expect(notebook.panel.get_by_role("link")).to_have_count(0)
    notebook.page.reload()
    notebook.page.locator(".jp-Notebook .jp-CodeCell").first.wait_for(timeout=60_000)
    output = notebook.cell(1).locator(".jp-OutputArea-output")
    expect(output).to_have_text(PLACEHOLDER_TEXT)
    expect(output.get_by_role("button")).to_have_count(0)
    expect(output.get_by_role("link")).to_have_count(0)
