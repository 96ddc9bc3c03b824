"""What a user does in the browser: open the link, fill in Cognito's form, and read the page at the end."""

from __future__ import annotations

import time
from dataclasses import dataclass

from playwright.sync_api import BrowserContext, Page, expect

from .hub_kernel import HubCell

PASSWORD = "correct horse battery"
SIGN_IN = "%cognito_login --role-suffix Analyst"
WHO = """from cognito_jupyter import decode_jwt_payload
print(decode_jwt_payload(cognito.auth_tokens["id_token"])["cognito:username"])"""
"""Prints the name of the user who is signed in at Cognito."""


@dataclass(frozen=True)
class SignIn:
    """A sign-in whose form was submitted.

    Attributes:
        page: The page that shows what follows.
        submitted_at: When the form was submitted (`time.monotonic`).
    """

    page: Page
    submitted_at: float

    def expect_received(self) -> None:
        """Waits until the page says that the sign-in has arrived, and that its address shows no code any more."""
        expect(self.page.get_by_role("heading", name="Sign-in received")).to_be_visible()
        assert "code=" not in self.page.url

    def seconds_to(self, cell: HubCell) -> float:
        """Waits until a cell has run; returns the seconds from the password to its end."""
        cell.wait()
        assert cell.ended_at is not None
        return cell.ended_at - self.submitted_at


def submit_form(browser: BrowserContext, link: str, user: str) -> SignIn:
    """Opens a login's link, types the password, and submits Cognito's form, without waiting for what follows.

    Args:
        browser: The browser.
        link: The link that the cell shows.
        user: The user's name at Cognito.
    """
    page = browser.new_page()
    page.goto(link)
    return SignIn(page, fill_form(page, user))


def fill_form(page: Page, user: str) -> float:
    """Fills in and submits Cognito's form; returns when it was submitted (`time.monotonic`).

    Args:
        page: The page with the form.
        user: The user's name at Cognito.
    """
    page.fill("#username", user)
    # At the speed of a fast typist: meanwhile the kernel prepares the client for AWS.
    page.locator("#password").press_sequentially(PASSWORD, delay=40)
    submitted_at = time.monotonic()
    page.get_by_role("button", name="Sign in").click(no_wait_after=True)
    return submitted_at
