"""The page of a notebook in each front end with a browser: runs cells, and times what the user sees.

Times are taken in the page, so that they hold nothing of Playwright's own delays.
"""

from __future__ import annotations

import contextlib
import re
from typing import ClassVar

from playwright.sync_api import Error as PlaywrightError, Page, TimeoutError as PlaywrightTimeoutError, expect

from cognito_jupyter.local import LocalCognito
from tests.support.polling import TEST_TIMEOUT

from ..notebook_page import is_authorization_response

LINK = "a[href*='/oauth2/authorize']"
_BUTTON = "button:is(.widget-button, .jupyter-button):not([disabled])"
_TIMEOUT = TEST_TIMEOUT
"""Seconds to wait for a link, or for a cell's end; the tests compare the time until then with what a user waits."""
RED_BOXES = ("Click to show javascript error", "Error displaying widget", "model not found", "Error rendering")
"""What front ends show in place of a widget that they cannot draw, in lower or upper case."""
_SCRIPT = """
window.cognitoTest = {
  isVisible: (node) => node.getClientRects().length > 0 && getComputedStyle(node).visibility === "visible"
    && [...node.getClientRects()].some((box) => box.width > 0 && box.height > 0),
  find: (selector, text) => [...document.querySelectorAll(selector)].find(
    (node) => window.cognitoTest.isVisible(node) && (!text || node.textContent.trim() === text)),
  // Returns seconds; null: it did not come in time.
  secondsTo: (selector, text, timeout) => new Promise((resolve) => {
    const look = () => {
      const passed = (Date.now() - window.cognitoTest.startedAt) / 1000;
      if (window.cognitoTest.find(selector, text)) resolve(passed);
      else if (passed > timeout) resolve(null);
      else setTimeout(look, 20);
    };
    look();
  }),
  // Returns whether the same element has been shown at the same place since half a second.
  stands: (selector) => {
    const node = window.cognitoTest.find(selector, "");
    const top = node?.getBoundingClientRect().top;
    const seen = window.cognitoTest.seen;
    if (!node || seen?.node !== node || seen.top !== top) window.cognitoTest.seen = {node, top, at: Date.now()};
    return Boolean(node) && Date.now() - window.cognitoTest.seen.at > 500;
  },
};
"""


