"""The panel in Notebook 7, which the same Jupyter Server shows at another address."""

from __future__ import annotations

from playwright.sync_api import expect

from ..book import LOAD, LOGIN, PANEL, READS_S3
from ..conftest import REMOTE_REDIRECT_URI, OpenNotebook


def test_signing_in_by_link_in_notebook_7(open_book: OpenNotebook) -> None:
    book = open_book(LOAD, LOGIN, READS_S3, front_end="notebook")
    expect(book.page.locator("body")).to_have_attribute("data-notebook", "notebooks")
    book.run_cells(0)
    book.start_cell(1)
    book.sign_in_by_link()
    book.expect_signed_in()
    book.run_cells(2)
    book.expect_output(2, "True")


def test_an_address_is_pasted_into_a_blocked_cell_of_notebook_7(open_book: OpenNotebook, far: str) -> None:
    book = open_book(f"{LOAD}\n{far}", LOGIN, READS_S3, front_end="notebook")
    book.run_cells(0)
    book.start_cell(1)
    address = book.sign_in_by_link()
    assert address.startswith(REMOTE_REDIRECT_URI)
    book.paste_field.fill(address)
    book.expect_signed_in()
    book.run_cells(2)
    book.expect_output(2, "True")


def test_the_panel_in_a_free_kernel_of_notebook_7(open_book: OpenNotebook) -> None:
    book = open_book(LOAD, PANEL, READS_S3, front_end="notebook")
    book.run_cells(0, 1)
    book.button("Cancel").click()
    book.button("Try again").click()
    book.sign_in_by_link()
    book.expect_signed_in()
    book.run_cells(2)
    book.expect_output(2, "True")
    book.button("Sign out").click()
    book.expect_panel_text("You are not signed in")
