"""The panel in Notebook 7, which the same Jupyter Server shows at another address."""

from __future__ import annotations

from playwright.sync_api import expect

from ..book import LOAD, LOGIN, PANEL, READS_S3
from ..conftest import FAR, Open


def test_the_main_job_in_notebook_7(open_book: Open) -> None:
    book = open_book(LOAD, LOGIN, READS_S3, front_end="notebook")
    expect(book.page.locator("body")).to_have_attribute("data-notebook", "notebooks")
    book.run(0)
    book.start(1)
    book.sign_in()
    book.is_signed_in()
    book.run(2)
    book.shows(2, "True")


def test_an_address_is_pasted_into_a_blocked_cell_of_notebook_7(open_book: Open, far: str) -> None:
    book = open_book(f"{LOAD}\n{far}", LOGIN, READS_S3, front_end="notebook")
    book.run(0)
    book.start(1)
    address = book.sign_in()
    assert address.startswith(FAR)
    book.address.fill(address)
    book.is_signed_in()
    book.run(2)
    book.shows(2, "True")


def test_the_panel_in_a_free_kernel_of_notebook_7(open_book: Open) -> None:
    book = open_book(LOAD, PANEL, READS_S3, front_end="notebook")
    book.run(0, 1)
    book.button("Cancel").click()
    book.button("Try again").click()
    book.sign_in()
    book.is_signed_in()
    book.run(2)
    book.shows(2, "True")
    book.button("Sign out").click()
    book.says("You are not signed in")
