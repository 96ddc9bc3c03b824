"""The panel on each supported version of ipykernel, with comms over subshells and without."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from ..conftest import REMOTE_REDIRECT_URI, OpenNotebook
from ..lab_settings import SUBSHELLS, ChangeSettings
from ..notebook_page import LOAD, LOGIN, PANEL, READS_S3
from .catalogue import MATRIX_KERNELS
from .conftest import KernelName

pytestmark = [
    pytest.mark.parametrize("version", MATRIX_KERNELS),
    pytest.mark.usefixtures("comms"),
]


@pytest.fixture(scope="module", params=["perCommTarget", "disabled"])
def comms(request: pytest.FixtureRequest, lab_settings_of_module: ChangeSettings) -> None:
    """Sets whether widgets' messages may pass a busy main shell; the first is JupyterLab's default."""
    lab_settings_of_module(SUBSHELLS, {"commsOverSubshells": request.param})


def test_after_a_stopped_login_the_next_one_receives_the_callback(
    open_notebook: OpenNotebook, kernel_of: KernelName, version: str
) -> None:
    notebook = open_notebook(
        LOAD, LOGIN, LOGIN, READS_S3, "import ipykernel; ipykernel.__version__", kernel=kernel_of(version)
    )
    notebook.run_cells(0)
    notebook.start_cell(1)
    expect(notebook.sign_in_link).to_be_visible()
    notebook.interrupt()
    notebook.expect_panel_text("The sign-in was not finished")
    # Before its end, an interrupted cell has the kernel drop the cells that were started behind it.
    notebook.wait_for_cell(1)
    notebook.start_cell(2)
    notebook.sign_in_by_link()
    notebook.expect_signed_in()
    notebook.run_cells(3, 4)
    notebook.expect_output(3, "True")
    notebook.expect_output(4, "'7." if version == "newest" else f"'{version}.")


def test_a_blocked_cell_accepts_a_pasted_address(
    open_notebook: OpenNotebook, remote_redirect: str, kernel_of: KernelName, version: str
) -> None:
    notebook = open_notebook(f"{LOAD}\n{remote_redirect}", LOGIN, READS_S3, kernel=kernel_of(version))
    notebook.run_cells(0)
    notebook.start_cell(1)
    address = notebook.sign_in_by_link()
    assert address.startswith(REMOTE_REDIRECT_URI)
    notebook.paste("https://hub.example.org/?code=abc&state=def")
    notebook.expect_panel_text("belongs to another sign-in")
    notebook.paste(address)
    notebook.expect_signed_in()
    notebook.run_and_expect(2, "True")


def test_a_panel_in_a_free_kernel_restarts_a_login_by_its_buttons(
    open_notebook: OpenNotebook, kernel_of: KernelName, version: str
) -> None:
    notebook = open_notebook(LOAD, PANEL, READS_S3, kernel=kernel_of(version))
    notebook.run_cells(0, 1)
    notebook.button("Cancel").click()
    notebook.button("Try again").click()
    notebook.sign_in_by_link()
    notebook.expect_signed_in()
    notebook.run_and_expect(2, "True")
    notebook.button("Sign out").click()
    notebook.expect_panel_text("You are not signed in")
