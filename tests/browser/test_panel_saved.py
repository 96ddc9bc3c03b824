"""What a save finds in the middle of a sign-in, with the widget state in the file: nothing that could be used."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import expect

from .book import LOAD, LOGIN, PANEL
from .conftest import WIDGETS, Open, Settings
from .test_secrets import WIDGET_STATE, parts_in

# JupyterLab's own words for a widget whose kernel is not there, or ours.
TEXT_OF_A_REOPENED_ONE = re.compile("Loading widget|model not found|run %cognito_panel for a new one")
BUSY = "import pathlib, time\nwhile not pathlib.Path({go!r}).exists(): time.sleep(0.1)"


def test_a_save_while_the_kernel_is_busy_holds_nothing_that_was_pasted(
    open_book: Open, far: str, lab_settings: Settings, tmp_path: Path
) -> None:
    """The box is emptied in the browser: a kernel that runs another cell could only do it later."""
    lab_settings(WIDGETS, {"saveState": True})
    go = tmp_path / "go"
    book = open_book(f"{LOAD}\n{far}", PANEL, BUSY.format(go=str(go)))
    book.run(0, 1)
    address = book.sign_in()
    book.start(2)
    book.address.fill(address)
    saved = book.save()
    assert WIDGET_STATE in saved
    assert parts_in(saved) == []
    go.touch()
    book.is_signed_in()


def test_who_is_signed_in_is_in_no_file(open_book: Open, lab_settings: Settings) -> None:
    """Where the setting says so, a saved notebook holds neither name nor e-mail."""
    lab_settings(WIDGETS, {"saveState": True})
    book = open_book(f"{LOAD}\n%config CognitoMagics.hide_person = True", LOGIN, "%cognito_status")
    book.run(0)
    book.start(1)
    book.sign_in()
    book.done(1)
    book.is_signed_in()
    expect(book.panel).not_to_contain_text("demo")
    book.run(2)
    saved = book.save()
    assert WIDGET_STATE in saved
    assert "demo" not in saved.replace("cognito-jupyter-demo", "")


def test_a_reopened_notebook_shows_text_in_place_of_the_panel(open_book: Open, lab_settings: Settings) -> None:
    """Beside a kernel that was shut down, and in a notebook opened anew, nothing looks as if it could be clicked."""
    lab_settings(WIDGETS, {"saveState": True})
    book = open_book(LOAD, PANEL)
    book.run(0, 1)
    expect(book.link).to_be_visible()
    book.save()
    book.choose("Kernel", "Shut Down Kernel")
    book.says("run %cognito_panel for a new one")
    expect(book.panel.get_by_role("button")).to_have_count(0)
    expect(book.panel.get_by_role("link")).to_have_count(0)
    book.page.reload()
    book.page.locator(".jp-Notebook .jp-CodeCell").first.wait_for(timeout=60_000)
    output = book.cell(1).locator(".jp-OutputArea-output")
    expect(output).to_have_text(TEXT_OF_A_REOPENED_ONE)
    expect(output.get_by_role("button")).to_have_count(0)
    expect(output.get_by_role("link")).to_have_count(0)
