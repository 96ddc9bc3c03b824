"""The page object of one open notebook: what a user sees and does there."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import (
    Error as PlaywrightError,
    Locator,
    Page,
    Request,
    TimeoutError as PlaywrightTimeoutError,
    expect,
)

from cognito_jupyter.local import LocalCognito

_KERNEL_IDLE = """(name) => {
  const shown = window.jupyterapp?.shell.currentWidget;
  const context = shown?.sessionContext;
  const kernel = context?.session?.kernel;
  return shown?.context?.path === name && context?.isReady
    && kernel?.connectionStatus === 'connected' && kernel?.status === 'idle';
}"""
_KERNEL_STATE = """async () => {
  const shown = window.jupyterapp?.shell.currentWidget;
  const context = shown?.sessionContext;
  const kernel = context?.session?.kernel;
  const manager = window.jupyterapp?.serviceManager;
  await manager?.kernels.refreshRunning();
  return JSON.stringify({
    path: shown?.context?.path, ready: context?.isReady, connection: kernel?.connectionStatus, status: kernel?.status,
    id: kernel?.id, kernels: manager ? [...manager.kernels.running()] : null,
  });
}"""
# By the command of the key: while an earlier cell's end changes the notebook's mode, the key belongs to the editor.
_RUN_CELL = """(index) => {
  window.jupyterapp.shell.currentWidget.content.activeCellIndex = index;
  window.jupyterapp.commands.execute('notebook:run-cell');
}"""
_SAVE = "async () => { await window.jupyterapp.commands.execute('docmanager:save') }"
_HAS_RUN = re.compile(r"\[\d+\]:")


LOAD = "%load_ext cognito_jupyter"
LOGIN = "%cognito_login --role-suffix Analyst"
PANEL = "%cognito_panel"
PLACEHOLDER = "run %cognito_panel for a new one"
"""What a panel without its kernel shows."""
READS_S3 = 'print(session.client("s3").list_objects_v2(Bucket="cognito-jupyter-demo")["KeyCount"] > 0)'


class NotebookPage:
    """One notebook, open in JupyterLab or in Notebook 7.

    Args:
        page: Playwright's.
        path: The notebook's file.
        cognito: Where the user signs in.
    """

    def __init__(self, page: Page, path: Path, cognito: LocalCognito) -> None:
        self.page = page
        self.path = path
        self.cognito = cognito

    def wait_for_kernel(self) -> None:
        """Waits until the front end is connected to an idle kernel."""
        self.page.locator(".jp-Notebook .jp-CodeCell").first.wait_for(timeout=60_000)
        try:
            self.page.wait_for_function(_KERNEL_IDLE, arg=self.path.name, timeout=60_000)
        except PlaywrightTimeoutError:
            state = self.page.evaluate(_KERNEL_STATE)
            raise AssertionError(f"The front end is not connected to an idle kernel: {state}") from None

    # -- cells

    def cell(self, index: int) -> Locator:
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index)

    def _prompt(self, index: int) -> Locator:
        return self.cell(index).locator(".jp-InputPrompt").first

    def start_cell(self, index: int) -> None:
        """Starts a cell that has not run yet, without waiting for its end."""
        self.page.evaluate(_RUN_CELL, index)
        expect(self._prompt(index)).not_to_have_text("[ ]:")

    def wait_for_cell(self, index: int) -> None:
        """Waits until a cell has run."""
        expect(self._prompt(index)).to_have_text(_HAS_RUN)

    def run_cells(self, *indexes: int) -> None:
        """Runs cells one after the other."""
        for index in indexes:
            self.start_cell(index)
            self.wait_for_cell(index)

    def run_and_expect(self, index: int, text: str) -> None:
        """Runs a cell, and waits until its output holds a text."""
        self.run_cells(index)
        self.expect_output(index, text)

    def run_all_cells(self) -> None:
        """Runs every cell, by the menu."""
        self.choose_menu_item("Run", "Run All Cells")
        expect(self._prompt(0)).not_to_have_text("[ ]:")

    def expect_output(self, index: int, text: str) -> None:
        """Waits until a cell's output holds a text."""
        expect(self.cell(index).locator(".jp-OutputArea")).to_contain_text(text)

    def visible_text(self) -> str:
        """Returns the notebook's visible text, for the report of a failed test."""
        try:
            return self.page.locator(".jp-Notebook").first.inner_text(timeout=5_000)
        except PlaywrightError as error:
            return f"Its page cannot be read: {error}"

    # -- menus

    def choose_menu_item(self, menu: str, item: str) -> None:
        """Chooses from the menu bar."""
        self.page.get_by_role("menuitem", name=menu, exact=True).click()
        self.page.get_by_role("menuitem", name=re.compile(rf"^{item}")).first.click()

    def interrupt(self) -> None:
        """Presses the stop button."""
        self.page.get_by_role("button", name=re.compile("Interrupt")).first.click()

    def restart_kernel(self, *, keep_outputs: bool = False) -> None:
        """Restarts the kernel, by the menu.

        Args:
            keep_outputs: Whether the outputs stay, among which a panel tells that the old kernel is gone.
        """
        self.choose_menu_item("Kernel", "Restart Kernel…" if keep_outputs else "Restart Kernel and Clear Outputs")
        self.page.get_by_role("button", name="Confirm Kernel Restart").click()
        if keep_outputs:
            self.expect_panel_text(PLACEHOLDER)
        else:
            expect(self._prompt(0)).to_have_text("[ ]:")
        self.wait_for_kernel()

    def save(self) -> str:
        """Saves the notebook, with a checkpoint; returns the file's text."""
        self.page.evaluate(_SAVE)
        return self.path.read_text(encoding="utf-8")

    # -- the panel

    @property
    def panels(self) -> Locator:
        return self.page.locator(".cognito-panel:visible")

    @property
    def panel(self) -> Locator:
        return self.panels.first

    @property
    def sign_in_link(self) -> Locator:
        return self.panel.get_by_role("link", name="Sign in")

    @property
    def paste_field(self) -> Locator:
        return self.panel.get_by_role("textbox", name="Address")

    def open_paste_box(self) -> None:
        """Opens the paste box if one line stands for it, as where the browser can reach the kernel."""
        expect(self.panel.locator("label.address")).to_be_attached()
        line = self.panel.locator("details:not([open]) > summary")
        if line.count():
            line.click()

    def paste(self, text: str) -> None:
        """Pastes a text into the panel."""
        self.open_paste_box()
        self.paste_field.fill(text)

    def button(self, name: str) -> Locator:
        return self.panel.get_by_role("button", name=name)

    def expect_panel_text(self, text: str) -> None:
        """Waits until the panel holds a text."""
        expect(self.panel).to_contain_text(text)

    def expect_signed_in(self) -> None:
        """Waits until the panel shows that the user is signed in."""
        self.expect_panel_text("You are signed in")

    # -- signing in

    def sign_in_by_link(self, *, form: bool = True) -> str:
        """Follows the panel's link and fills in the form.

        Args:
            form: Whether there is one: Cognito shows none to a browser that has signed in before.

        Returns:
            The URL at which the browser ends up, whether a server listens there or not.
        """
        with self.page.context.expect_event("request", is_authorization_response) as sent:
            with self.page.context.expect_page() as opened:
                self.sign_in_link.click()
            if form:
                self.submit_sign_in_form(opened.value)
        # It is None if no server listens there.
        sent.value.response()
        opened.value.close()
        return sent.value.url

    def submit_sign_in_form(self, page: Page) -> None:
        """Fills in the sign-in form, by mouse."""
        user = self.cognito.demo_user
        page.fill("#username", user.username)
        page.fill("#password", user.password)
        page.get_by_role("button", name="Sign in").click()


def is_authorization_response(request: Request) -> bool:
    """Returns whether a request brings the code to the redirect URI."""
    return "code=" in urlsplit(request.url).query
