"""The panel in JupyterLab: signing in with a click, while a cell is blocked and while it is not."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from cognito_jupyter.local import LocalCognito
from tests.browser.conftest import FAR, THEMES, WIDGETS, Open, Settings

LOAD = "%load_ext cognito_jupyter"
LOGIN = "%cognito_login --role-suffix Analyst"
READS_S3 = 'print(session.client("s3").list_objects_v2(Bucket="cognito-jupyter-demo")["KeyCount"] > 0)'
PANEL = "%cognito_panel"


def test_the_main_job_by_a_click_on_the_panels_link(open_book: Open) -> None:
    book = open_book(LOAD, LOGIN, READS_S3)
    book.run(0)
    book.run(1)
    book.sign_in()
    expect(book.panel).to_contain_text("You are signed in")
    book.done(1)
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
    book.run(1)
    address = book.sign_in()
    assert address.startswith(FAR)
    book.paste(address)
    expect(book.panel).to_contain_text("You are signed in")
    book.run(2)
    book.shows(2, "True")
    code = re.search(r"code=([^&]+)", address)
    assert code is not None
    assert code[1] not in book.save()


def test_a_wrong_address_is_explained_and_the_box_is_empty_again(open_book: Open) -> None:
    book = open_book(LOAD, LOGIN)
    book.run(0)
    book.run(1)
    book.paste("https://hub.example.org/?code=abc&state=def")
    expect(book.panel).to_contain_text("belongs to another sign-in")
    expect(book.address()).to_have_value("")
    expect(book.link()).to_be_visible()


def test_the_stop_button_leaves_a_way_to_try_again(open_book: Open) -> None:
    book = open_book(LOAD, LOGIN, READS_S3)
    book.run(0)
    book.run(1)
    expect(book.link()).to_be_visible()
    book.page.get_by_role("button", name=re.compile("Interrupt")).first.click()
    expect(book.panel).to_contain_text("The sign-in was not finished")
    book.click("Try again")
    book.sign_in()
    expect(book.panel).to_contain_text("You are signed in")
    book.run(2)
    book.shows(2, "True")


def test_cancel_ends_the_cell_and_time_runs_out_by_itself(open_book: Open) -> None:
    book = open_book(LOAD, LOGIN, f"{LOGIN} --timeout 2")
    book.run(0)
    book.run(1)
    book.click("Cancel")
    book.shows(1, "The sign-in was stopped")
    book.run(2)
    book.shows(2, "Nobody finished the sign-in")


def test_another_role_is_taken_by_the_drop_down(open_book: Open, cognito: LocalCognito) -> None:
    book = open_book(LOAD, LOGIN, PANEL, READS_S3, "old = session")
    book.run(0)
    book.run(1)
    book.sign_in()
    book.done(1)
    book.run(4)
    book.panel.get_by_label("Role").select_option("Uploader")
    expect(book.panel.get_by_role("button", name="Sign out")).to_be_enabled()
    book.run(3)
    book.shows(3, "True")
    assert cognito.aws.gate.requests[-1].role_arn == cognito.roles["Uploader"]


def test_every_panel_shows_the_same_and_signing_out_is_seen_in_all(open_book: Open) -> None:
    """Two panels of one kernel."""
    book = open_book(LOAD, PANEL, PANEL, "print('session' in globals())")
    book.run(0)
    book.run(1)
    book.run(2)
    book.done(2)
    expect(book.panels).to_have_count(2)
    book.sign_in()
    for index in range(2):
        expect(book.panels.nth(index)).to_contain_text("You are signed in")
    book.click("Sign out")
    for index in range(2):
        expect(book.panels.nth(index)).to_contain_text("You are not signed in")
    book.run(3)
    book.shows(3, "False")


def test_a_sign_in_that_the_server_has_ended_goes_on_after_one_click(open_book: Open) -> None:
    """The notebook's old session object works again."""
    ends = "cognito.authenticator.revoke(cognito.auth_tokens['refresh_token'])\ncognito.refresh_user_pool_tokens()"
    book = open_book(LOAD, LOGIN, "old = session", ends, READS_S3.replace("session.", "old."))
    book.run(0)
    book.run(1)
    book.sign_in()
    book.done(1)
    book.run(2)
    book.run(3)
    book.shows(3, "has ended")
    expect(book.panel).to_contain_text("Your sign-in has ended")
    book.click("Sign in again")
    book.sign_in()
    expect(book.panel).to_contain_text("You are signed in")
    book.run(4)
    book.shows(4, "True")


