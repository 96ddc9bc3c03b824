"""The panel in JupyterLab: signing in with a click, while a cell is blocked and while it is not."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

from .book import LOAD, LOGIN, PANEL, READS_S3
from .conftest import REMOTE_REDIRECT_URI, OpenFile, OpenNotebook


def test_signing_in_by_a_click_on_the_panels_link(open_book: OpenNotebook) -> None:
    book = open_book(LOAD, LOGIN, READS_S3)
    book.run_cells(0)
    book.start_cell(1)
    book.sign_in_by_link()
    book.expect_signed_in()
    book.run_cells(2)
    book.expect_output(2, "True")


def test_run_all_continues_after_the_sign_in_in_its_first_cell(open_book: OpenNotebook) -> None:
    book = open_book(f"{LOAD}\n{LOGIN}", READS_S3)
    book.run_all_cells()
    book.sign_in_by_link()
    book.expect_output(1, "True")


@pytest.mark.parametrize("blocked", [True, False], ids=["in a blocked cell", "in a free kernel"])
def test_a_browser_that_cannot_reach_the_kernel_pastes_the_address(
    open_book: OpenNotebook, far: str, blocked: bool
) -> None:
    """On a remote kernel: one click, one form, one copy, one paste; the box is empty again at once."""
    book = open_book(f"{LOAD}\n{far}", LOGIN if blocked else PANEL, READS_S3)
    book.run_cells(0)
    book.start_cell(1)
    address = book.sign_in_by_link()
    assert address.startswith(REMOTE_REDIRECT_URI)
    book.paste_field.fill(address)
    book.expect_signed_in()
    book.run_cells(2)
    book.expect_output(2, "True")
    code = re.search(r"code=([^&]+)", address)
    assert code is not None
    assert code[1] not in book.save()


def test_a_panel_in_a_free_kernel_leaves_the_kernel_free(open_book: OpenNotebook) -> None:
    """The listener wins there, too; cells run meanwhile."""
    book = open_book(LOAD, PANEL, "print(6 * 7)", READS_S3)
    book.run_cells(0, 1, 2)
    book.expect_output(2, "42")
    book.sign_in_by_link()
    book.expect_signed_in()
    book.run_cells(3)
    book.expect_output(3, "True")


def test_a_wrong_address_is_explained_and_the_box_is_empty_again(open_book: OpenNotebook) -> None:
    book = open_book(LOAD, LOGIN)
    book.run_cells(0)
    book.start_cell(1)
    book.paste_field.fill("https://hub.example.org/?code=abc&state=def")
    book.expect_panel_text("belongs to another sign-in")
    expect(book.paste_field).to_have_value("")
    expect(book.sign_in_link).to_be_visible()
    book.sign_in_by_link()
    book.expect_signed_in()


def test_the_stop_button_leaves_a_way_to_try_again(open_book: OpenNotebook) -> None:
    book = open_book(LOAD, LOGIN, READS_S3)
    book.run_cells(0)
    book.start_cell(1)
    expect(book.sign_in_link).to_be_visible()
    book.interrupt()
    book.expect_panel_text("The sign-in was not finished")
    book.button("Try again").click()
    book.sign_in_by_link()
    book.expect_signed_in()
    book.run_cells(2)
    book.expect_output(2, "True")


def test_cancel_ends_the_cell_and_so_does_the_timeout(open_book: OpenNotebook) -> None:
    book = open_book(LOAD, LOGIN, f"{LOGIN} --timeout 2")
    book.run_cells(0)
    book.start_cell(1)
    book.button("Cancel").click()
    book.expect_output(1, "The sign-in was stopped")
    book.start_cell(2)
    book.expect_output(2, "The sign-in timed out")


PANEL_LOGIN = "%cognito_login --panel --role-suffix"
PRINT_ARN = 'print(session.client("sts").get_caller_identity()["Arn"])'
UNTIL_UPLOADER = """
import time
until = time.time() + 60
while "Uploader" not in (arn := session.client("sts").get_caller_identity()["Arn"]) and time.time() < until:
    time.sleep(0.1)
print(arn)
"""


def test_another_role_is_selected_by_the_drop_down(open_book: OpenNotebook) -> None:
    """Also while a cell runs: what it does next with `session` it does in the new role."""
    book = open_book(LOAD, LOGIN, PANEL, UNTIL_UPLOADER)
    book.run_cells(0)
    book.start_cell(1)
    book.sign_in_by_link()
    book.wait_for_cell(1)
    book.panel.get_by_label("Role").select_option("Uploader")
    book.run_cells(3)
    book.expect_output(3, "Uploader")


def test_login_with_panel_respects_the_other_arguments(open_book: OpenNotebook) -> None:
    """The cell does not wait, and the role is the one that it names: before the sign-in, and after it."""
    book = open_book(LOAD, f"{PANEL_LOGIN} Uploader", UNTIL_UPLOADER, f"{PANEL_LOGIN} Analyst", PRINT_ARN)
    book.run_cells(0, 1)
    book.sign_in_by_link()
    book.expect_signed_in()
    book.run_cells(2)
    book.expect_output(2, "Uploader")
    book.run_cells(3, 4)
    book.expect_output(4, "Analyst")


def test_all_panels_of_a_kernel_show_the_same_sign_in_and_sign_out(open_book: OpenNotebook) -> None:
    """Two panels of one kernel."""
    book = open_book(LOAD, PANEL, PANEL, "print('session' in globals())")
    book.run_cells(0, 1, 2)
    expect(book.panels).to_have_count(2)
    book.sign_in_by_link()
    for index in range(2):
        expect(book.panels.nth(index)).to_contain_text("You are signed in")
    book.button("Sign out").click()
    for index in range(2):
        expect(book.panels.nth(index)).to_contain_text("You are not signed in")
    book.run_cells(3)
    book.expect_output(3, "False")


def test_two_browsers_on_one_kernel_show_the_same(open_book: OpenNotebook, visit: OpenFile, chromium: Browser) -> None:
    """Whoever of two people signs in, both see it."""
    book = open_book(LOAD, PANEL)
    book.run_cells(0, 1)
    expect(book.sign_in_link).to_be_visible()
    book.save()
    other_person = chromium.new_context()
    other = visit(book.path, other_person)
    other.sign_in_by_link()
    book.expect_signed_in()
    other.expect_signed_in()
    book.button("Sign out").click()
    other.expect_panel_text("You are not signed in")
    other_person.close()


def test_a_sign_in_ended_by_the_server_is_restored_by_one_click(open_book: OpenNotebook) -> None:
    """The notebook's old session object works again."""
    ends = "cognito.authenticator.revoke(cognito.auth_tokens['refresh_token'])\ncognito.refresh_user_pool_tokens()"
    book = open_book(LOAD, LOGIN, "old = session", ends, READS_S3.replace("session.", "old."))
    book.run_cells(0)
    book.start_cell(1)
    book.sign_in_by_link()
    book.run_cells(2)
    book.start_cell(3)
    book.expect_output(3, "has ended")
    book.expect_panel_text("Your sign-in has ended")
    book.button("Sign in again").click()
    book.sign_in_by_link(form=False)
    book.expect_signed_in()
    book.run_cells(4)
    book.expect_output(4, "True")


def test_a_restarted_kernel_needs_a_new_sign_in(open_book: OpenNotebook) -> None:
    book = open_book(LOAD, LOGIN)
    book.run_cells(0)
    book.start_cell(1)
    expect(book.sign_in_link).to_be_visible()
    book.restart_kernel()
    book.run_cells(0)
    book.start_cell(1)
    book.sign_in_by_link()
    book.expect_signed_in()
