"""The panel on each ipykernel that is supported, with JupyterLab's comms over subshells and without."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from ..book import LOAD, LOGIN, PANEL, READS_S3
from ..conftest import REMOTE_REDIRECT_URI, SUBSHELLS, ChangeSettings, OpenNotebook
from .conftest import KERNELS, KernelName

pytestmark = [pytest.mark.parametrize("version", KERNELS), pytest.mark.usefixtures("comms")]


@pytest.fixture(scope="module", params=["perCommTarget", "disabled"])
def comms(request: pytest.FixtureRequest, lab_settings_of_module: ChangeSettings) -> None:
    """Whether widgets' messages may pass a busy main shell; the first is JupyterLab's own default."""
    lab_settings_of_module(SUBSHELLS, {"commsOverSubshells": request.param})


def test_after_a_stopped_login_the_next_one_receives_the_callback(
    open_book: OpenNotebook, kernel_of: KernelName, version: str
) -> None:
    book = open_book(LOAD, LOGIN, LOGIN, READS_S3, "import ipykernel; ipykernel.__version__", kernel=kernel_of(version))
    book.run_cells(0)
    book.start_cell(1)
    expect(book.sign_in_link).to_be_visible()
    book.interrupt()
    book.expect_panel_text("The sign-in was not finished")
    book.start_cell(2)
    book.sign_in_by_link()
    book.expect_signed_in()
    book.run_cells(3, 4)
    book.expect_output(3, "True")
    book.expect_output(4, "'7." if version == "newest" else f"'{version}.")


def test_a_blocked_cell_accepts_a_pasted_address(
    open_book: OpenNotebook, far: str, kernel_of: KernelName, version: str
) -> None:
    book = open_book(f"{LOAD}\n{far}", LOGIN, READS_S3, kernel=kernel_of(version))
    book.run_cells(0)
    book.start_cell(1)
    address = book.sign_in_by_link()
    assert address.startswith(REMOTE_REDIRECT_URI)
    book.paste_field.fill("https://hub.example.org/?code=abc&state=def")
    book.expect_panel_text("belongs to another sign-in")
    book.paste_field.fill(address)
    book.expect_signed_in()
    book.run_cells(2)
    book.expect_output(2, "True")


def test_a_panel_in_a_free_kernel_restarts_a_login_by_its_buttons(
    open_book: OpenNotebook, kernel_of: KernelName, version: str
) -> None:
    book = open_book(LOAD, PANEL, READS_S3, kernel=kernel_of(version))
    book.run_cells(0, 1)
    book.button("Cancel").click()
    book.button("Try again").click()
    book.sign_in_by_link()
    book.expect_signed_in()
    book.run_cells(2)
    book.expect_output(2, "True")
    book.button("Sign out").click()
    book.expect_panel_text("You are not signed in")
