"""A panel whose kernel or extension is gone says so, and takes nothing away from the panels that work."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, expect

from .conftest import OpenNotebook
from .kernel_pool import NEWEST, KernelPool
from .notebook_page import LOAD, LOGIN, PANEL, PLACEHOLDER, READS_S3, NotebookPage

_OPEN_BESIDE = """async (path) => {
  await window.jupyterapp.commands.execute(
    'docmanager:open', {path, factory: 'Notebook', options: {mode: 'split-right'}});
}"""
_RUN_ALL = "async () => { await window.jupyterapp.commands.execute('notebook:run-all-cells') }"
_RESTART = """async (path) => {
  const widgets = [...window.jupyterapp.shell.widgets('main')];
  await widgets.find((each) => each.context?.path === path).sessionContext.session.kernel.restart();
}"""


def expect_buttons(panel: Locator, *names: str) -> None:
    """Waits until a panel shows exactly these buttons."""
    for name in names:
        expect(panel.get_by_role("button", name=name, exact=True)).to_be_visible()
    expect(panel.get_by_role("button")).to_have_count(len(names))


def expect_dead(panel: Locator) -> None:
    expect(panel).to_contain_text(PLACEHOLDER)
    expect_buttons(panel)
    expect(panel.get_by_role("link")).to_have_count(0)
    expect(panel.get_by_role("textbox")).to_have_count(0)


@pytest.mark.parametrize("keep_outputs", [True, False], ids=["outputs kept", "outputs cleared"])
def test_after_a_restart_of_the_kernel_the_new_panel_has_all_its_buttons(
    open_notebook: OpenNotebook, keep_outputs: bool
) -> None:
    notebook = open_notebook(LOAD, PANEL, PANEL, READS_S3)
    notebook.run_cells(0, 1)
    expect(notebook.sign_in_link).to_be_visible()
    notebook.restart_kernel(keep_outputs=keep_outputs)
    notebook.run_cells(0, 2)
    panel = notebook.cell(2).locator(".cognito-panel")
    expect_buttons(panel, "Cancel")
    expect(panel.get_by_label("Stay signed in")).to_be_visible()
    if keep_outputs:
        expect_dead(notebook.cell(1).locator(".cognito-panel"))
        notebook.page.evaluate("document.querySelector('.cognito-panel').style.display = 'none'")
    notebook.sign_in_by_link()
    notebook.expect_signed_in()
    expect_buttons(panel, "Sign out")
    expect(panel.get_by_label("Role")).to_be_visible()
    expect(panel.get_by_label("Share with everything else")).to_be_visible()
    notebook.run_and_expect(3, "True")


def test_a_kernel_that_died_leaves_its_panel_dead_and_the_next_one_whole(open_notebook: OpenNotebook) -> None:
    """JupyterLab starts the kernel again by itself, and keeps the outputs."""
    notebook = open_notebook(LOAD, PANEL, "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", PANEL)
    notebook.run_cells(0, 1)
    expect(notebook.sign_in_link).to_be_visible()
    notebook.start_cell(2)
    notebook.page.locator(".jp-Dialog").get_by_role("button", name="Ok").click()
    expect_dead(notebook.cell(1).locator(".cognito-panel"))
    notebook.wait_for_kernel()
    notebook.run_cells(0, 3)
    panel = notebook.cell(3).locator(".cognito-panel")
    expect_buttons(panel, "Cancel")
    expect(panel.get_by_role("link", name="Sign in")).to_be_visible()
    expect_dead(notebook.cell(1).locator(".cognito-panel"))


def test_of_two_kernels_on_one_page_each_has_its_own_panel(
    open_notebook: OpenNotebook, kernel_pool: KernelPool
) -> None:
    """One is signed in, and stays so with all its buttons when the other one restarts."""
    notebook = open_notebook(LOAD, PANEL)
    notebook.run_cells(0, 1)
    notebook.sign_in_by_link()
    notebook.expect_signed_in()
    beside = kernel_pool.create_notebook((LOAD, PANEL), NEWEST)
    notebook.page.evaluate(_OPEN_BESIDE, beside.name)
    NotebookPage(notebook.page, beside, notebook.cognito).wait_for_kernel()
    notebook.page.evaluate(_RUN_ALL)
    expect(notebook.panels).to_have_count(2)
    signed_in, waiting = notebook.panels.nth(0), notebook.panels.nth(1)
    expect_buttons(waiting, "Cancel")
    expect(waiting.get_by_role("link", name="Sign in")).to_be_visible()
    expect_buttons(signed_in, "Sign out")
    notebook.page.evaluate(_RESTART, beside.name)
    expect_dead(waiting)
    expect(signed_in).to_contain_text("You are signed in")
    expect_buttons(signed_in, "Sign out")
    expect(signed_in.get_by_label("Role")).to_be_visible()
    kernel_pool.shut_down_kernel(beside)


@pytest.mark.parametrize("cell", [PANEL, LOGIN], ids=["in a free kernel", "in a blocked cell"])
def test_a_page_that_is_reloaded_while_a_login_waits_shows_the_login_again(
    open_notebook: OpenNotebook, cell: str
) -> None:
    notebook = open_notebook(LOAD, cell, READS_S3)
    notebook.run_cells(0)
    notebook.start_cell(1)
    expect(notebook.sign_in_link).to_be_visible()
    notebook.save()
    notebook.page.reload()
    notebook.page.locator(".jp-Notebook .jp-CodeCell").first.wait_for(timeout=60_000)
    expect_buttons(notebook.panel, "Cancel")
    notebook.sign_in_by_link()
    notebook.expect_signed_in()
    notebook.run_and_expect(2, "True")


def test_the_panel_of_an_unloaded_extension_says_so(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(LOAD, PANEL, "%unload_ext cognito_jupyter", LOAD, PANEL)
    notebook.run_cells(0, 1)
    expect(notebook.sign_in_link).to_be_visible()
    notebook.run_cells(2)
    notebook.expect_panel_text("The extension was unloaded")
    expect_buttons(notebook.panel, "The extension is unloaded")
    expect(notebook.sign_in_link).to_have_count(0)
    notebook.run_cells(3, 4)
    expect_buttons(notebook.panels.nth(1), "Cancel")
    expect(notebook.panels.nth(1).get_by_role("link", name="Sign in")).to_be_visible()
