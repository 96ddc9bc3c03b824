"""A sign-in by keyboard alone, from the cell to signing out again."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from cognito_jupyter.local import LocalCognito

from .book import LOAD, PANEL, is_authorization_response
from .conftest import OpenNotebook

_MAX_TABS = 40


def tab_to(page: Page, target: Locator) -> None:
    """Presses Tab until something has the focus."""
    expect(target).to_be_visible()
    for _ in range(_MAX_TABS):
        page.keyboard.press("Tab")
        if target.evaluate("(node) => node === document.activeElement"):
            return
    raise AssertionError(f"{_MAX_TABS} times Tab did not lead there.")


def test_signing_in_and_out_by_keyboard_only(open_book: OpenNotebook, cognito: LocalCognito) -> None:
    """Link, form, role and sign-out; on the way the order is the one in which they are seen."""
    book = open_book(LOAD, PANEL)
    keyboard = book.page.keyboard
    for index in range(2):
        keyboard.press("Control+Enter" if index else "Shift+Enter")
        book.wait_for_cell(index)
    with book.page.context.expect_event("request", is_authorization_response) as sent:
        tab_to(book.page, book.sign_in_link)
        with book.page.context.expect_page() as opened:
            keyboard.press("Enter")
        page = opened.value
        expect(page.locator("#username")).to_be_focused()
        page.keyboard.type(cognito.demo_user.username)
        page.keyboard.press("Tab")
        page.keyboard.type(cognito.demo_user.password)
        page.keyboard.press("Enter")
    sent.value.response()
    page.close()
    book.expect_signed_in()
    role = book.panel.get_by_label("Role")
    tab_to(book.page, role)
    keyboard.press("ArrowDown")
    expect(role.locator("option:checked")).to_have_text("Uploader")
    tab_to(book.page, book.button("Sign out"))
    keyboard.press("Enter")
    book.expect_panel_text("You are not signed in")
