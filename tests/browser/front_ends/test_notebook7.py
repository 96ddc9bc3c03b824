"""The panel in Notebook 7, which the same Jupyter Server shows at another URL."""

from __future__ import annotations

from playwright.sync_api import expect

from ..conftest import REMOTE_REDIRECT_URI, OpenNotebook
from ..notebook_page import LOAD, LOGIN, PANEL, READS_S3


def test_signing_in_by_link_in_notebook_7(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(LOAD, LOGIN, READS_S3, front_end="notebook")
    expect(notebook.page.locator("body")).to_have_attribute("data-notebook", "notebooks")
    notebook.run_cells(0)
    notebook.start_cell(1)
    notebook.sign_in_by_link()
    notebook.expect_signed_in()
    notebook.run_and_expect(2, "True")


def test_an_address_is_pasted_into_a_blocked_cell_of_notebook_7(
    open_notebook: OpenNotebook, remote_redirect: str
) -> None:
    notebook = open_notebook(f"{LOAD}\n{remote_redirect}", LOGIN, READS_S3, front_end="notebook")
    notebook.run_cells(0)
    notebook.start_cell(1)
    address = notebook.sign_in_by_link()
    assert address.startswith(REMOTE_REDIRECT_URI)
    notebook.paste(address)
    notebook.expect_signed_in()
    notebook.run_and_expect(2, "True")


def test_the_panel_in_a_free_kernel_of_notebook_7(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(LOAD, PANEL, READS_S3, front_end="notebook")
    notebook.run_cells(0, 1)
    notebook.button("Cancel").click()
    notebook.button("Try again").click()
    notebook.sign_in_by_link()
    notebook.expect_signed_in()
    notebook.run_and_expect(2, "True")
    notebook.button("Sign out").click()
    notebook.expect_panel_text("You are not signed in")