def test_a_restarted_kernel_starts_anew(open_book: Open) -> None:
    book = open_book(LOAD, LOGIN)
    book.run(0)
    book.run(1)
    expect(book.link()).to_be_visible()
    book.page.get_by_role("menuitem", name="Kernel", exact=True).click()
    book.page.get_by_role("menuitem", name="Restart Kernel and Clear Outputs").click()
    book.page.get_by_role("button", name="Confirm Kernel Restart").click()
    book.run(0)
    book.done(0)
    book.run(1)
    book.sign_in()
    expect(book.panel).to_contain_text("You are signed in")


def test_nothing_secret_is_saved_with_the_widgets(
    open_book: Open, cognito: LocalCognito, far: str, lab_settings: Settings
) -> None:
    """With the widget state in the file; the search is proven to find what is there."""
    lab_settings(WIDGETS, {"saveState": True})
    book = open_book(f"{LOAD}\n{far}", LOGIN, PANEL)
    book.run(0)
    book.run(1)
    address = book.sign_in()
    book.paste("https://hub.example.org/?code=abc&state=def")
    book.paste(address)
    book.done(1)
    book.run(2)
    book.done(2)
    saved = book.save()
    assert "application/vnd.jupyter.widget-state+json" in saved
    assert "You are signed in" in saved
    found = [secret for secret in cognito.secrets if secret in saved]
    assert found == []
    for word in ("state=", "code=", "code_challenge", "/oauth2/authorize"):
        assert word not in saved.replace("code=…&amp;state=…", "")


def test_a_notebook_opened_again_shows_plain_text(open_book: Open) -> None:
    """Without its kernel there is no button that looks alive."""
    book = open_book(LOAD, PANEL)
    book.run(0)
    book.run(1)
    expect(book.link()).to_be_visible()
    saved = book.save()
    assert "It works beside its own kernel alone" in saved


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_panel_has_no_serious_fault_of_access(open_book: Open, lab_settings: Settings, scheme: str) -> None:
    """By axe-core, inside the panel's node, in each state that waits for a person."""
    lab_settings(THEMES, {"theme": f"JupyterLab {scheme.title()}"})
    book = open_book(LOAD, PANEL)
    expect(book.page.locator("body")).to_have_attribute("data-jp-theme-light", "true" if scheme == "light" else "false")
    book.run(0)
    book.run(1)
    expect(book.link()).to_be_visible()
    faults = serious(book)
    book.click("Cancel")
    expect(book.panel.get_by_role("button", name="Try again")).to_be_visible()
    faults += serious(book)
    book.click("Try again")
    book.sign_in()
    expect(book.panel.get_by_role("button", name="Sign out")).to_be_visible()
    faults += serious(book)
    assert faults == []


def serious(book: object) -> list[str]:
    page = book.page  # type: ignore[attr-defined]
    violations = Axe().run(page, context=".cognito-panel").response["violations"]
    grave = [each for each in violations if each["impact"] in {"serious", "critical"}]
    return [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in grave]


def test_by_keyboard_alone(open_book: Open) -> None:
    """Tab reaches the link, the box and the button, in this order."""
    book = open_book(LOAD, PANEL)
    book.run(0)
    book.run(1)
    book.link().focus()
    focused = []
    for _ in range(3):
        focused.append(book.page.evaluate("document.activeElement.tagName + ':' + (document.activeElement.type || '')"))
        book.page.keyboard.press("Tab")
    assert [each.partition(":")[0] for each in focused] == ["A", "INPUT", "BUTTON"]
