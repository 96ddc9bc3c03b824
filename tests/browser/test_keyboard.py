"""A sign-in by keyboard only, from the cell to signing out again."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from cognito_jupyter.local import LocalCognito

from .conftest import OpenNotebook
from .notebook_page import LOAD, PANEL, is_authorization_response

_MAX_TABS = 40


def tab_to(page: Page, target: Locator) -> None:
    """Presses Tab until an element has the focus."""
    expect(target).to_be_visible()
    for _ in range(_MAX_TABS):
        page.keyboard.press("Tab")
        if target.evaluate("(node) => node === document.activeElement"):
            return
    raise AssertionError(f"{_MAX_TABS} presses of Tab did not reach it.")


def test_signing_in_and_out_by_keyboard_only(open_notebook: OpenNotebook, cognito: LocalCognito) -> None:
    """Paste box, link, form, role and sign-out; the tab order is the visible order."""
    notebook = open_notebook(LOAD, PANEL)
    keyboard = notebook.page.keyboard
    for index in range(2):
        keyboard.press("Control+Enter" if index else "Shift+Enter")
        notebook.wait_for_cell(index)
    tab_to(notebook.page, notebook.panel.locator("summary"))
    keyboard.press("Enter")
    expect(notebook.paste_field).to_be_focused()
    keyboard.press("Shift+Tab")
    keyboard.press("Shift+Tab")
    expect(notebook.sign_in_link).to_be_focused()
    with notebook.page.context.expect_event("request", is_authorization_response) as sent:
        with notebook.page.context.expect_page() as opened:
            keyboard.press("Enter")
        page = opened.value
        expect(page.locator("#username")).to_be_focused()
        page.keyboard.type(cognito.demo_user.username)
        page.keyboard.press("Tab")
        page.keyboard.type(cognito.demo_user.password)
        page.keyboard.press("Enter")
    sent.value.response()
    page.close()
    notebook.expect_signed_in()
    role = notebook.panel.get_by_label("Role")
    tab_to(notebook.page, role)
    keyboard.press("ArrowDown")
    expect(role.locator("option:checked")).to_have_text("Uploader")
    tab_to(notebook.page, notebook.button("Sign out"))
    keyboard.press("Enter")
    notebook.expect_panel_text("You are not signed in")