class FrontEndPage:
    """A notebook that is open in a front end.

    Args:
        page: Playwright's.
        cognito: Where the user signs in.
    """

    prompt: ClassVar[str]
    cell: ClassVar[str]
    is_ready: ClassVar[str]
    start: ClassVar[str]

    def __init__(self, page: Page, cognito: LocalCognito) -> None:
        self.page = page
        self._cognito = cognito
        page.add_init_script(_SCRIPT)
        page.set_default_timeout(_TIMEOUT * 1000)

    def open(self, url: str, *, loses_messages: bool = False) -> None:
        """Opens the notebook, and waits until its kernel is idle.

        Args:
            url: The notebook's.
            loses_messages: Whether the kernel may leave a front end's first message unread until another client
                connects (ipykernel's issue 1554): then the page is loaded again, as a user does.
        """
        # Voila runs the notebook before it sends the page.
        self.page.goto(url, timeout=60_000)
        if loses_messages:
            with contextlib.suppress(PlaywrightTimeoutError):
                self.page.wait_for_function(self.is_ready, timeout=20_000)
                return
            self.page.reload()
        self.page.wait_for_function(self.is_ready, timeout=60_000)

    def start_cell(self, index: int) -> None:
        """Starts a cell; the times of `seconds_to_link` and `seconds_to_button` begin here."""
        self.page.evaluate(self.start, index)

    def wait_for_cell(self, index: int) -> None:
        """Waits until a cell has run."""
        prompt = self.page.locator(self.cell).nth(index).locator(self.prompt).first
        expect(prompt).to_have_text(re.compile(r"\[\d+\]"), timeout=_TIMEOUT * 1000)

    def run_cell(self, index: int) -> None:
        """Runs a cell to its end."""
        self.start_cell(index)
        self.wait_for_cell(index)

    def expect_output(self, text: str) -> None:
        """Waits until the page holds a text."""
        expect(self.page.locator("body")).to_contain_text(text, timeout=_TIMEOUT * 1000)

    def seconds_to_link(self, timeout: float = _TIMEOUT) -> float | None:
        """Returns the seconds from a cell's start until a link to the sign-in page is visible; None: there is none.

        Args:
            timeout: Seconds after which there is none.
        """
        return self._seconds_to(LINK, "", timeout)

    def seconds_to_button(self, text: str, timeout: float = _TIMEOUT) -> float | None:
        """Returns the seconds from a cell's start until a button is visible; None: there is none.

        Args:
            text: What the button says.
            timeout: Seconds after which there is none.
        """
        return self._seconds_to(_BUTTON, text, timeout)

    def _seconds_to(self, selector: str, text: str, timeout: float) -> float | None:
        seconds: float | None = self.page.evaluate(
            "([selector, text, timeout]) => window.cognitoTest.secondsTo(selector, text, timeout)",
            [selector, text, timeout],
        )
        return seconds

    def press_button(self, text: str) -> None:
        """Presses a button; the time of `seconds_to_link` begins here."""
        self.page.evaluate("window.cognitoTest.startedAt = Date.now()")
        self.page.locator(f"{_BUTTON}:visible").filter(has_text=text).first.click()

    def sign_in_by_link(self) -> None:
        """Follows the link, fills in the form, and waits for the page at which the browser ends."""
        user = self._cognito.demo_user
        # A panel may come in place of the link in text; a click that begins at the one and ends at the other is none.
        self.page.wait_for_function("(link) => window.cognitoTest.stands(link)", arg=LINK)
        with self.page.context.expect_event("request", is_authorization_response) as sent:
            with self.page.context.expect_page() as opened:
                self.page.locator(f"{LINK}:visible").first.click()
            opened.value.fill("#username", user.username)
            opened.value.fill("#password", user.password)
            opened.value.get_by_role("button", name="Sign in").click()
        sent.value.response()
        opened.value.close()

    def expect_no_link(self) -> None:
        """Waits until no link is left."""
        expect(self.page.locator(f"{LINK}:visible")).to_have_count(0, timeout=_TIMEOUT * 1000)

    def red_boxes(self) -> list[str]:
        """Returns the visible signs of a widget that could not be drawn."""
        text = self.visible_text().lower()
        return [box for box in RED_BOXES if box.lower() in text]

    def visible_text(self) -> str:
        """Returns the page's visible text."""
        try:
            return self.page.locator("body").inner_text(timeout=5_000)
        except PlaywrightError as error:
            return f"The page cannot be read: {error}"


class JupyterLabPage(FrontEndPage):
    """A notebook in JupyterLab 3 or 4, or in Notebook 7."""

    cell = ".jp-Notebook .jp-Cell"
    prompt = ".jp-InputPrompt"
    is_ready = """() => {
      const context = window.jupyterapp?.shell.currentWidget?.sessionContext;
      return context?.isReady && context.session?.kernel?.connectionStatus === "connected"
        && context.session.kernel.status === "idle";
    }"""
    start = """(index) => {
      const notebook = window.jupyterapp.shell.currentWidget.content;
      notebook.activeCellIndex = index;
      notebook.deselectAll();
      window.cognitoTest.startedAt = Date.now();
      window.jupyterapp.commands.execute("notebook:run-cell");
    }"""


class ClassicPage(FrontEndPage):
    """A notebook in nbclassic."""

    cell = "#notebook-container > .cell"
    prompt = ".input_prompt"
    is_ready = """() => window.Jupyter?.notebook?.kernel?.is_connected() && window.Jupyter.notebook._fully_loaded
      && !window.Jupyter.notebook.kernel_busy && document.querySelector(".kernel_idle_icon")"""
    start = """(index) => {
      window.cognitoTest.startedAt = Date.now();
      window.Jupyter.notebook.execute_cells([index]);
    }"""


class VoilaPage(FrontEndPage):
    """A notebook that Voila shows: all its cells have run before the page is drawn, and nobody can run another one."""

    STAMP = 'import time\nprint("started at", time.time())'
    """The cell before the one that is timed."""
    is_ready = """() => {
      const started = /started at ([0-9.]+)/.exec(document.body?.innerText ?? "");
      if (started) window.cognitoTest.startedAt = 1000 * Number(started[1]);
      return started !== null;
    }"""
