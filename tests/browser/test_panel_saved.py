"""What a save finds in the middle of a sign-in, with the widget state in the file: nothing that could be used."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from cognito_jupyter.local import LocalCognito
from tests.browser.conftest import WIDGETS, Open, Settings

LOAD = "%load_ext cognito_jupyter"
SECRET = re.compile(r"oauth2/authorize\?|[?&](state|nonce|code)=")


def test_a_save_while_it_waits_holds_no_link(open_book: Open, lab_settings: Settings) -> None:
    """JupyterLab saves by itself every two minutes, so this happens to whoever takes a while to sign in."""
    lab_settings(WIDGETS, {"saveState": True})
    book = open_book(LOAD, "%cognito_login", "%cognito_panel")
    book.run(0)
    book.run(1)
    expect(book.link()).to_be_visible()
    saved = book.save()
    assert "application/vnd.jupyter.widget-state+json" in saved
    assert "Cancel" in saved
    assert SECRET.findall(saved) == []


def test_a_save_while_the_kernel_is_busy_holds_nothing_that_was_pasted(
    open_book: Open, far: str, lab_settings: Settings, cognito: LocalCognito
) -> None:
    """The box is emptied in the browser: a kernel that runs another cell could only do it later."""
    lab_settings(WIDGETS, {"saveState": True})
    book = open_book(f"{LOAD}\n{far}", "%cognito_panel", "import time\nfor _ in range(400): time.sleep(0.05)")
    book.run(0)
    book.run(1)
    address = book.sign_in()
    book.run(2)
    book.paste(address)
    assert book.address().count() == 0 or book.address().input_value() == ""
    saved = book.save()
    assert "application/vnd.jupyter.widget-state+json" in saved
    assert SECRET.findall(saved) == []
    expect(book.panel).to_contain_text("You are signed in")
