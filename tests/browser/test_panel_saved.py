"""What a save finds in the middle of a sign-in, with the widget state in the file: nothing that could be used."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import expect

from .book import LOAD, LOGIN, PANEL
from .conftest import WIDGETS, ChangeSettings, OpenNotebook
from .test_secrets import WIDGET_STATE, parts_in

# JupyterLab's own words for a widget whose kernel is not there, or ours.
PLACEHOLDER_TEXT = re.compile("Loading widget|model not found|run %cognito_panel for a new one")
BUSY = "import pathlib, time\nwhile not pathlib.Path({go!r}).exists(): time.sleep(0.1)"


def test_a_save_while_the_kernel_is_busy_contains_nothing_that_was_pasted(
    open_book: OpenNotebook, far: str, lab_settings: ChangeSettings, tmp_path: Path
) -> None:
    """The box is emptied in the browser: a kernel that runs another cell could only do it later."""
    lab_settings(WIDGETS, {"saveState": True})
    go = tmp_path / "go"
    book = open_book(f"{LOAD}\n{far}", PANEL, BUSY.format(go=str(go)))
    book.run_cells(0, 1)
    address = book.sign_in_by_link()
    book.start_cell(2)
    book.paste_field.fill(address)
    saved = book.save()
    assert WIDGET_STATE in saved
    assert parts_in(saved) == []
    go.touch()
    book.expect_signed_in()


def test_with_hide_person_no_file_names_the_user(open_book: OpenNotebook, lab_settings: ChangeSettings) -> None:
    """Where the setting says so, a saved notebook holds neither name nor e-mail."""
    lab_settings(WIDGETS, {"saveState": True})
    book = open_book(f"{LOAD}\n%config CognitoMagics.hide_person = True", LOGIN, "%cognito_status")
    book.run_cells(0)
    book.start_cell(1)
    book.sign_in_by_link()
    book.wait_for_cell(1)
    book.expect_signed_in()
    expect(book.panel).not_to_contain_text("demo")
    book.run_cells(2)
    saved = book.save()
    assert WIDGET_STATE in saved
    assert "demo" not in saved.replace("cognito-jupyter-demo", "")


def test_a_reopened_notebook_shows_text_instead_of_the_panel(
    open_book: OpenNotebook, lab_settings: ChangeSettings
) -> None:
    """Beside a kernel that was shut down, and in a notebook opened anew, nothing looks as if it could be clicked."""
    lab_settings(WIDGETS, {"saveState": True})
    book = open_book(LOAD, PANEL)
    book.run_cells(0, 1)
    expect(book.sign_in_link).to_be_visible()
    book.save()
    book.choose_menu_item("Kernel", "Shut Down Kernel")
    book.expect_panel_text("run %cognito_panel for a new one")
    expect(book.panel.get_by_role("button")).to_have_count(0)
    expect(book.panel.get_by_role("link")).to_have_count(0)
    book.page.reload()
    book.page.locator(".jp-Notebook .jp-CodeCell").first.wait_for(timeout=60_000)
    output = book.cell(1).locator(".jp-OutputArea-output")
    expect(output).to_have_text(PLACEHOLDER_TEXT)
    expect(output.get_by_role("button")).to_have_count(0)
    expect(output.get_by_role("link")).to_have_count(0)
