"""The panel in JupyterLab: signing in by a click, while a cell is blocked and while the kernel is free."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

from .conftest import REMOTE_REDIRECT_URI, OpenFile, OpenNotebook
from .notebook_page import LOAD, LOGIN, PANEL, READS_S3


def test_signing_in_by_a_click_on_the_panels_link(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(LOAD, LOGIN, READS_S3)
    notebook.run_cells(0)
    notebook.start_cell(1)
    notebook.sign_in_by_link()
    notebook.expect_signed_in()
    notebook.run_and_expect(2, "True")


def test_run_all_continues_after_the_sign_in_in_its_first_cell(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(f"{LOAD}\n{LOGIN}", READS_S3)
    notebook.run_all_cells()
    notebook.sign_in_by_link()
    notebook.expect_output(1, "True")


@pytest.mark.parametrize("blocked", [True, False], ids=["in a blocked cell", "in a free kernel"])
def test_a_browser_that_cannot_reach_the_kernel_pastes_the_address(
    open_notebook: OpenNotebook, remote_redirect: str, blocked: bool
) -> None:
    """On a remote kernel: one click, one form, one copy, one paste; the box is empty again immediately."""
    notebook = open_notebook(f"{LOAD}\n{remote_redirect}", LOGIN if blocked else PANEL, READS_S3)
    notebook.run_cells(0)
    notebook.start_cell(1)
    address = notebook.sign_in_by_link()
    assert address.startswith(REMOTE_REDIRECT_URI)
    notebook.paste(address)
    notebook.expect_signed_in()
    notebook.run_and_expect(2, "True")
    code = re.search(r"code=([^&]+)", address)
    assert code is not None
    assert code[1] not in notebook.save()


def test_a_panel_in_a_free_kernel_leaves_the_kernel_free(open_notebook: OpenNotebook) -> None:
    """The listener receives the callback there too, and cells run during the login."""
    notebook = open_notebook(LOAD, PANEL, "print(6 * 7)", READS_S3)
    notebook.run_cells(0, 1, 2)
    notebook.expect_output(2, "42")
    notebook.sign_in_by_link()
    notebook.expect_signed_in()
    notebook.run_and_expect(3, "True")


def test_a_wrong_address_is_explained_and_the_box_is_empty_again(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(LOAD, LOGIN)
    notebook.run_cells(0)
    notebook.start_cell(1)
    notebook.paste("https://hub.example.org/?code=abc&state=def")
    notebook.expect_panel_text("belongs to another sign-in")
    expect(notebook.paste_field).to_have_value("")
    expect(notebook.sign_in_link).to_be_visible()
    notebook.sign_in_by_link()
    notebook.expect_signed_in()


def test_the_stop_button_leaves_a_way_to_try_again(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(LOAD, LOGIN, READS_S3)
    notebook.run_cells(0)
    notebook.start_cell(1)
    expect(notebook.sign_in_link).to_be_visible()
    notebook.interrupt()
    notebook.expect_panel_text("The sign-in was not finished")
    notebook.button("Try again").click()
    notebook.sign_in_by_link()
    notebook.expect_signed_in()
    notebook.run_and_expect(2, "True")


def test_cancel_ends_the_cell_and_so_does_the_timeout(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(LOAD, LOGIN, f"{LOGIN} --timeout 2")
    notebook.run_cells(0)
    notebook.start_cell(1)
    notebook.button("Cancel").click()
    notebook.expect_output(1, "The sign-in was stopped")
    notebook.start_cell(2)
    notebook.expect_output(2, "The sign-in timed out")


PANEL_LOGIN = "%cognito_login --panel --role-suffix"
PRINT_ARN = 'print(session.client("sts").get_caller_identity()["Arn"])'
UNTIL_UPLOADER = """
import time
until = time.time() + 60
while "Uploader" not in (arn := session.client("sts").get_caller_identity()["Arn"]) and time.time() < until:
    time.sleep(0.1)
print(arn)
"""


def test_another_role_is_selected_by_the_drop_down(open_notebook: OpenNotebook) -> None:
    """Also while a cell runs: its next use of `session` has the new role."""
    notebook = open_notebook(LOAD, LOGIN, PANEL, UNTIL_UPLOADER)
    notebook.run_cells(0)
    notebook.start_cell(1)
    notebook.sign_in_by_link()
    notebook.wait_for_cell(1)
    notebook.panel.get_by_label("Role").select_option("Uploader")
    notebook.run_and_expect(3, "Uploader")


def test_login_with_panel_respects_the_other_arguments(open_notebook: OpenNotebook) -> None:
    """The cell does not wait, and the role is the one that it names, before the sign-in and after it."""
    notebook = open_notebook(LOAD, f"{PANEL_LOGIN} Uploader", UNTIL_UPLOADER, f"{PANEL_LOGIN} Analyst", PRINT_ARN)
    notebook.run_cells(0, 1)
    notebook.sign_in_by_link()
    notebook.expect_signed_in()
    notebook.run_and_expect(2, "Uploader")
    notebook.run_cells(3, 4)
    notebook.expect_output(4, "Analyst")


def test_all_panels_of_a_kernel_show_the_same_sign_in_and_sign_out(open_notebook: OpenNotebook) -> None:
    """Two panels of one kernel."""
    notebook = open_notebook(LOAD, PANEL, PANEL, "print('session' in globals())")
    notebook.run_cells(0, 1, 2)
    expect(notebook.panels).to_have_count(2)
    notebook.sign_in_by_link()
    for index in range(2):
        expect(notebook.panels.nth(index)).to_contain_text("You are signed in")
    notebook.button("Sign out").click()
    for index in range(2):
        expect(notebook.panels.nth(index)).to_contain_text("You are not signed in")
    notebook.run_and_expect(3, "False")


def test_two_browsers_on_one_kernel_show_the_same(
    open_notebook: OpenNotebook, open_file: OpenFile, chromium: Browser
) -> None:
    """If one of two users signs in, both see it."""
    notebook = open_notebook(LOAD, PANEL)
    notebook.run_cells(0, 1)
    expect(notebook.sign_in_link).to_be_visible()
    notebook.save()
    other_user = chromium.new_context()
    other = open_file(notebook.path, other_user)
    other.sign_in_by_link()
    notebook.expect_signed_in()
    other.expect_signed_in()
    notebook.button("Sign out").click()
    other.expect_panel_text("You are not signed in")
    other_user.close()


def test_a_sign_in_ended_by_the_server_is_restored_by_one_click(open_notebook: OpenNotebook) -> None:
    """The notebook's old session object works again."""
    ends = "cognito.authenticator.revoke(cognito.auth_tokens['refresh_token'])\ncognito.refresh_user_pool_tokens()"
    notebook = open_notebook(LOAD, LOGIN, "old = session", ends, READS_S3.replace("session.", "old."))
    notebook.run_cells(0)
    notebook.start_cell(1)
    notebook.sign_in_by_link()
    notebook.run_cells(2)
    notebook.start_cell(3)
    notebook.expect_output(3, "has ended")
    notebook.expect_panel_text("Your sign-in has ended")
    notebook.button("Sign in again").click()
    notebook.sign_in_by_link(form=False)
    notebook.expect_signed_in()
    notebook.run_and_expect(4, "True")


def test_a_restarted_kernel_needs_a_new_sign_in(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(LOAD, LOGIN)
    notebook.run_cells(0)
    notebook.start_cell(1)
    expect(notebook.sign_in_link).to_be_visible()
    notebook.restart_kernel()
    notebook.run_cells(0)
    notebook.start_cell(1)
    notebook.sign_in_by_link()
    notebook.expect_signed_in()
