"""The panel in JupyterLab: signing in with a click, while a cell is blocked and while it is not."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

from .book import LOAD, LOGIN, PANEL, READS_S3
from .conftest import FAR, Open, Visit


def test_the_main_job_by_a_click_on_the_panels_link(open_book: Open) -> None:
    book = open_book(LOAD, LOGIN, READS_S3)
    book.run(0)
    book.start(1)
    book.sign_in()
    book.is_signed_in()
    book.run(2)
    book.shows(2, "True")


def test_run_all_goes_on_after_the_sign_in_in_its_first_cell(open_book: Open) -> None:
    book = open_book(f"{LOAD}\n{LOGIN}", READS_S3)
    book.run_all()
    book.sign_in()
    book.shows(1, "True")


@pytest.mark.parametrize("blocked", [True, False], ids=["in a blocked cell", "in a free kernel"])
def test_a_browser_that_cannot_reach_the_kernel_pastes_the_address(open_book: Open, far: str, blocked: bool) -> None:
    """On a remote kernel: one click, one form, one copy, one paste; the box is empty again at once."""
    book = open_book(f"{LOAD}\n{far}", LOGIN if blocked else PANEL, READS_S3)
    book.run(0)
    book.start(1)
    address = book.sign_in()
    assert address.startswith(FAR)
    book.address.fill(address)
    book.is_signed_in()
    book.run(2)
    book.shows(2, "True")
    code = re.search(r"code=([^&]+)", address)
    assert code is not None
    assert code[1] not in book.save()


def test_a_panel_in_a_free_kernel_leaves_the_kernel_free(open_book: Open) -> None:
    """The listener wins there, too; cells run meanwhile."""
    book = open_book(LOAD, PANEL, "print(6 * 7)", READS_S3)
    book.run(0, 1, 2)
    book.shows(2, "42")
    book.sign_in()
    book.is_signed_in()
    book.run(3)
    book.shows(3, "True")


def test_a_wrong_address_is_explained_and_the_box_is_empty_again(open_book: Open) -> None:
    book = open_book(LOAD, LOGIN)
    book.run(0)
    book.start(1)
    book.address.fill("https://hub.example.org/?code=abc&state=def")
    book.says("belongs to another sign-in")
    expect(book.address).to_have_value("")
    expect(book.link).to_be_visible()
    book.sign_in()
    book.is_signed_in()


def test_the_stop_button_leaves_a_way_to_try_again(open_book: Open) -> None:
    book = open_book(LOAD, LOGIN, READS_S3)
    book.run(0)
    book.start(1)
    expect(book.link).to_be_visible()
    book.interrupt()
    book.says("The sign-in was not finished")
    book.button("Try again").click()
    book.sign_in()
    book.is_signed_in()
    book.run(2)
    book.shows(2, "True")


def test_cancel_ends_the_cell_and_time_runs_out_by_itself(open_book: Open) -> None:
    book = open_book(LOAD, LOGIN, f"{LOGIN} --timeout 2")
    book.run(0)
    book.start(1)
    book.button("Cancel").click()
    book.shows(1, "The sign-in was stopped")
    book.start(2)
    book.shows(2, "Nobody finished the sign-in")


PANELLED = "%cognito_login --panel --role-suffix"
WHO = 'print(session.client("sts").get_caller_identity()["Arn"])'
UNTIL_UPLOADER = """
import time
until = time.time() + 60
while "Uploader" not in (arn := session.client("sts").get_caller_identity()["Arn"]) and time.time() < until:
    time.sleep(0.1)
print(arn)
"""


def test_another_role_is_taken_by_the_drop_down(open_book: Open) -> None:
    """Also while a cell runs: what it does next with `session` it does in the new role."""
    book = open_book(LOAD, LOGIN, PANEL, UNTIL_UPLOADER)
    book.run(0)
    book.start(1)
    book.sign_in()
    book.done(1)
    book.panel.get_by_label("Role").select_option("Uploader")
    book.run(3)
    book.shows(3, "Uploader")


def test_login_with_panel_takes_what_else_was_asked_for(open_book: Open) -> None:
    """The cell does not wait, and the role is the one that it names: before the sign-in, and after it."""
    book = open_book(LOAD, f"{PANELLED} Uploader", UNTIL_UPLOADER, f"{PANELLED} Analyst", WHO)
    book.run(0, 1)
    book.sign_in()
    book.is_signed_in()
    book.run(2)
    book.shows(2, "Uploader")
    book.run(3, 4)
    book.shows(4, "Analyst")


def test_every_panel_shows_the_same_and_signing_out_is_seen_in_all(open_book: Open) -> None:
    """Two panels of one kernel."""
    book = open_book(LOAD, PANEL, PANEL, "print('session' in globals())")
    book.run(0, 1, 2)
    expect(book.panels).to_have_count(2)
    book.sign_in()
    for index in range(2):
        expect(book.panels.nth(index)).to_contain_text("You are signed in")
    book.button("Sign out").click()
    for index in range(2):
        expect(book.panels.nth(index)).to_contain_text("You are not signed in")
    book.run(3)
    book.shows(3, "False")


def test_two_browsers_on_one_kernel_show_the_same(open_book: Open, visit: Visit, chromium: Browser) -> None:
    """Whoever of two people signs in, both see it."""
    book = open_book(LOAD, PANEL)
    book.run(0, 1)
    expect(book.link).to_be_visible()
    book.save()
    other_person = chromium.new_context()
    other = visit(book.path, other_person)
    other.sign_in()
    book.is_signed_in()
    other.is_signed_in()
    book.button("Sign out").click()
    other.says("You are not signed in")
    other_person.close()


def test_a_sign_in_that_the_server_has_ended_goes_on_after_one_click(open_book: Open) -> None:
    """The notebook's old session object works again."""
    ends = "cognito.authenticator.revoke(cognito.auth_tokens['refresh_token'])\ncognito.refresh_user_pool_tokens()"
    book = open_book(LOAD, LOGIN, "old = session", ends, READS_S3.replace("session.", "old."))
    book.run(0)
    book.start(1)
    book.sign_in()
    book.run(2)
    book.start(3)
    book.shows(3, "has ended")
    book.says("Your sign-in has ended")
    book.button("Sign in again").click()
    book.sign_in(form=False)
    book.is_signed_in()
    book.run(4)
    book.shows(4, "True")


def test_a_restarted_kernel_starts_anew(open_book: Open) -> None:
    book = open_book(LOAD, LOGIN)
    book.run(0)
    book.start(1)
    expect(book.link).to_be_visible()
    book.restart()
    book.run(0)
    book.start(1)
    book.sign_in()
    book.is_signed_in()
